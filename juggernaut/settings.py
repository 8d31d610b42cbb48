"""Settings, all of them by environment; the table of variables is in the README.

Two profiles: `local` (the default: loopback only, embedded servers, a secret made on first start)
and `production` (refuses to start without what safety needs). Nothing else changes between them.
"""

import os
from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from governance import redaction
from juggernaut import (
    browser_rules,
    console,
    database,
    driver,
    endpoints,
    logs,
    openapi_document,
    production,
    secret_key,
)
from juggernaut.environment import ROOT, listed
from juggernaut.throttling.rate import Rate

driver.choose()

PROFILE = os.environ.get("JUGGERNAUT_PROFILE", "local")
if PROFILE not in {"local", "production"}:
    raise ImproperlyConfigured(f"JUGGERNAUT_PROFILE is {PROFILE!r}; expected 'local' or 'production'")
IS_LOCAL = PROFILE == "local"
# Set by `make demo`: every page says so.
IS_SIMULATION = os.environ.get("JUGGERNAUT_SIMULATION") == "1"

BASE_DIR = ROOT
VAR_DIR = endpoints.var_dir()
DEBUG = False
ALLOWED_HOSTS = listed("JUGGERNAUT_ALLOWED_HOSTS")
if not IS_LOCAL:
    production.require(os.environ, ALLOWED_HOSTS)
else:
    ALLOWED_HOSTS += ["localhost", "127.0.0.1", "[::1]", "testserver"]
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or secret_key.local_secret_key(VAR_DIR)
# Keys of before: what they have signed is valid, and nothing is signed with them.
SECRET_KEY_FALLBACKS = [key for key in os.environ.get("DJANGO_SECRET_KEY_FALLBACKS", "").split(",") if key]

INSTALLED_APPS = [
    "juggernaut",  # first: its commands come before those of Django with the same names
    "unfold.apps.BasicAppConfig",
    "juggernaut.apps.ConsoleConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "axes",
    "csp",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_q",
    "governance",
    "reliability",
    "workers",
    "monitoring",
]
MIDDLEWARE = [
    "monitoring.metrics.request_times.RequestTimes",  # first: it measures all the others
    "juggernaut.browser_rules.BrowserRules",
    "juggernaut.probes.AnswerProbes",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "juggernaut.urls"
WSGI_APPLICATION = "juggernaut.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

_where = endpoints.current()
_process = os.environ.get("JUGGERNAUT_PROCESS", "juggernaut")
DATABASES = {"default": database.settings(_where.database_url, process=_process)}
# Around the connection pooler that DATABASE_URL may lead to: see governance/pooler.py.
DATABASE_DIRECT = database.direct(os.environ, process=_process)
JUGGERNAUT_POOLER = database.pooler(os.environ)
REDIS_URL = _where.redis_url
HAS_REDIS = endpoints.NO_REDIS != REDIS_URL
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        # Redis may vanish at any time: one try, bounded, and the caller goes on without it.
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 0.2, "SOCKET_TIMEOUT": 0.1, "IGNORE_EXCEPTIONS": True},
    },
    # django-q2 writes a status line twice a second; it must not depend on Redis.
    "cluster": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
LOGGING = logs.configuration(logs.log_file(ROOT))
redaction.learn(
    SECRET_KEY,
    *SECRET_KEY_FALLBACKS,
    DATABASES["default"].get("PASSWORD"),
    (DATABASE_DIRECT or {}).get("PASSWORD"),
)
STATIC_URL = "static/"
# Served from the packages they come in: there is nothing to collect.
WHITENOISE_USE_FINDERS = True
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
UNFOLD = console.UNFOLD

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: who has failed too often is not even compared
    "juggernaut.passwords.PasswordBackend",
]
AXES_HANDLER = "juggernaut.sign_in.PatientHandler"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "juggernaut.sign_in.tell_locked_out"
AXES_CLIENT_IP_CALLABLE = "juggernaut.client_address.of"
AXES_RESET_ON_SUCCESS = True
# Whoever goes on trying does not make the operator wait any longer.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# How many proxies stand in front, each appending to X-Forwarded-For where a request came from.
JUGGERNAUT_PROXIES = int(os.environ.get("JUGGERNAUT_PROXIES", "0"))

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# The first one is used for new passwords: it costs a guesser memory, too.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]

SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {"DIRECTIVES": browser_rules.NOTHING}

# Bodies over these sizes are refused with 413 before anything is parsed.
MAX_TASK_BODY_BYTES = 1024 * 1024
MAX_BULK_BODY_BYTES = 32 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BULK_BODY_BYTES

if not IS_LOCAL:
    SECURE_SSL_REDIRECT = os.environ["JUGGERNAUT_TLS_REDIRECT"] == "1"
    # "No redirect to TLS" (W008): the operator has said that somebody in front does it.
    SILENCED_SYSTEM_CHECKS = [] if SECURE_SSL_REDIRECT else ["security.W008"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "juggernaut.tokens.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
        "juggernaut.loopback.LoopbackAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["juggernaut.access.enforcement.Declared"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "juggernaut.problems.handle",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_THROTTLE_CLASSES": ["juggernaut.throttling.throttles.ClientThrottle"],
    "DEFAULT_SCHEMA_CLASS": "juggernaut.openapi.operations.OperationSchema",
    # There is one format of answers; `?format=` is as unknown as any other name.
    "URL_FORMAT_OVERRIDE": None,
}
# How often one client may ask, and whoever has no valid credentials, by address: REQUESTS/SECONDS.
JUGGERNAUT_API_RATE, JUGGERNAUT_API_STRANGER_RATE = (
    Rate.parse(os.environ.get(name) or default, name=name)
    for name, default in (("JUGGERNAUT_API_RATE", "30000/60"), ("JUGGERNAUT_API_STRANGER_RATE", "120/60"))
)
# The API's description, at /api/schema: see juggernaut/openapi/.
SPECTACULAR_SETTINGS = openapi_document.SETTINGS

