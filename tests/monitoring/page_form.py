"""A page's form as a browser without scripts fills it in and sends it."""

import re
from html.parser import HTMLParser
from typing import Any

from django.test import Client

ASKED = ("reason", "note")


class _Forms(HTMLParser):
    """Every form: where it goes, and what its fields hold. Of several buttons, the first."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((said.get("action", ""), {}))
        elif self.forms:
            self._field(tag, said)

    def _field(self, tag: str, said: dict[str, str]) -> None:
        fields, name = self.forms[-1][1], said.get("name", "")
        if tag == "input" and (said.get("type") not in {"checkbox", "radio"} or "checked" in said):
            fields[name] = said.get("value", "")
        elif tag == "textarea":
            fields[name] = ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and ("selected" in said or self._select not in fields):
            fields[self._select] = said.get("value", "")
        elif tag == "button" and name and not any(n in fields for n in ("start", "confirmed")):
            fields[name] = said.get("value", "")


def asks(response: Any) -> tuple[str, dict[str, str]]:
    """The form of a page that asks why: where it goes and what it holds."""
    parsed = _Forms()
    parsed.feed(response.content.decode())
    [form] = [form for form in parsed.forms if any(name in form[1] for name in ASKED)]
    return form


def press(client: Client, address: str, fields: dict[str, str]) -> Any:
    """Press a button that leads to a page, answer what the page asks, and send it; the answer to that."""
    asked = client.post(address, fields) if fields else client.get(address, follow=True)
    assert asked.status_code == 200, (address, asked.status_code)
    action, held = asks(asked)
    said = {name: "because" for name in ASKED if held.get(name) == ""}
    return client.post(action or asked.wsgi_request.get_full_path(), held | said)


def flaws(response: Any) -> list[str]:
    """What a page that was sent says is wrong with it."""
    return re.findall(r'jg-alert jg-bad">([^<]+)', response.content.decode())
