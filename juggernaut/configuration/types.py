"""The types of settings that pydantic does not have: lists, secrets, rates, levels, addresses."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email
from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_core import PydanticUseDefault
from pydantic_settings import NoDecode

from juggernaut.api.throttling.rate import Rate

_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class UnreadableSecret:
    """What stands for the value of a secret whose file cannot be used; `expected` says why."""

    expected: str


def _empty_is_unset(value: Any) -> Any:
    if value == "":
        raise PydanticUseDefault
    return value


def _readable(value: Any) -> Any:
    if isinstance(value, UnreadableSecret):
        raise ValueError(value.expected)  # noqa: TRY004 (pydantic takes no TypeError for a refusal)
    return value


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part for each in value.split(",") if (part := each.strip()))
    return value


def _upper(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _http_url(text: str) -> str:
    try:
        parts = urlsplit(text.strip())
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ValueError("a URL that begins with http:// or https://")
    return text


def _secret_http_url(secret: SecretStr) -> SecretStr:
    _http_url(secret.get_secret_value())
    return secret


def _mail_address(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError:
        raise ValueError("mail addresses such as ann@example.org, separated by commas") from None
    return text


def _rate(value: Any) -> Any:
    if isinstance(value, Rate):
        return value
    try:
        return Rate.parse(value, name="")
    except ImproperlyConfigured as error:
        raise ValueError(str(error).partition("expected ")[2]) from None


def _bind_address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        if _HOST_NAME.fullmatch(text):
            return text
    raise ValueError("an IP address or a host name, without a port")


Text = Annotated[str, BeforeValidator(_empty_is_unset)]
BindAddress = Annotated[str, AfterValidator(_bind_address), BeforeValidator(_empty_is_unset)]
Folder = Annotated[Path | None, BeforeValidator(_empty_is_unset)]
HttpUrl = Annotated[str, AfterValidator(_http_url), BeforeValidator(_empty_is_unset)]
# Its text appears in no error and no `repr`; it may be given by a file.
Secret = Annotated[SecretStr, BeforeValidator(_empty_is_unset), BeforeValidator(_readable)]
# Several, separated by commas. `NoDecode`: pydantic-settings would expect JSON.
Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
MailAddresses = Annotated[
    tuple[Annotated[str, AfterValidator(_mail_address)], ...], NoDecode, BeforeValidator(_split)
]
SecretUrls = Annotated[
    tuple[Annotated[SecretStr, AfterValidator(_secret_http_url)], ...],
    NoDecode,
    BeforeValidator(_split),
    BeforeValidator(_readable),
]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_split), BeforeValidator(_readable)]
RequestRate = Annotated[Rate, NoDecode, BeforeValidator(_rate)]
UpperWord = BeforeValidator(_upper)
LowerWord = BeforeValidator(_lower)
