"""Settings of drf-spectacular: title, description, tags."""

from governance.version import VERSION

_DESCRIPTION = """The control plane of autonomous AI workers: submit tasks, look at them, steer the fleet.

**Who asks**: a client sends `Authorization: Bearer TOKEN`; the console's session works too, with
`X-CSRFToken` for whatever changes something. In the local profile this machine needs neither to submit and
read tasks.

**Lists** follow one another by `next`, and take the filters that are named; an unknown one is an error.

**Errors** are problem documents (RFC 9457). **Money** is text in USD, **times** are ISO 8601 in UTC.

**Limits**: `RateLimit` says what is left, and 429 comes with `Retry-After`.
"""
_TAGS = {
    "Tasks": "Submit work, follow it, end it.",
    "Recurring tasks": "The same task at its times.",
    "Diagnosis": "Every diagnostic step of the runbook, carried out, with what mends what it found.",
    "Alerts": "What is wrong now, who was told, and from where on something is an alert.",
    "Dead letters": "What failed for good: look, retry, resolve.",
    "Workers": "Who works, and who is paused.",
    "Budgets": "What may be spent.",
    "Costs": "What was spent, and prices of models.",
    "Permissions": "What workers may call.",
    "Approvals": "Calls that wait for a person.",
    "Breakers": "Services that are not called for a while.",
    "Tokens": "Who may use this API, and for what.",
    "Rate limits": "How often tools and services are called.",
    "Retention": "How long everything is kept.",
    "Tools": "What workers can call, and have called.",
    "Audit": "Who changed what, and why.",
    "Schema": "This description.",
}
SETTINGS = {
    "TITLE": "Juggernaut",
    "DESCRIPTION": _DESCRIPTION,
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "TAGS": [{"name": name, "description": text} for name, text in _TAGS.items()],
    "DEFAULT_GENERATOR_CLASS": "juggernaut.api.openapi.operations.Generator",
    "POSTPROCESSING_HOOKS": ["juggernaut.api.openapi.common.complete"],
    "SCHEMA_PATH_PREFIX": "/api",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "docExpansion": "none",
        "filter": True,
        "validatorUrl": None,
    },
}
