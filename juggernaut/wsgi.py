"""The WSGI application, for gunicorn and any other server."""

from juggernaut import environment
from juggernaut.processes import streams

environment.prepare()
# gunicorn lets a hangup end its workers; it has just said so, before it loads this.
streams.ignore_hangups()

from django.core.wsgi import get_wsgi_application  # noqa: E402 (the settings must be named first)

application = get_wsgi_application()

from governance.db import locks  # noqa: E402
from monitoring.alerts import standby_evaluator  # noqa: E402 (it needs the apps)

locks.begin()

# Each web process looks whether there is a watchdog.
standby_evaluator.start()
