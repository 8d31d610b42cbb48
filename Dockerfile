# One image for every part: the web server, the workers, the watchdog. compose.yaml starts all of them.
FROM python:3.13-slim-trixie

# pg_dump and pg_restore, for `manage.py backup` and `restore`, come with the wheel of the embedded server.
# Redis is a service of its own: the image has none.
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

RUN useradd --system --create-home --home-dir /srv/juggernaut --uid 10001 juggernaut
WORKDIR /srv/juggernaut

# The exact set first: it changes more rarely than the code.
COPY requirements.txt .
RUN pip install --require-hashes -r requirements.txt

COPY manage.py main.py watchdog_main.py ./
COPY juggernaut juggernaut
COPY governance governance
COPY reliability reliability
COPY gateway gateway
COPY workers workers
COPY monitoring monitoring
COPY core core
COPY templates templates

# What is written at run time: the log, and the files of tasks. Everything else is in PostgreSQL.
RUN install -d -o juggernaut -g juggernaut var logs var/workspaces
USER juggernaut
# The log goes to stderr, too; JUGGERNAUT_ACCESS_LOG=yes adds a line for each request on stdout.
ENV JUGGERNAUT_PROFILE=production JUGGERNAUT_BIND=0.0.0.0 JUGGERNAUT_LOG_LEVEL=INFO
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["gunicorn", "-c", "python:juggernaut.web.gunicorn", "juggernaut.wsgi"]
