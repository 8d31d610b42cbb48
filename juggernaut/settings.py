"""Django's settings. What an installation may choose is declared in `juggernaut/configuration/model.py`.

Two profiles: `local` (the default: loopback only, embedded servers, a secret made on first start)
and `production` (refuses to start without what safety needs). Nothing else changes between them.
"""

from datetime import timedelta

from governance.audit import redaction
from juggernaut import configuration, logs
from juggernaut.api.openapi import spectacular_settings
from juggernaut.console import branding
from juggernaut.database import connection_settings, driver, endpoints
from juggernaut.environment import ROOT
from juggernaut.security import secret_key, security_headers

driver.choose()

_configured = configuration.current()
PROFILE = _configured.profile.value
IS_LOCAL = _configured.is_local
# Set by `make demo`: every page says so.
IS_SIMULATION = _configured.simulation

BASE_DIR = ROOT
VAR_DIR = endpoints.var_dir()
DEBUG = False
ALLOWED_HOSTS = [*_configured.allowed_hosts]
if IS_LOCAL:
    ALLOWED_HOSTS += ["localhost", "127.0.0.1", "[::1]", "testserver"]
SECRET_KEY = _configured.secret_key.get_secret_value() or secret_key.local_secret_key(VAR_DIR)
# Keys of before: what they have signed is valid, and nothing is signed with them.
SECRET_KEY_FALLBACKS = [key.get_secret_value() for key in _configured.secret_key_fallbacks]

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
    "juggernaut.security.security_headers.SecurityHeaders",
    "juggernaut.web.health_probes.HealthProbes",
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
_process = _configured.process or "juggernaut"
_named = connection_settings.configured(_configured)
DATABASES = {"default": connection_settings.settings(_where.database_url, process=_process)}
# Around the connection pooler that DATABASE_URL may lead to: see governance/db/pooler.py.
DATABASE_DIRECT = connection_settings.direct(_named, process=_process)
JUGGERNAUT_POOLER = connection_settings.pooler(_named)
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
UNFOLD = branding.UNFOLD

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: who has failed too often is not even compared
    "juggernaut.security.passwords.PasswordBackend",
]
AXES_HANDLER = "juggernaut.security.login_throttling.ThrottlingHandler"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_CALLABLE = "juggernaut.security.login_throttling.locked_out_response"
AXES_CLIENT_IP_CALLABLE = "juggernaut.security.client_address.of"
AXES_RESET_ON_SUCCESS = True
# Whoever goes on trying does not make the operator wait any longer.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
# How many proxies stand in front, each appending to X-Forwarded-For where a request came from.
JUGGERNAUT_TRUSTED_PROXIES = _configured.trusted_proxies

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
CONTENT_SECURITY_POLICY = {"DIRECTIVES": security_headers.NOTHING}

# Bodies over these sizes are refused with 413 before anything is parsed.
MAX_TASK_BODY_BYTES = 1024 * 1024
MAX_BULK_BODY_BYTES = 32 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BULK_BODY_BYTES

if not IS_LOCAL:
    SECURE_SSL_REDIRECT = bool(_configured.tls_redirect)
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
        "juggernaut.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
        "juggernaut.security.local_user.LoopbackAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["juggernaut.access.enforcement.Declared"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "juggernaut.api.problems.handle",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_THROTTLE_CLASSES": ["juggernaut.api.throttling.throttles.ClientThrottle"],
    "DEFAULT_SCHEMA_CLASS": "juggernaut.api.openapi.operations.OperationSchema",
    # There is one format of answers; `?format=` is as unknown as any other name.
    "URL_FORMAT_OVERRIDE": None,
}
# How often one client may ask, and whoever has no valid credentials, by address: REQUESTS/SECONDS.
JUGGERNAUT_API_RATE = _configured.api_rate
JUGGERNAUT_API_ANONYMOUS_RATE = _configured.api_anonymous_rate
# The API's description, at /api/schema: see juggernaut/api/openapi/.
SPECTACULAR_SETTINGS = spectacular_settings.SETTINGS

