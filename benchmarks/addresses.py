"""Every address that answers a GET: found in the URLs and in the lists themselves, so that none is forgotten.

Filters of the API are asked of the API: an unknown one is refused with the names of those that there are, a
wrong value with those that may be. Each list is also asked for what is not there, which is the most expensive
question where no index answers it.
"""

# ruff: noqa: SLF001 (how Django and its admin know their models)

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote as quoted
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from governance.db import uuid7
from governance.models import Task

NOTHING = "nothing-has-this"
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
# Addresses that are no page: they leave, hand out scripts, or want a question of their own.
_NO_PAGES = re.compile(r"^admin/(logout|jsi18n|autocomplete|r/|login|password_change)|search/?$")
_HALF = timedelta(days=15)


def patterns(under: str) -> Iterator[tuple[str, Any]]:
    """Every address as the resolver has it, with the view behind it."""
    for path, view in _walk(get_resolver().url_patterns, ""):
        if path.startswith(under):
            yield path, view


def _walk(found: list[Any], before: str) -> Iterator[tuple[str, Any]]:
    for entry in found:
        path = before + str(entry.pattern).lstrip("^").rstrip("$")
        if isinstance(entry, URLResolver):
            yield from _walk(entry.url_patterns, path)
        elif isinstance(entry, URLPattern):
            yield path, entry.callback


# -------------------------------------------------------------------------------------------- the console


def console(browser: Client) -> list[str]:
    """Every page: those without a parameter, each list with each filter, and one page of each kind of row.

    Some of them ask for what a page needs before it can be shown, and answer with something else than 200.
    """
    plain = [f"/{path}" for path, _ in patterns("admin/") if not _PARAMETER.search(path) and _is_page(path)]
    found = dict.fromkeys(plain)
    for model, page in admin.site._registry.items():
        found |= dict.fromkeys([*_lists(browser, model, page), *_details(model)])
    return list(found)


def _is_page(path: str) -> bool:
    return not _NO_PAGES.search(path) and "(?P" not in path and not path.endswith("figures.json")


def _lists(browser: Client, model: type[Model], page: ModelAdmin[Any]) -> Iterator[str]:
    place = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    yield place
    yield f"{place}?p=150"
    if page.search_fields:
        newest = model._default_manager.order_by("-pk").first()
        words = ("order", "sample", NOTHING, str(newest.pk)[:8] if newest else "0")
        yield from (f"{place}?q={quoted(word)}" for word in words)
    for name, value in _filters(browser, model, page):
        yield f"{place}?{urlencode({name: value})}"


def _filters(browser: Client, model: type[Model], page: ModelAdmin[Any]) -> Iterator[tuple[str, str]]:
    request = RequestFactory().get("/")
    request.user = browser.get("/admin/").wsgi_request.user
    for kind in page.list_filter:
        if isinstance(kind, type) and issubclass(kind, SimpleListFilter):
            for value, _ in kind(request, {}, model, page).lookup_choices:
                yield str(kind.parameter_name), str(value)


def _details(model: type[Model]) -> Iterator[str]:
    """The newest row's page; of tasks also a workflow's, a step's, a dead one's, and one that waits."""
    place = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    for row in _examples(model):
        yield reverse(place, args=[quote(row.pk)])


def _examples(model: type[Model]) -> list[Model]:
    newest = model._default_manager.order_by("-pk")
    if model is not Task:
        return list(newest[:1])
    kinds: list[dict[str, Any]] = [
        {}, {"task_type": "workflow"}, {"task_type": "agent"}, {"parent__isnull": False},
        {"status": "failed"}, {"status": "parked"},
    ]  # fmt: skip
    return [row for kind in kinds for row in newest.filter(**kind)[:1]]


# ------------------------------------------------------------------------------------------------ the API


