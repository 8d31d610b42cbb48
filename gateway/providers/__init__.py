"""Models, at any OpenAI-compatible API: every call is a governed call (`docs/architecture/models.md`).

    answer = await models.chat(context, [{"role": "user", "content": "…"}], max_tokens=500)
    answer.text, answer.tool_calls, answer.cost_usd

One send is one hold, one row in `tool_executions` and one line of the ledger; nothing is retried in here.
"""

from gateway.providers.answer import ModelAnswer, NoAnswer, ToolCall, Unanswered
from gateway.providers.chat_completion import TOOL_NAME, chat
from gateway.providers.endpoint import NotConfigured, models_of

__all__ = [
    "TOOL_NAME", "ModelAnswer", "NoAnswer", "NotConfigured", "ToolCall", "Unanswered", "chat", "models_of",
]  # fmt: skip
