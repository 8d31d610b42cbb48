"""The table as text: `docs/architecture/access.md`."""

from collections.abc import Iterable

from juggernaut.access import requirements
from juggernaut.access.commands import COMMANDS
from juggernaut.access.endpoints import ENDPOINTS
from juggernaut.access.pages import ACTIONS, MODELS, PAGES
from juggernaut.access.requirements import LOOPBACK, ROLES, Needs

HEAD = (
    "# Who may do what\n"
    "\n"
    "One table of everything that answers: each request of the API, page and action of the console, "
    "and command. It stands in `juggernaut/access/`, one row a line; this page is written from it "
    "(`python manage.py access > docs/architecture/access.md`), and a test walks all addresses, "
    "actions and commands as nobody, viewer, operator and admin and compares what happens.\n"
    "\n"
    "The API obeys the table before it reads a request's body: whoever lacks what the row needs gets "
    "403 with the name of the permission, and a request that has no row is refused to everybody. "
    "Every service behind it asks again, so the console, the API and the commands refuse alike.\n"
    "\n"
    "**Roles** are groups of Django's, made by `migrate`, with what each may do in this version "
    "(`governance/access/roles.py`). A superuser may do everything that anybody may. **Tokens** may do what "
    "their owner may and their scopes allow (`governance/access/scopes.py`): `*` is all of it, a role's name "
    "what that role may, `tasks:write` and the like one area. **This machine**, in the local profile, "
    'may create and read tasks without a token; that is the column "here".\n'
    "\n"
    '"signed in" is whoever shows a token or has a session, "console" whoever may enter the console '
    "(`is_staff`). A new address, action or command needs a row; the test says which one is missing.\n"
)
CONSOLE = (
    "\n"
    "Lists and rows, where a verb that is not named is nobody's, the history of a row needs what "
    "viewing it needs, and an address without its `change/` leads to it:\n"
)
SHELL = (
    "\n"
    "Whoever runs a command has the shell and the credentials of the database, so it asks nobody. The "
    "permission is the one that the same verb asks for in the console and the API.\n"
)


def text() -> str:
    """All of it, as Markdown."""
    return "\n".join(
        [
            HEAD,
            "## The API\n",
            *_table(("Request",), (((f"{m} /{route}",), needs) for (m, route), needs in ENDPOINTS.items()),
                    who=(LOOPBACK, *ROLES)),
            "\n## The console\n",
            *_table(("Request",), (((f"{m} /{route}",), needs) for (m, route), needs in PAGES.items())),
            CONSOLE,
            *_table(("Verb", "Rows"), MODELS.items()),
            "\nVerbs for rows that are chosen in a list:\n",
            *_table(("Verb", "Rows"), ACTIONS.items()),
            "\n## The commands",
            SHELL,
            *_commands(),
            "",
        ]
    )  # fmt: skip


def _table(
    heads: tuple[str, ...], rows: Iterable[tuple[tuple[str, ...], Needs]], *, who: tuple[str, ...] = ROLES
) -> list[str]:
    titles = [*heads, "Needs", *("here" if name == LOOPBACK else name for name in who)]
    lines = [_line(titles), _line(["---"] * len(titles))]
    for cells, needs in rows:
        marks = ["yes" if requirements.may(name, needs) else "" for name in who]
        lines.append(_line([*(f"`{cell}`" for cell in cells), ", ".join(needs), *marks]))
    return lines


def _commands() -> list[str]:
    titles = [_line(["Command", "Permission"]), _line(["---", "---"])]
    rows = (
        (name, ", ".join(requirements.permissions(needs)) or "shell only") for name, needs in COMMANDS.items()
    )
    return [*titles, *(_line([f"`{name}`", said]) for name, said in rows)]


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
