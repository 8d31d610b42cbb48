"""A PostgreSQL that lives apart from the machine that uses it: `python -m tests.faults.database_host FOLDER`.

It starts again when it dies, as an embedded one does under its supervisor. It writes where it listens to
`FOLDER/url` and runs until SIGTERM.
"""

import sys
from pathlib import Path

from juggernaut.embedded.postgres import PostgreSQL
from juggernaut.supervisor.machine import Machine
from juggernaut.supervisor.signals import Signals
from tests.machine import rare_port


def main(folder: Path) -> None:
    signals = Signals()
    with signals.received():
        server = PostgreSQL(folder, preferred_port=rare_port())
        machine = Machine([server], signals=signals)
        machine.start()
        try:
            (folder / "url.new").write_text(server.url)
            (folder / "url.new").rename(folder / "url")
            while not signals.is_stop_requested:
                machine.look(at_most_seconds=1.0)
        finally:
            machine.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
