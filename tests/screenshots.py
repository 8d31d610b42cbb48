"""Pictures of every page of the console: `python -m tests.screenshots FOLDER [--url URL]`.

Without a URL it plays the demonstration on a free port, leaves a few things for a person to do, takes the
pictures (light, dark and 400 px wide), and ends it. Names are those of the addresses, so that a folder can be
compared with an older one.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
from playwright.sync_api import Browser, Page, sync_playwright

from juggernaut.embedded import ports
from juggernaut.environment import ROOT
from tests.polling import until

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 400, "height": 850}
LOOKS = {"light": ("light", WIDE), "dark": ("dark", WIDE), "narrow": ("light", NARROW)}
SWITCHES = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
_STORY_SECONDS = 900.0


def main() -> int:
    """Take the pictures; returns the exit status."""
    options = _options()
    django.setup()
    options.folder.mkdir(parents=True, exist_ok=True)
    with _console(options) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=SWITCHES)
        for look in options.look or LOOKS:
            taken = sum(1 for _ in _take(browser, look, url, options))
            sys.stdout.write(f"{look}: {taken} pictures in {options.folder}\n")
    return 0


def _take(browser: Browser, look: str, url: str, options: argparse.Namespace) -> Iterator[Path]:
    from tests.console import walk

    theme, size = LOOKS[look]
    context = browser.new_context(viewport=size, color_scheme=theme, base_url=url)  # type: ignore[arg-type]
    page = context.new_page()
    _log_in(page, options.user, options.password)
    for name, address in walk.through(page):
        page.wait_for_function("document.fonts.status === 'loaded'")
        file = options.folder / f"{look}-{_slug(name)}.png"
        page.screenshot(path=file, full_page=options.full)
        sys.stdout.write(f"{file.name}  {address}\n")
        yield file
    context.close()


def _log_in(page: Page, user: str, password: str) -> None:
    page.goto("/admin/")
    page.fill("#id_username", user)
    page.fill("#id_password", password)
    page.click("button[type=submit]")
    page.wait_for_selector("#nav-sections", state="attached")  # hidden on a narrow screen


def _slug(name: str) -> str:
    return re.sub(r"\W+", "-", name.removeprefix("admin:")).replace("_", "-").strip("-")


# ------------------------------------------------------------------------------------- the demonstration


@contextlib.contextmanager
def _console(options: argparse.Namespace) -> Iterator[str]:
    """Where the console is that is to be pictured."""
    if options.url:
        yield options.url
        return
    with tempfile.TemporaryDirectory(prefix="screenshots-", dir=ROOT / "var") as folder:
        Path(folder).chmod(0o755)
        port = ports.choose(8100)
        environment = {
            **{name: value for name, value in os.environ.items() if not name.endswith("_URL")},
            "JUGGERNAUT_VAR": folder,
        }
        with (Path(folder) / "demo.log").open("wb") as output:
            demo = subprocess.Popen(
                [sys.executable, "-m", "juggernaut.demo", "--minutes", options.minutes, "--port", str(port)],
                cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            _await_story(demo, Path(folder) / "demo.log")
            _leave_work(environment | {"JUGGERNAUT_VAR": f"{folder}/demo"})
            yield f"http://127.0.0.1:{port}"
        finally:
            demo.terminate()
            demo.wait()


def _await_story(demo: "subprocess.Popen[bytes]", log: Path) -> None:
    def is_told() -> bool:
        return b"Spent:" in log.read_bytes()

    until(lambda: is_told() or demo.poll() is not None, timeout=_STORY_SECONDS, every=0.5, what="its end")
    if not is_told():
        raise SystemExit(f"the demonstration ended before its story did:\n{log.read_text()[-2000:]}")


def _leave_work(environment: dict[str, str]) -> None:
    """What waits for a person: a call to approve, tasks to come, a nightly report, failures."""
    url = "https://orders.example.invalid/{}"
    fetch = [
        {
            "task_type": "tool_execution", "title": f"Fetch order {number}", "max_attempts": 1,
            "assigned_worker": "ANALYST",
            "payload": {"tool_name": "http.get", "arguments": {"url": url.format(number)}},
        }
        for number in range(4711, 4717)
    ]  # fmt: skip
    note = {"tool_name": "files.write", "arguments": {"path": "offer.txt", "content": "Dear customer, …"}}
    ask = {"task_type": "tool_execution", "title": "Write the offer", "payload": note}
    later = {
        "task_type": "evaluation", "title": "Weekly review", "run_after": "2100-01-01T06:00:00Z",
        "payload": {"eval_type": "metric", "metric_value": 97, "minimum": 95},
    }  # fmt: skip
    nightly = json.dumps({"task_type": "evaluation", "payload": later["payload"]})
    _manage(environment, "grant", "EXECUTOR", "files.write", "--requires-approval", "--reason", "look first")
    _manage(environment, "submit_task", "--file", "-", given=json.dumps([*fetch, ask, later]))
    _manage(environment, "set_recurring", "nightly review", "--cron", "0 3 * * *", "--task", nightly)
    _manage(environment, "create_token", "order-service", "--role", "operator")


def _manage(environment: dict[str, str], *arguments: str, given: str = "") -> None:
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(
        command, cwd=ROOT, env=environment, input=given, text=True, check=True, capture_output=True
    )


def _chromium() -> str:
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if not found:
        raise SystemExit("no chromium found: apt-get install chromium")
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--url", help="of a console that runs; without it the demonstration is played")
    parser.add_argument("--user", default="admin", help="who looks (default: admin)")
    parser.add_argument("--password", default="simulation", help="default: that of the demonstration")
    parser.add_argument("--minutes", default="3", help="how long the demonstration takes (default: 3)")
    parser.add_argument("--look", action="append", choices=LOOKS, help="this look only; may be repeated")
    parser.add_argument("--full", action="store_true", help="whole pages, however long")
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "juggernaut.settings")
    sys.exit(main())
