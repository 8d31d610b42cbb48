"""The runbook runs itself: sections that look at one thing each, and say what they found and what to do.

A new section is a module of `areas` with a decorated function, and its name in `_MODULES`.
"""

from importlib import import_module

from monitoring.diagnosis.findings import Finding, Severity
from monitoring.diagnosis.sections import ALL, Diagnosis, UnknownSection, as_json, known, run, section, worst

__all__ = [
    "ALL", "Diagnosis", "Finding", "Severity", "UnknownSection", "as_json", "known", "run", "section",
    "worst",
]  # fmt: skip

# In the order in which they are shown: what the others stand on comes first.
_MODULES = (
    "database", "redis", "workers", "watchdog", "limits", "breakers", "budgets", "dead_letters",
    "performance",
)  # fmt: skip
for _module in _MODULES:
    import_module(f"{__name__}.areas.{_module}")
