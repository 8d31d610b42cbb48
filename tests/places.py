"""A `var/` for one test or one folder of tests, in a place that the servers' account can enter."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from juggernaut import endpoints
from juggernaut.embedded import home


@contextmanager
def own_place() -> Iterator[Path]:
    """A new folder; afterwards nothing is left of it, nor of what was staged for it elsewhere."""
    endpoints.var_dir().mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="own-", dir=endpoints.var_dir()))
    place.chmod(0o755)
    yield place
    for link in filter(Path.is_symlink, place.rglob("*")):
        if link.readlink().is_relative_to(home.STAGE):
            shutil.rmtree(link.readlink().parent, ignore_errors=True)
    shutil.rmtree(place)
