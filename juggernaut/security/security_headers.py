"""Security headers: Content-Security-Policy and browser permissions of every response.

No inline script runs anywhere. The console's pages may use what comes from this server, and evaluate
(`unsafe-eval`): Alpine, which unfold's menus are made of, reads its expressions from attributes, see
docs/decisions.md, 40. Everything else (the API, probes, files) loads nothing at all. A page with other
needs says so at its view, with django-csp's decorators `csp_update` and `csp_replace`.
"""

from typing import Any

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponseBase

NOTHING: dict[str, Any] = {
    "default-src": [NONE],
    "base-uri": [NONE],
    "form-action": [NONE],
    "frame-ancestors": [NONE],
}
CONSOLE: dict[str, Any] = {
    **NOTHING,
    "script-src": [SELF, UNSAFE_EVAL],
    # Bars and charts have their lengths in attributes, and so do Alpine's and htmx's.
    "style-src": [SELF, UNSAFE_INLINE],
    "img-src": [SELF, "data:"],
    "font-src": [SELF],
    "connect-src": [SELF],
    "form-action": [SELF],
}
CONSOLE_PATH = "/admin/"

# What no page of ours asks a browser for.
UNUSED = (
    "accelerometer", "browsing-topics", "camera", "display-capture", "geolocation", "gyroscope", "hid",
    "magnetometer", "microphone", "midi", "payment", "publickey-credentials-get", "serial", "usb",
)  # fmt: skip
# For answers, too, that Django's SecurityMiddleware never sees, as those to probes.
HEADERS = {
    "Permissions-Policy": ", ".join(f"{name}=()" for name in UNUSED),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SecurityHeaders(CSPMiddleware):
    """django-csp's middleware, with a policy by the part of the site."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if parts.config is None and not report_only and request.path_info.startswith(CONSOLE_PATH):
            parts.config = CONSOLE
        return parts

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return super().process_response(request, response)
