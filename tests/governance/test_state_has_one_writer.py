"""No code but `governance.tasks.transitions` writes the state of a task: a search of the whole source
tree."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from juggernaut.environment import ROOT

PACKAGES = (
    "governance",
    "reliability",
    "gateway",
    "workers",
    "monitoring",
    "core",
    "juggernaut",
    "benchmarks",
)
THE_WRITER = ROOT / "governance" / "tasks" / "transitions"

# An UPDATE of the table whose SET part names the column, or an upsert or MERGE into it that does.
_WRITING = re.compile(
    r"""
      \bUPDATE\s+ (?:ONLY\s+)? (?:public\.)? "?governance_tasks"?\b
        (?:(?!\bWHERE\b|\bFROM\b|;).)*?  [\s,(] "?status"? \s*[=,)]
    | \b(?:INSERT|MERGE)\s+INTO\s+ "?governance_tasks"?\b .* \bUPDATE\s+SET\b [^;]*? \bstatus"?\s*=
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_TASK_QUERY = re.compile(r"\b(?:Task\b|tasks?\b|queryset\b)", re.IGNORECASE)
_MAY_BE_A_TASK = re.compile(r"^(?:task|row|instance|obj|object|self|locked|found|t)$", re.IGNORECASE)
_Assignment = ast.Assign | ast.AugAssign | ast.AnnAssign
_NOT_A_TASK = re.compile(
    r"DeadLetter|Recurring|Worker|Fleet|Alert|Breaker|Approval|Redrive|WatchdogSweep|Schedule"
)


def violations(source: str) -> list[str]:
    """Every place of this source that writes a task's state, as `line: what`."""
    tree = ast.parse(source)
    return [f"{line}: {what}" for line, what in sorted({*_in_sql(tree), *_in_orm(tree)})]


def _in_sql(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and _WRITING.search(_text(node)):
            yield node.lineno, "SQL that updates governance_tasks.status"


def _text(node: ast.AST) -> str:
    """The text of a string literal, of an f-string, or of strings that are added."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) or "{…}" for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left) + _text(right)
    return ""


def _in_orm(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _writes(node):
            yield node.lineno, f"{ast.unparse(node.func)}(… status …)"
        elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) and any(
            map(_is_state, _targets(node))
        ):
            yield node.lineno, "an assignment to .status of what may be a task"


def _writes(node: ast.Call) -> bool:
    match node.func:
        case ast.Attribute(attr="update" | "aupdate"):
            return any(named.arg == "status" for named in node.keywords) and _speaks_of_tasks(node)
        case ast.Attribute(attr="bulk_update" | "abulk_update" | "save" | "asave"):
            return _names_status(node)
        case ast.Attribute(attr="update_or_create" | "aupdate_or_create" | "bulk_create" | "abulk_create"):
            return _speaks_of_tasks(node) and _names_status(node)
        case ast.Name(id="setattr"):
            return bool(_MAY_BE_A_TASK.match(ast.unparse(node.args[0]))) and _names_status(node)
    return False


def _is_state(target: ast.Attribute) -> bool:
    return target.attr == "status" and bool(_MAY_BE_A_TASK.match(ast.unparse(target.value)))


def _targets(node: _Assignment) -> list[ast.Attribute]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [part for target in targets for part in ast.walk(target) if isinstance(part, ast.Attribute)]


def _speaks_of_tasks(node: ast.Call) -> bool:
    """Unless the query names another model, a queryset with a `status` is taken for one of tasks."""
    receiver = ast.unparse(node.func)
    return bool(_TASK_QUERY.search(receiver)) or not _NOT_A_TASK.search(receiver)


def _names_status(node: ast.Call) -> bool:
    parts = [part for argument in (*node.args, *node.keywords) for part in ast.walk(argument)]
    return any(
        (isinstance(part, ast.Constant) and part.value == "status")
        or (isinstance(part, ast.keyword) and part.arg == "status")
        for part in parts
    )


def sources() -> list[Path]:
    """All code of the product, but migrations: they carry the trigger that completes edits made in SQL."""
    found = [*ROOT.glob("*.py"), *(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))]
    return [path for path in found if "migrations" not in path.parts]


def test_only_the_transitions_write_the_state():
    found = {path: violations(path.read_text()) for path in sources()}
    writers = {THE_WRITER if THE_WRITER in path.parents else path for path, places in found.items() if places}

    assert writers == {THE_WRITER}, found


@pytest.mark.parametrize(
    "source",
    [
        "cursor.execute(\"UPDATE governance_tasks SET status = 'failed' WHERE id = %s\")",
        "cursor.execute('update governance_tasks t set updated_at = now(), status=%s')",
        'SQL = """\nUPDATE\n  governance_tasks\nSET title = \'x\',\n    status = \'pending\'\n"""',
        "SQL = 'UPDATE governance_tasks ' + \"SET status = 'failed'\"",
        "SQL = f'UPDATE governance_tasks SET status = {to} WHERE id = 1'",
        'SQL = \'UPDATE "governance_tasks" SET "status" = 1\'',
        "SQL = 'UPDATE governance_tasks SET (status, title) = (1, 2)'",
        "SQL = 'INSERT INTO governance_tasks (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET status = 2'",
        "Task.objects.filter(pk=1).update(status='failed')",
        "Task.objects.update(title='x', status=Task.Status.FAILED)",
        "queryset.update(status='cancelled')",
        "await self.model.objects.aupdate(status='x')",
        "Task.objects.bulk_update(tasks, ['status'])",
        "Task.objects.bulk_update(tasks, fields=['title', 'status'])",
        "task.status = 'failed'\ntask.save()",
        "self.status, self.title = 'failed', 'x'",
        "task.status += 'x'",
        "setattr(task, 'status', 'failed')",
        "task.save(update_fields=['status'])",
        "Task.objects.update_or_create(pk=1, defaults={'status': 'failed'})",
        "Task.objects.bulk_create(tasks, update_conflicts=True, update_fields=['status'])",
    ],
)
def test_a_line_that_writes_it_is_found(source):
    assert violations(source), source


@pytest.mark.parametrize(
    "source",
    [
        "cursor.execute('SELECT status FROM governance_tasks WHERE status = %s')",
        "cursor.execute(\"UPDATE governance_tasks SET title = 'x' WHERE status = 'failed'\")",
        "SQL = 'UPDATE worker_registry SET status = 1'",
        "SQL = 'INSERT INTO governance_tasks (status) VALUES (1) ON CONFLICT DO NOTHING'",
        "Worker.objects.filter(pk=1).update(status='paused')",
        "Task.objects.filter(status='failed').update(title='x')",
        "Task.objects.create(status='parked')",
        "response.status = 200",
        "process.status()",
        "if task.status == 'failed': pass",
        "row = {'status': task.status}",
    ],
)
def test_a_line_that_does_not_is_left_alone(source):
    assert violations(source) == []
