"""Folders for machines and servers of tests."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from juggernaut.database import endpoints
from juggernaut.embedded import data_directory


@contextmanager
def var_folder() -> Iterator[Path]:
    """A `var/` that nobody else uses, in a place that the servers' account can enter; gone afterwards."""
    endpoints.var_dir().mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="own-", dir=endpoints.var_dir()))
    place.chmod(0o755)
    try:
        yield place
    finally:
        for link in filter(Path.is_symlink, place.rglob("*")):
            if link.readlink().is_relative_to(data_directory.STAGE):
                shutil.rmtree(link.readlink().parent, ignore_errors=True)
        shutil.rmtree(place)
