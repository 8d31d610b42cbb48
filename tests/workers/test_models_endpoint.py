"""Which provider and which models the settings name."""

import pytest

from gateway import providers
from gateway.providers import NotConfigured, endpoint


@pytest.fixture(autouse=True)
def _key(settings):
    settings.JUGGERNAUT_LLM_API_KEY = "a-key"
    settings.JUGGERNAUT_LLM_BASE_URL = "https://openrouter.ai/api/v1"
    settings.JUGGERNAUT_LLM_SERVICE = settings.JUGGERNAUT_LLM_MODELS = ""


@pytest.mark.parametrize(
    ("url", "service"),
    [
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("https://api.openai.com/v1", "openai"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://models.example.com/v1", "models.example.com"),
    ],
)
def test_the_service_is_the_price_lists_name_for_the_address_or_its_host(settings, url, service):
    settings.JUGGERNAUT_LLM_BASE_URL = url

    assert endpoint.current().service == service


def test_a_service_that_is_named_counts(settings):
    settings.JUGGERNAUT_LLM_SERVICE = "in-house"

    assert endpoint.current().service == "in-house"


def test_the_key_is_in_no_text_of_it():
    assert "a-key" not in repr(endpoint.current())


@pytest.mark.parametrize("url", ["openrouter.ai", "ftp://host/v1", "https://", ""])
def test_an_address_that_is_none_is_said(settings, url):
    settings.JUGGERNAUT_LLM_BASE_URL = url

    with pytest.raises(NotConfigured, match="JUGGERNAUT_LLM_BASE_URL is"):
        endpoint.current()


def test_a_worker_may_have_models_of_its_own(settings):
    settings.JUGGERNAUT_LLM_MODELS = "a/one, a/two; ANALYST = b/three:free ,b/four;"

    assert providers.models_of("EXECUTOR") == ["a/one", "a/two"]
    assert providers.models_of("ANALYST") == ["b/three:free", "b/four"]


def test_openrouter_has_models_by_default_that_the_price_list_knows():
    from governance.costs import pricing

    names = providers.models_of("EXECUTOR")

    assert pricing.worst_case(service="openrouter", models=names, input_tokens=1000).output_usd_per_mtok > 0


def test_another_provider_has_none(settings):
    settings.JUGGERNAUT_LLM_BASE_URL = "https://models.example.com/v1"

    with pytest.raises(NotConfigured, match="no model is named for EXECUTOR: set JUGGERNAUT_LLM_MODELS"):
        providers.models_of("EXECUTOR")


@pytest.mark.parametrize("text", ["ANALYST =", "= a/one", "a/one; ANALYST = ,"])
def test_a_list_that_names_none_is_said(settings, text):
    settings.JUGGERNAUT_LLM_MODELS = text

    with pytest.raises(NotConfigured, match="JUGGERNAUT_LLM_MODELS: "):
        providers.models_of("ANALYST")
