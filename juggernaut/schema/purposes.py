"""Why a table, a constraint or an index is there: docstrings and comments of the models' source."""

import ast
import inspect
import textwrap

from django.db.models import Model


def of_table(model: type[Model]) -> str:
    """The model's docstring, as Markdown: indented drawings become blocks of code."""
    return inspect.cleandoc(model.__doc__ or "")


def of_parts(model: type[Model]) -> dict[str, str]:
    """The comments above constraints and indexes, by their names."""
    source = textwrap.dedent(inspect.getsource(model))
    lines = source.splitlines()
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and (name := _name(node)):
            found[name] = _comment_above(lines, node.lineno)
    return {name: comment for name, comment in found.items() if comment}


def _name(call: ast.Call) -> str:
    """The value of `name="…"`; what is put together at run time has none here."""
    for keyword in call.keywords:
        if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    return ""


def _comment_above(lines: list[str], number: int) -> str:
    """The comment that ends in the line before this one (counted from 1)."""
    found: list[str] = []
    for line in reversed(lines[: number - 1]):
        if not line.strip().startswith("#"):
            break
        found.insert(0, line.strip().lstrip("# "))
    return " ".join(found)