# Modules whose import registers task types: a new one is a file and a line here.
JUGGERNAUT_TASK_TYPES = [
    "workers.task_types.evaluation",
    "workers.task_types.tool_execution",
    "workers.task_types.verification",
    "workers.workflow",
    "workers.agent.loop",
]
JUGGERNAUT_TASK_TYPES += _configured.task_types
# Modules whose import registers tools: likewise.
JUGGERNAUT_TOOLS = [
    "workers.tools.http",
    "workers.tools.sql",
    "workers.tools.tasks",
    "workers.tools.notify",
    "workers.tools.files",
]
JUGGERNAUT_TOOLS += _configured.tools
# Hosts that tools may reach although they are not public: `host` or `host:port`, IPv6 as `[::1]`.
JUGGERNAUT_HTTP_PRIVATE_HOSTS = [*_configured.http_private_hosts]
# Where tasks keep their files, one folder for each tree of tasks.
JUGGERNAUT_WORKSPACES = (_configured.workspaces or VAR_DIR / "workspaces").absolute()
# How many days a folder is kept when the last task of its tree has ended; 0 keeps it for ever.
JUGGERNAUT_WORKSPACE_RETENTION_DAYS = _configured.workspace_retention_days

# Mail of the tool `notify.send`. Without a host it says that it is not configured.
EMAIL_HOST = _configured.mail_host
EMAIL_PORT = _configured.mail_port
EMAIL_HOST_USER = _configured.mail_user
EMAIL_HOST_PASSWORD = _configured.mail_password.get_secret_value()
EMAIL_USE_SSL = _configured.uses_implicit_tls
EMAIL_USE_TLS = _configured.uses_starttls
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = _configured.mail_from

# Who is told of alerts: URLs that take JSON, URLs that take Slack's messages, mail addresses.
JUGGERNAUT_ALERT_WEBHOOKS = [url.get_secret_value() for url in _configured.alert_webhooks]
JUGGERNAUT_ALERT_SLACK_WEBHOOKS = [url.get_secret_value() for url in _configured.alert_slack_webhooks]
JUGGERNAUT_ALERT_MAIL_TO = [*_configured.alert_mail_to]

# Where models are reached: any OpenAI-compatible API. See docs/architecture/models.md.
JUGGERNAUT_LLM_BASE_URL = _configured.llm_base_url
JUGGERNAUT_LLM_API_KEY = _configured.llm_api_key.get_secret_value()
# Its name in the ledger, the breakers and the price list; by default the price list's for that address.
JUGGERNAUT_LLM_SERVICE = _configured.llm_service
# `model, fallback, …` for everybody, `; WORKER = model, fallback, …` for one.
JUGGERNAUT_LLM_MODELS = _configured.llm_models
# An answer that takes longer counts towards the failures of its breakers; 0 is no limit.
JUGGERNAUT_LLM_SLOW_SECONDS = _configured.llm_slow_seconds

# How many plain (not async) tasks one worker process runs at a time.
JUGGERNAUT_SYNC_THREADS = _configured.sync_threads
# How many threads of one worker process, each with a connection, admit and settle its calls.
JUGGERNAUT_CALL_THREADS = _configured.call_threads
# How long running tasks may take to finish after SIGTERM.
JUGGERNAUT_GRACE_SECONDS = _configured.grace_seconds
# When the parent of a cluster gives up a process, or the cluster: see reliability/cluster/supervision.py.
JUGGERNAUT_STUCK_SECONDS = _configured.stuck_seconds
JUGGERNAUT_STALLED_CLUSTER_SECONDS = _configured.stalled_cluster_seconds
JUGGERNAUT_WORKER_MAX_RSS_MB = _configured.worker_max_rss_mb
# What this process is called in the system, if anybody has said it.
JUGGERNAUT_PROCESS = _configured.process

# django-q2 supervises processes and keeps the clock. It never holds a task: see docs/decisions.md.
Q_CLUSTER = {
    "name": "juggernaut",
    "cluster_name": "workers",
    "broker_class": "reliability.cluster.worker_broker.WorkerBroker",
    "workers": _configured.worker_processes,
    "queue_limit": 1,
    # For messages that name no limit of their own. A worker loop's says that it has none.
    "timeout": 60,
    "retry": 90,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,
    "recycle": 10_000,
    # KiB. A worker loop leaves when its process passes this (see reliability/cluster/supervision.py), then
    # the process ends.
    "max_rss": _configured.worker_max_rss_mb * 1024,
    "guard_cycle": 0.5,
    "catch_up": False,
    "scheduler": False,
    "cache": "cluster",
    "log_level": "WARNING",
    "ALT_CLUSTERS": {
        "watchdog": {
            "broker_class": "reliability.cluster.watchdog_broker.WatchdogBroker",
            "orm": "default",
            "poll": 0.5,
            "workers": 1,
            "timeout": 90,
            "retry": 150,
            "scheduler": True,
        }
    },
}