# Modules whose import registers task types: a new one is a file and a line here.
JUGGERNAUT_TASK_TYPES = [
    "workers.evaluation",
    "workers.tool_execution",
    "workers.verification",
    "workers.workflow",
    "workers.agent.loop",
]
JUGGERNAUT_TASK_TYPES += listed("JUGGERNAUT_TASK_TYPES")
# Modules whose import registers tools: likewise.
JUGGERNAUT_TOOLS = [
    "workers.tools.http",
    "workers.tools.sql",
    "workers.tools.tasks",
    "workers.tools.notify",
    "workers.tools.files",
]
JUGGERNAUT_TOOLS += listed("JUGGERNAUT_TOOLS")
# Hosts that tools may reach although they are not public: `host` or `host:port`, IPv6 as `[::1]`.
JUGGERNAUT_HTTP_PRIVATE_HOSTS = listed("JUGGERNAUT_HTTP_PRIVATE_HOSTS")
# Where tasks keep their files, one folder for each tree of tasks.
JUGGERNAUT_WORKSPACES = Path(os.environ.get("JUGGERNAUT_WORKSPACES") or VAR_DIR / "workspaces").absolute()
# How many days a folder is kept when the last task of its tree has ended; 0 keeps it for ever.
JUGGERNAUT_WORKSPACES_KEPT_DAYS = int(os.environ.get("JUGGERNAUT_WORKSPACES_KEPT_DAYS", "30"))

# Mail of the tool `notify.send`. Without a host it says that it is not configured.
EMAIL_HOST = os.environ.get("JUGGERNAUT_MAIL_HOST", "")
EMAIL_PORT = int(os.environ.get("JUGGERNAUT_MAIL_PORT", "587"))
EMAIL_HOST_USER = os.environ.get("JUGGERNAUT_MAIL_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("JUGGERNAUT_MAIL_PASSWORD", "")
EMAIL_USE_TLS = os.environ.get("JUGGERNAUT_MAIL_TLS", "1") == "1"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = os.environ.get("JUGGERNAUT_MAIL_FROM", "")

# Who is told of alerts: URLs that take JSON, URLs that take Slack's messages, mail addresses.
JUGGERNAUT_ALERT_WEBHOOKS = listed("JUGGERNAUT_ALERT_WEBHOOKS")
JUGGERNAUT_ALERT_SLACK_WEBHOOKS = listed("JUGGERNAUT_ALERT_SLACK_WEBHOOKS")
JUGGERNAUT_ALERT_MAIL_TO = listed("JUGGERNAUT_ALERT_MAIL_TO")
# Who knows such a URL may post there.
redaction.learn(*JUGGERNAUT_ALERT_WEBHOOKS, *JUGGERNAUT_ALERT_SLACK_WEBHOOKS)

# Where models are reached: any OpenAI-compatible API. See docs/architecture/models.md.
JUGGERNAUT_LLM_BASE_URL = os.environ.get("JUGGERNAUT_LLM_BASE_URL") or "https://openrouter.ai/api/v1"
JUGGERNAUT_LLM_API_KEY = os.environ.get("JUGGERNAUT_LLM_API_KEY", "")
# Its name in the ledger, the breakers and the price list; by default the price list's for that address.
JUGGERNAUT_LLM_SERVICE = os.environ.get("JUGGERNAUT_LLM_SERVICE", "")
# `model, fallback, …` for everybody, `; WORKER = model, fallback, …` for one.
JUGGERNAUT_LLM_MODELS = os.environ.get("JUGGERNAUT_LLM_MODELS", "")
# An answer that takes longer counts towards the failures of its breakers; 0 is no limit.
JUGGERNAUT_LLM_SLOW_SECONDS = float(os.environ.get("JUGGERNAUT_LLM_SLOW_SECONDS", "0"))

# How many plain (not async) tasks one worker process runs at a time.
JUGGERNAUT_SYNC_THREADS = int(os.environ.get("JUGGERNAUT_SYNC_THREADS", "16"))
# How many threads of one worker process, each with a connection, open and close the books of its calls.
JUGGERNAUT_DOOR_THREADS = int(os.environ.get("JUGGERNAUT_DOOR_THREADS", "4"))
# How long running tasks may take to finish after SIGTERM.
JUGGERNAUT_GRACE_SECONDS = float(os.environ.get("JUGGERNAUT_GRACE_SECONDS", "30"))

# django-q2 supervises processes and keeps the clock. It never holds a task: see docs/decisions.md.
Q_CLUSTER = {
    "name": "juggernaut",
    "cluster_name": "workers",
    "broker_class": "reliability.standing_order.StandingOrder",
    "workers": int(os.environ.get("JUGGERNAUT_WORKER_PROCESSES", "2")),
    "queue_limit": 1,
    # For messages that name no limit of their own. A drain's says that it has none.
    "timeout": 60,
    "retry": 90,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,
    "recycle": 10_000,
    # KiB. A drain leaves when its process passes this (see reliability/checkup.py), then the process ends.
    "max_rss": int(os.environ.get("JUGGERNAUT_WORKER_MAX_RSS_MB", "512")) * 1024,
    "guard_cycle": 0.5,
    "catch_up": False,
    "scheduler": False,
    "cache": "cluster",
    "log_level": "WARNING",
    "ALT_CLUSTERS": {
        "watchdog": {
            "broker_class": "reliability.watch_order.WatchOrder",
            "orm": "default",
            "poll": 0.5,
            "workers": 1,
            "timeout": 90,
            "retry": 150,
            "scheduler": True,
        }
    },
}
