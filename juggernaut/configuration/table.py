"""The README's table of variables, made from the model."""

from pydantic.fields import FieldInfo

from juggernaut.configuration import fields
from juggernaut.configuration.model import Configuration
from juggernaut.environment import ROOT

PATH = ROOT / "README.md"
BEGIN = "<!-- settings: written by `python manage.py write_settings` -->"
END = "<!-- settings end -->"
_HEAD = ["| Variable | Meaning | Default |", "|---|---|---|"]


def text() -> str:
    """The table in Markdown. Variables that parts of the system set for each other are left out."""
    rows = [
        _row(field) for field in Configuration.model_fields.values() if not fields.note(field, "is_internal")
    ]
    return "\n".join([*_HEAD, *rows])


def document() -> str:
    """The README with the table as it should be. Raises `ValueError` if its place is not marked."""
    before, begin, rest = PATH.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PATH.name} does not mark the place of the table: {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{text()}\n{END}{after}"


def _row(field: FieldInfo) -> str:
    variables = ", ".join(f"`{name}`" for name in fields.names(field))
    cells = [variables, field.description or "", _default(field)]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _default(field: FieldInfo) -> str:
    if shown := fields.note(field, "shown"):
        return str(shown)
    default = field.default
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"
