"""Columns that many pages have: moments, money, texts. Each is made once from the name of the field."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from juggernaut.console import formatting

Column = Callable[[Any, Any], SafeString | str]


def moment(field: str, title: str, *, otherwise: str = formatting.NOTHING) -> Column:
    """A time as its distance from now, the exact one on hover; `otherwise` where there is none."""
    return _column(field, title, lambda at: formatting.moment(at) if at else otherwise)


def exact(field: str, title: str, *, otherwise: str = formatting.NOTHING) -> Column:
    """The exact time, and its distance from now."""
    return _column(field, title, lambda at: formatting.exact_moment(at) if at else otherwise)


def badge(field: str, title: str, **tones: str) -> Column:
    """A state as a coloured word; `tones` for words that mean something else here than elsewhere."""
    return _column(field, title, lambda state: formatting.badge(state, tone=tones.get(state, "")))


def money(field: str, title: str, *, otherwise: str = formatting.NOTHING) -> Column:
    """USD; `otherwise` where no amount is known. Nothing spent is an amount."""
    column = _column(field, title, lambda usd: otherwise if usd is None else formatting.money(usd))
    column.is_number = True  # type: ignore[attr-defined]
    return column


def number(title: str) -> Callable[[Any], Any]:
    """A column of numbers, which stand right: for a method, in place of `display`."""

    def mark(method: Any) -> Any:
        column = display(description=title)(method)
        column.is_number = True
        return column

    return mark


def text(field: str, title: str, *, otherwise: str = formatting.NOTHING) -> Column:
    """What the field says; of a method, what it returns."""

    def write(said: Any) -> str:
        known = said() if callable(said) else said
        return str(known) if known else otherwise

    return _column(field, title, write)


def note(field: str, title: str) -> Column:
    """The beginning of a long text, more of it on hover."""
    return _column(field, title, formatting.note)


def json(field: str, title: str) -> Column:
    return _column(field, title, formatting.json_text)


def task_link(field: str, title: str) -> Column:
    """The id of a task as a link to its page."""
    return _column(field, title, formatting.task_link)


def titled(title: str, name: str, under: str, *, length: int = 160, otherwise: str = "") -> Column:
    """A name to recognise the row by, and what stands small under it."""

    @display(description=title)
    def column(admin: Any, row: Any) -> SafeString:
        return format_html(
            '<div><span class="jg-title">{}</span><span class="jg-note">{}</span></div>',
            formatting.clip(str(attrgetter(name)(row)), length=length) or otherwise,
            formatting.clip(str(attrgetter(under)(row))),
        )

    shown: Column = column
    return shown


def _column(field: str, title: str, write: Callable[[Any], SafeString | str]) -> Column:
    read = attrgetter(field)

    @display(description=title)
    def column(admin: Any, row: Any) -> SafeString | str:
        return write(read(row))

    shown: Column = column
    return shown
