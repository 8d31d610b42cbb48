"""Every page of the console: nobody is shut out by colours, names or width, and no page is forgotten."""

import re
from pathlib import Path

import axe_playwright_python  # type: ignore[import-untyped]
import pytest
from django.contrib import admin
from django.urls import get_resolver

from juggernaut.console.lists.read_only import ReadOnlyAdmin
from tests.console import everything, walk

pytestmark = [pytest.mark.console, pytest.mark.slow]

AXE = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js")).read_text()
GRAVE = ("serious", "critical")
# Addresses below /admin/ that are no pages that a link leads to.
NO_PAGES = re.compile(
    r"admin:(login|logout|jsi18n|search|autocomplete|view_on_site|app_list|password_change_done)$"
    r"|.*_(history|autocomplete|delete)$|dashboards:\w+_figures$|admin:auth_user_password_change$"
    # One page asks for every verb; which verbs a row has depends on its state.
    r"|.*_(this|group)$"
    # What a sweep did stands in the list; rules of retention are rows of the installation, which tests empty.
    r"|.*_(watchdogsweep|retentionrule)_change$"
)


@pytest.fixture
def everything_there(open_page):
    everything.make()


# What depends on the theme is looked at in both, the rest once.
RULES = {"light": {}, "dark": {"runOnly": ["color-contrast", "link-in-text-block"]}}


def grave_faults(page, *, theme):
    """What axe finds that shuts somebody out: rule, first place, and how to mend it."""
    page.evaluate(AXE)
    rules = {"resultTypes": ["violations"], **RULES[theme]}
    found = page.evaluate("rules => axe.run(document, rules)", rules)["violations"]
    return [
        (fault["id"], fault["nodes"][0]["target"], fault["nodes"][0]["failureSummary"])
        for fault in found
        if fault["impact"] in GRAVE
    ]


def names_of_pages():
    """Every address of the console that has a name, by the name that a walk calls it."""
    names = {f"admin:{name}" for name in _names(admin.site.get_urls())}
    dashboards = get_resolver("juggernaut.console.dashboards.urls").reverse_dict
    names |= {f"dashboards:{name}" for name in dashboards if isinstance(name, str)}
    made_by_nobody = {
        f"admin:{page.opts.app_label}_{page.opts.model_name}_add"
        for page in admin.site._registry.values()
        if isinstance(page, ReadOnlyAdmin)
        and type(page).has_add_permission is ReadOnlyAdmin.has_add_permission
    }
    return {name for name in names - made_by_nobody if not NO_PAGES.match(name)}


def _names(patterns):
    for pattern in patterns:
        yield from _names(getattr(pattern, "url_patterns", ()))
        if getattr(pattern, "name", None):
            yield pattern.name


def flaws(page, *, theme):
    """Everything that is wrong with the page that is open."""
    scripts = page.eval_on_selector_all("script:not([src])", "all => all.map(one => one.outerHTML)")
    handlers = page.evaluate(
        "[...document.querySelectorAll('*')].flatMap(one => one.getAttributeNames())"
        ".filter(name => name.startsWith('on'))"
    )
    is_too_wide = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    is_dark = page.evaluate("document.documentElement.classList.contains('dark')")
    return [
        *grave_faults(page, theme=theme),
        *(f"a script within the page: {script[:100]}" for script in scripts),
        *(f"a handler within the page: {name}" for name in handlers),
        *(["it is wider than its screen"] if is_too_wide else []),
        *([f"it is not {theme}"] if is_dark != (theme == "dark") else []),
        *(["it has not one heading"] if page.locator("h1").count() != 1 else []),
    ]


@pytest.mark.parametrize(("theme", "size"), [("light", "wide"), ("dark", "narrow")])
def test_no_page_shuts_anybody_out_and_none_is_forgotten(open_page, everything_there, theme, size):
    """No serious fault for axe, no script or handler within it, not wider than its screen; all are linked."""
    page = open_page(size=size, theme=theme, superuser=True)

    found = {name: flaws(page, theme=theme) for name, _ in walk.through(page)}

    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert names_of_pages() - {name.split()[0] for name in found} == set()


def test_who_may_see_little_is_led_to_no_page_that_is_refused(open_page, everything_there):
    page = open_page("view_task", "view_worker")

    walked = [name for name, _ in walk.through(page)]

    assert "admin:governance_task_changelist" in walked
    assert "admin:governance_auditentry_changelist" not in walked
