"""The cells of a list, as the console draws them: each says which column it is of, numbers stand right."""

from typing import Any

from django.contrib.admin.templatetags import admin_list
from django.contrib.admin.views.main import ChangeList
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe


def headers(changelist: ChangeList) -> list[dict[str, Any]]:
    """Django's headers, and whether the column holds numbers."""
    names = changelist.list_display
    found = zip(names, admin_list.result_headers(changelist), strict=True)
    return [
        {
            **header,
            "name": name,
            "text": _said(header["text"]),
            "is_number": _is_number(changelist, str(name)),
        }
        for name, header in found
    ]


def rows(changelist: ChangeList) -> list[tuple[str, list[SafeString]]]:
    """The key of each row, and its cells."""
    columns = [
        ("" if name == "action_checkbox" else str(header["text"]), bool(header["is_number"]))
        for name, header in zip(changelist.list_display, headers(changelist), strict=True)
    ]
    found = zip(changelist.result_list, admin_list.results(changelist), strict=True)
    return [
        (str(row.pk), [_marked(cell, *column) for cell, column in zip(cells, columns, strict=True)])
        for row, cells in found
    ]


def _said(text: Any) -> Any:
    """Without the `id` that columns of keys have in their names."""
    return text if isinstance(text, SafeString) else str(text).removesuffix(" id")


def _is_number(changelist: ChangeList, name: str) -> bool:
    return bool(getattr(getattr(changelist.model_admin, name, None), "is_number", False))


def _marked(cell: SafeString, label: str, is_number: bool) -> SafeString:
    """The label is for narrow screens, where a row is a card and has no head."""
    tag, rest = cell[:3], cell[3:]
    if is_number:
        rest = rest.replace('class="', 'class="jg-n ', 1)
    label = escape(label[:1].upper() + label[1:])
    return mark_safe(f'{tag} data-label="{label}"{rest}')  # noqa: S308 of a cell that Django has made safe
