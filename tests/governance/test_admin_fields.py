"""JSON in forms of the console: what nobody can read or store is an error at its field."""

import re

import pytest
from django.core.exceptions import ValidationError

from juggernaut.console.actions.fields import JsonObjectField
from tests.governance.console import person
from tests.governance.test_admin_recurring import FILLED_IN, PAGES, RULES
from tests.governance.test_admin_submit import ADD, TASK

BAD = {
    "too deep to be read": ("[" * 100_000, "nested more than 100 levels"),
    "too deep to be stored": ('{"a":' * 150 + "1" + "}" * 150, "nested more than 100 levels"),
    "half of a surrogate pair": ('{"a": "\\ud800"}', "surrogates not allowed"),
    "U+0000": ('{"a": "\\u0000"}', "U+0000"),
    "an integer of 5,000 digits": (f'{{"a": {"9" * 5_000}}}', "does not fit into 64 bits"),
    "a number without end": ('{"a": 1e400}', "too large"),
    "NaN": ('{"a": NaN}', "is not JSON"),
    "one key twice": ('{"a": 1, "a": 2}', "twice"),
    "no object": ("[]", "A JSON object is expected"),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
def test_it_is_refused_in_words(text, said):
    with pytest.raises(ValidationError, match=re.escape(said)):
        JsonObjectField().clean(text)


def test_an_object_is_what_it_says():
    assert JsonObjectField().clean('{"a": [1, "é"]}') == {"a": [1, "é"]}


@pytest.mark.django_db
@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
def test_the_form_of_a_task_shows_it_beside_what_was_typed(client, text, said):
    client.force_login(person("view_task", "add_task"))

    page = client.post(ADD, TASK | {"payload": text})

    assert page.status_code == 200
    assert said in str(page.context["form"].errors["payload"])
    assert page.context["form"]["payload"].value() == text


@pytest.mark.django_db
@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
def test_so_does_that_of_a_recurring_task(client, text, said):
    client.force_login(person(*RULES, "view_task"))

    page = client.post(f"{PAGES}add/", FILLED_IN | {"task": text})

    assert page.status_code == 200
    assert said in str(page.context["adminform"].form.errors["task"])
