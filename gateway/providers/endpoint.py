"""Where models are reached and which are asked, from the settings `JUGGERNAUT_LLM_*`."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings
from genai_prices import data_snapshot

from reliability.failures import PermanentFailure

OPENROUTER = "openrouter"
# Asked in this order where nothing else is set: a small model, and one of another maker.
_DEFAULT_MODELS = ("openai/gpt-5-mini", "google/gemini-2.5-flash")
_ENDS_PART, _ENDS_NAME = ";", "="


class NotConfigured(PermanentFailure):
    """Models cannot be called before somebody sets what the message names. No call was made."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`service` is the provider's name in the ledger, the breakers and the price list."""

    base_url: str
    service: str
    api_key: str = field(repr=False)

    @property
    def is_openrouter(self) -> bool:
        return self.service == OPENROUTER


def current() -> Endpoint:
    """The provider to ask. Raises `NotConfigured`."""
    key, url = settings.JUGGERNAUT_LLM_API_KEY.strip(), settings.JUGGERNAUT_LLM_BASE_URL.strip()
    address = urlsplit(url)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise NotConfigured(f"JUGGERNAUT_LLM_BASE_URL is {url!r}; expected a URL such as https://host/v1")
    if not key:
        raise NotConfigured(
            f"no model can be called: set JUGGERNAUT_LLM_API_KEY to a key of {address.hostname}"
            " (any text, if it needs none)"
        )
    return Endpoint(url, settings.JUGGERNAUT_LLM_SERVICE.strip() or _service(url, address.hostname), key)


def models_of(worker_id: str) -> list[str]:
    """The models that this worker asks, the preferred one first. Raises `NotConfigured`."""
    by_worker = _parsed(settings.JUGGERNAUT_LLM_MODELS)
    models = by_worker.get(worker_id) or by_worker.get("")
    if models:
        return models
    if current().is_openrouter:
        return list(_DEFAULT_MODELS)
    raise NotConfigured(
        f"no model is named for {worker_id}: set JUGGERNAUT_LLM_MODELS, such as 'model, fallback;"
        f" {worker_id} = other-model'"
    )


def _parsed(text: str) -> dict[str, list[str]]:
    """The models by worker; those of everybody else under no name."""
    found: dict[str, list[str]] = {}
    for part in filter(str.strip, text.split(_ENDS_PART)):
        name, is_named, listed = part.rpartition(_ENDS_NAME)
        models = [model.strip() for model in listed.split(",") if model.strip()]
        if not models or (is_named and not name.strip()):
            raise NotConfigured(
                f"JUGGERNAUT_LLM_MODELS: {part.strip()!r} names no model; expected 'model, fallback' or"
                " 'WORKER = model, fallback', parted by ';'"
            )
        found[name.strip()] = models
    return found


def _service(url: str, host: str) -> str:
    """The price list's name for this address, else the name of its host."""
    try:
        return str(data_snapshot.get_snapshot().find_provider(None, None, url).id)
    except LookupError:
        return host
