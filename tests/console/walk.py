"""A walk through every page of the console: all that links lead to, one page of each kind."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve
from playwright.sync_api import Page

START = "/admin/"
# What a link may lead to and is no page of the console.
ELSEWHERE = {"admin:logout", None}


def kind_of(address: str) -> str | None:
    """The name of the address, with the verb of those that share one; None if nothing has a name there."""
    try:
        found = resolve(urlsplit(address).path)
    except Resolver404:
        return None
    return " ".join(filter(None, [found.view_name, found.kwargs.get("verb")])) if found.url_name else None


def through(page: Page, *, start: str = START) -> Iterator[tuple[str, str]]:
    """Visit each kind of page once, and hand over its name and its address while it is open."""
    ahead, known = [start], {kind_of(start)}
    while ahead:
        address = ahead.pop(0)
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, f"{address}: {answer.status}"
        yield str(kind_of(address)), address
        for link in page.eval_on_selector_all("a[href]", "links => links.map(link => link.href)"):
            place = urlsplit(link)
            path = f"{place.path}?{place.query}" if place.query else place.path
            kind = kind_of(path) if place.path.startswith(START) else None
            if kind not in known | ELSEWHERE:
                known.add(kind)
                ahead.append(path)
