"""The work of the story: what agents are asked, and what the simulated model says to it."""

import itertools
from collections.abc import Iterator
from typing import Any

from governance import submission, tasks
from governance.actors import Actor

_COUNT = "SELECT status, count(*) AS tasks FROM governance_tasks GROUP BY status ORDER BY status"
_VERDICT = {
    "type": "object",
    "required": ["verdict", "confidence"],
    "properties": {
        "verdict": {"enum": ["keep", "change", "stop"]},
        "confidence": {"type": "number", "minimum": 0.5, "maximum": 1},
    },
}
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
        {"contains": INVOICE, "text": "The invoice agrees with its orders."},
    ]


def submit(task: dict[str, Any], *, actor: Actor) -> None:
    tasks.submit([submission.parse(task)], actor=actor)
