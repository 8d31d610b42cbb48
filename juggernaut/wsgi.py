"""The WSGI application, for gunicorn and any other server."""

from juggernaut import environment

environment.prepare()

from django.core.wsgi import get_wsgi_application  # noqa: E402 (the settings must be named first)

application = get_wsgi_application()