def api(browser: Client) -> list[str]:
    """Every GET: each address with each kind of row, each list with each filter, and deep in its pages."""
    found: list[str] = []
    for path, view in patterns("api"):
        if hasattr(getattr(view, "view_class", None) or getattr(view, "cls", None), "get"):
            for address in _named(path):
                found += [address, *_questions(browser, address)]
    return list(dict.fromkeys(found))


def _named(path: str) -> list[str]:
    """The address with an example's name in it: a row of the list that comes before the parameter."""
    if not _PARAMETER.search(path):
        return [f"/{path}"]
    before, _, after = path.partition("<")
    return [f"/{before}{quoted(name)}{after.partition('>')[2]}" for name in _names(before)]


def _names(before: str) -> list[str]:
    """Names of rows below `api/tasks/`, `api/dlq/groups/`, …; asked of the database, table by table."""
    from django.apps import apps

    label = KINDS.get(before)
    return [str(row.pk) for row in _examples(apps.get_model(label))] if label else []


KINDS = {
    "api/tasks/": "governance.Task",
    "api/dlq/": "governance.DeadLetter",
    "api/dlq/groups/": "governance.FailureSignature",
    "api/redrives/": "reliability.Redrive",
    "api/recurring/": "governance.RecurringTask",
    "api/budgets/": "governance.WorkerBudget",
    "api/approvals/": "governance.Approval",
    "api/tool-executions/": "governance.ToolExecution",
    "api/breakers/": "reliability.CircuitBreaker",
}


def _questions(browser: Client, address: str) -> Iterator[str]:
    """The list at this address by each of its filters; nothing if it is no list."""
    names = _expected(browser.get(f"{address}?unknown-filter=1"))
    row = _first_row(browser.get(address)) if names else {}
    for name in names:
        yield from (f"{address}?{urlencode({name: value})}" for value in _values(browser, address, name, row))
    if "cursor" in names:
        yield from _deep(browser, address)


def _expected(answer: Any) -> list[str]:
    said = re.search(r"unknown filter; expected one of: ([\w, ]+)", answer.content.decode(errors="replace"))
    return said[1].split(", ") if said and answer.status_code == 400 else []


def _values(browser: Client, address: str, name: str, row: dict[str, Any]) -> list[str]:
    if name == "limit":
        return ["200"]
    if name == "cursor":
        return []
    if name in ("created_after", "created_before"):
        return [(timezone.now() - span).isoformat() for span in (timedelta(hours=1), _HALF)]
    refused = browser.get(f"{address}?{urlencode({name: NOTHING})}")
    allowed = re.findall(r"'([\w-]+)'", refused.content.decode()) if refused.status_code == 400 else []
    known = row.get(name) or row.get("worker_id" if name == "worker" else f"{name}_id")
    return list(dict.fromkeys([*allowed, *([known] if isinstance(known, str) else []), NOTHING]))


def _first_row(answer: Any) -> dict[str, Any]:
    if answer.status_code != 200:
        return {}
    found = (value for value in answer.json().values() if isinstance(value, list) and value)
    rows: list[Any] = next(found, [{}])
    return rows[0] if isinstance(rows[0], dict) else {}


def _deep(browser: Client, address: str) -> Iterator[str]:
    """The second page, and one in the middle of all: cursors are keys, as `governance.pagination` writes
    them."""
    following = browser.get(f"{address}?limit=20").json().get("next")
    if not following:
        return
    yield following.partition("testserver")[2] or following.partition("localhost")[2]
    cursor = re.search(r"cursor=([\w-]+)", following)
    key = base64.urlsafe_b64decode(cursor[1] + "=" * (-len(cursor[1]) % 4)) if cursor else b""
    if len(key) == 16:
        yield f"{address}?cursor={_cursor(uuid7.lower_bound(timezone.now() - _HALF))}"
    elif len(key) == 8:
        yield f"{address}?cursor={_text((int.from_bytes(key) // 2).to_bytes(8))}"


def _cursor(row_id: UUID) -> str:
    return _text(row_id.bytes)


def _text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode().rstrip("=")
