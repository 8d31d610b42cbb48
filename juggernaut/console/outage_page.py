"""What the console shows while the database is away: nobody can be logged in, so only what anybody may know.

That is `/health`, and the commands that look closer and start things again.
"""

import sys
from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from governance.db import errors as db_errors
from monitoring.health import report as health

View = Callable[[HttpRequest], HttpResponse]
COMMANDS = (
    ("Look closer; needs no login and no database", "python manage.py diagnose"),
    ("Ask the database as the system does", 'psql $DATABASE_URL -c "SELECT 1"'),
    ("Start everything that ran on this machine", "python main.py"),
)


def shown_during_outages(view: View) -> View:
    """The view, or this page if the database does not answer: asked first, because the view would hang."""

    @wraps(view)
    def show(request: HttpRequest) -> HttpResponse:
        is_there = health.report()["database"]["status"] != health.DOWN
        return view(request) if is_there else page(request)

    return show


def is_away() -> bool:
    """Whether the exception that is being handled is a database that is unavailable."""
    return db_errors.is_unavailable(sys.exc_info()[1])


def page(request: HttpRequest) -> HttpResponse:
    """Answers 503, within a second, and asks nothing of the database."""
    found = health.report()
    entries = [(name, entry) for name, entry in found.items() if isinstance(entry, dict)]
    context = {"entries": entries, "checked_at": found["checked_at"], "commands": COMMANDS}
    return render(request, "juggernaut/outage.html", context, status=503)
