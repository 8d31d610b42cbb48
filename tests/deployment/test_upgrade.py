"""Two versions side by side on one database: the next one is migrated to, started, and the old one stopped,
while clients submit and tasks run."""

import shutil
import signal
import threading
from contextlib import ExitStack

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from juggernaut import embedded
from juggernaut.environment import ROOT
from tests import places
from tests.faults import record
from tests.faults.system import Batch, Load, System
from tests.polling import until

pytestmark = pytest.mark.slow

NEXT = "999.0.0"
NOT_CODE = shutil.ignore_patterns(".git", ".venv", "var", "logs", "docs", "__pycache__", ".*_cache")
# What a version may do while the one before it still runs: add, and nothing else (see the document).
MIGRATION = """
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("governance", "{after}")]
    operations = [
        migrations.RunSQL("ALTER TABLE governance_tasks ADD COLUMN next_note text NOT NULL DEFAULT ''"),
        migrations.RunSQL("CREATE INDEX CONCURRENTLY next_index ON governance_tasks (next_note, id)"),
        migrations.RunSQL("ALTER TABLE governance_tasks ADD CONSTRAINT next_check"
                          " CHECK (length(next_note) < 1000) NOT VALID"),
        migrations.RunSQL("ALTER TABLE governance_tasks VALIDATE CONSTRAINT next_check"),
    ]
"""


class Client:
    """Submits a task after the other, to whichever web server is named, until it is told to end."""

    def __init__(self, system):
        self.system, self.ids, self.refused = system, [], []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._submit, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join(30)

    def _submit(self):
        while not self._is_over.wait(0.05):
            try:
                self.ids += self.system.submit([{"task_type": "noop", "payload": {}}])
            except (OSError, KeyError) as refused:
                self.refused.append(repr(refused))


@pytest.fixture
def upgrade():
    """The running version, and the next one, not started: two trees, one database."""
    with ExitStack() as stack:
        place = stack.enter_context(places.var_folder())
        servers = stack.enter_context(embedded.running(place / "servers", named={}))
        running, following = (beside(servers, place / name) for name in ("running", "next"))
        stack.callback(running.end)
        stack.callback(following.end)
        following.root = place / "tree"
        make_next_version(following.root)
        running.up()
        yield running, following


def beside(servers, place):
    """A machine on these servers."""
    place.mkdir(mode=0o755)
    system = System(place, JUGGERNAUT_GRACE_SECONDS="3")
    system.environment |= servers.environment
    return system


def make_next_version(tree):
    shutil.copytree(ROOT, tree, ignore=NOT_CODE)
    (tree / "governance" / "version.py").write_text(f'VERSION = "{NEXT}"\n')
    [(_, after)] = MigrationLoader(connection).graph.leaf_nodes("governance")
    written = tree / "governance" / "migrations" / "9999_next.py"
    written.write_text(MIGRATION.format(after=after))


def versions(system):
    """How many tasks the living processes of each version have finished."""
    return dict(system.sql("SELECT version, sum(finished)::int FROM worker_processes GROUP BY 1"))


@pytest.mark.django_db
def test_an_upgrade_loses_nothing_repeats_nothing_and_refuses_nobody(upgrade, tmp_path):
    running, following = upgrade
    load = Load(running, tmp_path, tasks=100)
    with Client(running) as client:
        migrated = following.command("set_up")
        assert migrated.returncode == 0, migrated.stderr
        following.start()
        following.await_running()
        until(lambda: NEXT in versions(running), timeout=60, what="workers of the next version")
        shared = Batch(
            running, [{"task_type": "add", "payload": {"place": str(tmp_path), "numbers": [1]}}] * 800
        )
        shared.await_done()
        until(lambda: all(versions(running).values()), timeout=30, what="tasks finished by both versions")
        side_by_side = versions(running)
        client.system = following

        running.send(signal.SIGTERM)

        assert running.exit_status() == 0
        until(load.is_in_flight, timeout=60, what="the tasks that were given back, held by the next version")
    (tmp_path / "open").touch()
    load.await_done()
    submitted = Batch.of(following, client.ids)
    submitted.await_done()
    assert len(side_by_side) == 2
    assert set(versions(following)) == {NEXT}
    assert client.refused == []
    for batch in (load, shared, submitted):
        record.assert_done_exactly_once(batch)
        record.assert_crashed_once(batch, set())
    for system in upgrade:
        record.assert_log_is_clean(system)
