"""schemathesis asks the product's own web server what nobody would think of asking, by its description."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from django.contrib.auth.models import User

from governance.access import roles
from juggernaut.environment import ROOT
from tests.api import world
from tests.governance.api_client import make_user, token_of

pytestmark = pytest.mark.slow

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
)
# How many requests are made up for each operation. One of them also gets those that the description implies
# by itself: every field at and beyond its limits, left out, of another type.
MADE_UP = {"admin": 5, "viewer": 2, "loopback": 2, "stranger": 1}
SETTINGS = """
hooks = "tests.api.fuzzing_hooks"
seed = 20261127

[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 414, 415, 422, 429, 431]
"""


@pytest.mark.parametrize("who", MADE_UP)
def test_no_request_breaks_it_or_gets_an_answer_that_is_not_described(
    web_server: str, tmp_path: Path, who: str
):
    places = world.build().places
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(SETTINGS)
    schema = tmp_path / "schema.json"
    reader = {"Authorization": token_of(User.objects.create_superuser("reader"))}
    schema.write_bytes(httpx.get(f"{web_server}/api/schema", headers=reader, timeout=60).content)

    ran = subprocess.run(
        [
            *(Path(sys.executable).with_name("st"), "--config-file", settings, "--no-color", "run"),
            *("--checks", ",".join(CHECKS), "--max-examples", str(MADE_UP[who]), "--workers", "2"),
            *("--phases", "examples,coverage,fuzzing" if who == "admin" else "examples,fuzzing"),
            *("--warnings", "off", "--generation-database", "none"),
            *("--header", header_of(who), "--url", web_server, schema),
        ],
        cwd=tmp_path,
        env=os.environ | {"FUZZING_PLACES": json.dumps(places), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr


def header_of(who: str) -> str:
    """What says who asks. Whoever came through a proxy is not from this machine."""
    if who == "stranger":
        return "X-Forwarded-For: 192.0.2.1"
    if who == "loopback":
        return "X-Nothing: to say"
    user = make_user(who)
    roles.assign(user, who)
    return f"Authorization: {token_of(user)}"
