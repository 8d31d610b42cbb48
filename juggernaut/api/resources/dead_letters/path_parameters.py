"""Path parameters of dead letters, redrives and breakers."""

from juggernaut.api.openapi.declaration import PathParameter

_ID = "0198f2a0-7c1e-7000-8000-5b1f6a2c9d3e"
LETTER_ID = PathParameter("letter_id", "The dead letter's id.", _ID, "uuid")
GROUP_ID = PathParameter("group_id", "The group's id.", _ID, "uuid")
REDRIVE_ID = PathParameter("redrive_id", "The redrive's id.", _ID, "uuid")
BREAKER = PathParameter(
    "breaker", "The breaker's name. It may hold slashes, as those of models do.", "openrouter"
)
