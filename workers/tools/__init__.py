"""What workers can call, and the one way to call it: `await tools.call(context, "http.request", {...})`."""

from workers.tools.calling import MAX_ANSWER_BYTES, call, call_sync
from workers.tools.registry import (
    Effect,
    InvalidArguments,
    OnUnknown,
    Target,
    Tool,
    UnknownTool,
    get,
    known,
    model_names,
    offered_to,
    register,
)

__all__ = [
    "MAX_ANSWER_BYTES",
    "Effect",
    "InvalidArguments",
    "OnUnknown",
    "Target",
    "Tool",
    "UnknownTool",
    "call",
    "call_sync",
    "get",
    "known",
    "model_names",
    "offered_to",
    "register",
]
