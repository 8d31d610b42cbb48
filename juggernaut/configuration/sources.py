"""Secrets that are given as files: `NAME_FILE` names a file whose content is the value of `NAME`."""

import os
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from juggernaut.configuration import fields
from juggernaut.configuration.types import UnreadableSecret

MAX_BYTES = 65_536


class SecretFiles(PydanticBaseSettingsSource):
    """Reads the files. One that cannot be used becomes an error of its setting, beside all others."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        name = fields.names(field)[0]
        if not fields.is_secret(field):
            return None, name, False
        path = os.environ.get(name + fields.FILE_SUFFIX)
        return (_content(name, path=path) if path else None), name, False

    def __call__(self) -> dict[str, Any]:
        found = {}
        for field_name, field in self.settings_cls.model_fields.items():
            value, name, _ = self.get_field_value(field, field_name)
            if value is not None:
                found[name] = value
        return found


def _content(name: str, *, path: str) -> str | UnreadableSecret:
    """The file's text without the line end that editors and `echo` add."""
    variable = f"{name}{fields.FILE_SUFFIX}"
    if os.environ.get(name):
        return UnreadableSecret(f"{name} or {variable}, not both")
    try:
        with Path(path).open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        return UnreadableSecret(f"{variable} to name a readable file: {path!r}: {reason}")
    if not text or len(text) > MAX_BYTES or "\x00" in text:
        return UnreadableSecret(f"{variable} to name a file with a secret in it: {path!r} has none")
    return text
