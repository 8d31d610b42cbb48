"""Names of tools: checked when they are registered, valid and unique for models."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from workers import tools
from workers.tools import naming, registry

PARTS = st.text(st.sampled_from("ab_-"), min_size=1, max_size=40)
NAMES = st.lists(PARTS, min_size=1, max_size=3).map(".".join)


class Nothing(BaseModel):
    """No arguments."""


@pytest.fixture
def register(monkeypatch):
    monkeypatch.setattr(registry, "_tools", {})

    def registering(name):
        @tools.register(name, schema=Nothing, seconds=1, effect="none", on_unknown="retry")
        def run(arguments, permit):
            """Do nothing."""

    return registering


@given(st.lists(NAMES, max_size=12))
def test_names_for_models_are_valid_and_unique_in_whatever_order(names):
    known = naming.model_names(names)

    assert known.keys() == set(names)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in known.values())
    assert len(set(known.values())) == len(known)
    assert naming.model_names(reversed(names)) == known


@given(st.lists(NAMES, max_size=6), st.lists(NAMES, max_size=6))
def test_a_name_that_is_short_and_its_own_is_only_without_dots(names, others):
    known = naming.model_names([*names, *others])

    for name, said in known.items():
        plain = name.replace(".", "_")
        shared = [one for one in known if one.replace(".", "_") == plain]
        assert (said == plain) == (len(plain) <= 64 and len(shared) == 1)


def test_a_name_with_a_hash_that_another_tool_has_is_longer():
    pair = ["a.b", "a_b"]
    taken = naming.model_names(pair)["a.b"]

    known = naming.model_names([*pair, taken])

    assert known[taken] == taken
    assert known["a.b"].startswith(taken[:10])
    assert len(known["a.b"]) > len(taken)


@pytest.mark.parametrize("name", ["http.get", "crm.user_delete", "a", "A-b_c.D9", "x" * 200])
def test_a_name_that_can_be_kept_is_registered(register, name):
    register(name)

    assert tools.get(name).name == name


@pytest.mark.parametrize(
    "name", ["", "fly away", "crm..delete", ".crm", "crm.", "möwe.zählen", "a/b", "a\n", "a\x00", "x" * 201]
)
def test_a_name_that_cannot_be_kept_is_refused_in_words(register, name):
    with pytest.raises(ValueError, match=r"a tool is called .*; expected at most 200 letters"):
        register(name)

    assert tools.known() == []
