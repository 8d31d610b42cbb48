"""The work of the story: what agents are asked, and what the simulated model says to it."""

import itertools
from collections.abc import Iterator
from typing import Any

from governance.access.actors import Actor
from governance.tasks import schemas
from governance.tasks import services as tasks

_COUNT = "SELECT status, count(*) AS tasks FROM governance_tasks GROUP BY status ORDER BY status"
_VERDICT = {
    "type": "object",
    "required": ["verdict", "confidence"],
    "properties": {
        "verdict": {"enum": ["keep", "change", "stop"]},
        "confidence": {"type": "number", "minimum": 0.5, "maximum": 1},
    },
}
_DONE = "SELECT count(*) FROM governance_tasks WHERE status = 'completed'"
_FAILED = "SELECT count(*) FROM dead_letter_queue WHERE status = 'pending'"
NEEDS_CONSENT = "files.delete"
INVOICE = "Check the invoice of customer"


def _agent(worker: str, title: str, prompt: str, **payload: Any) -> dict[str, Any]:
    asked = {"prompt": prompt, "max_tokens": 1500} | payload
    return {"title": title, "task_type": "agent", "assigned_worker": worker, "payload": asked}


def tasks_in_turn() -> Iterator[dict[str, Any]]:
    """One task after the other, without end."""
    for number in itertools.count(1):
        yield _agent(
            "ANALYST",
            f"Report on the queue, no. {number}",
            f"Count the tasks by state and say what stands out. Report {number}.",
            tools=["sql.query"],
        )
        yield _agent(
            "STRATEGIST",
            f"Review plan {number}",
            f"Review plan {number}: should it be kept, changed or stopped?",
            tools=[],
            answer_schema=_VERDICT,
        )
        yield _agent(
            "EXECUTOR",
            f"Write up the notes of meeting {number}",
            f"Write the notes of meeting {number} into a file.",
            tools=["files.write"],
        )
        yield {
            "title": f"Success rate of batch {number}",
            "task_type": "evaluation",
            "payload": {"eval_type": "metric", "metric_value": 90 + number % 10, "minimum": 92},
        }
        if number % 3 == 1:
            yield _workflow(number)


def _workflow(number: int) -> dict[str, Any]:
    """Steps that fan out and come together, and hand on what they found."""
    steps = [
        {"name": "count", "task_type": "evaluation", "payload": {"eval_type": "query", "sql": _DONE}},
        _step("plan", "STRATEGIST", f"Review plan W{number}: should it be kept?", answer_schema=_VERDICT),
        _step(
            "notes",
            "EXECUTOR",
            f"Write the notes of week {number} into a file.",
            tools=["files.write"],
            context={"done": {"$from": "count.metric_value"}, "verdict": {"$from": "plan.answer"}},
        ),
        {
            "name": "check",
            "task_type": "evaluation",
            "depends_on": ["notes"],
            "payload": {
                "eval_type": "metric",
                "metric_value": {"$from": "plan.answer.confidence"},
                "minimum": 0.7,
            },
        },
    ]
    output = {"verdict": {"$from": "plan.answer"}, "is_sure": {"$from": "check.passed"}}
    return {
        "title": f"Plan of week {number}",
        "task_type": "workflow",
        "max_cost_usd": "0.05",
        "payload": {"steps": steps, "output": output},
    }


def _step(name: str, worker: str, prompt: str, **payload: Any) -> dict[str, Any]:
    asked = _agent(worker, prompt, prompt, **({"tools": []} | payload))
    return {key: value for key, value in asked.items() if key != "title"} | {"name": name}


def recurring() -> dict[str, Any]:
    """What is submitted twice a minute."""
    payload = {"eval_type": "query", "sql": _FAILED, "maximum": 20}
    return {
        "name": "Are there too many failures?",
        "every_seconds": 30,
        "task": {"title": "Count what failed", "task_type": "evaluation", "payload": payload},
    }


def cleaning(number: int) -> dict[str, Any]:
    """A task whose call needs the consent of a person."""
    prompt = f"Delete the draft of meeting {number}."
    return _agent("EXECUTOR", f"Clean up after meeting {number}", prompt, tools=[NEEDS_CONSENT])


def invoice(number: int) -> dict[str, Any]:
    """A task of the kind that goes wrong."""
    return _agent(
        "ANALYST", f"Invoice of customer {number}", f"{INVOICE} {number} against its orders.", tools=[]
    )


def script() -> list[dict[str, Any]]:
    """What the model says: two turns where there is a tool to call, one elsewhere."""
    notes = {"path": "notes.md", "content": "# Notes\n\nAgreed: the smallest step that can be undone.\n"}
    return [
        {
            "contains": "Count the tasks",
            "turn": 0,
            "tool_calls": [{"name": "sql_query", "arguments": {"sql": _COUNT}}],
        },
        {"contains": "Count the tasks", "text": "Most tasks are completed; nothing stands out."},
        {"contains": "Review plan", "json_answer": {"verdict": "keep", "confidence": 0.8}},
        {
            "contains": "into a file",
            "turn": 0,
            "tool_calls": [{"name": "files_write", "arguments": notes}],
        },
        {"contains": "into a file", "text": "The notes are in notes.md."},
        {
            "contains": "Delete the draft",
            "turn": 0,
            "tool_calls": [{"name": NEEDS_CONSENT.replace(".", "_"), "arguments": {"path": "draft.md"}}],
        },
        {"contains": "Delete the draft", "text": "The draft is dealt with."},
        {"contains": INVOICE, "text": "The invoice agrees with its orders."},
    ]


def submit(task: dict[str, Any], *, actor: Actor) -> None:
    tasks.submit([schemas.parse(task)], actor=actor)
