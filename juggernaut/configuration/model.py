"""Every variable of the environment that is a setting: name, type, bounds, default, meaning.

The README's table is made from this (`manage.py write_settings`). A field whose type is a secret can also
be given as a file, by the variable `NAME_FILE`.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from juggernaut.api.throttling.rate import Rate
from juggernaut.configuration.sources import SecretFiles
from juggernaut.configuration.types import (
    BindAddress,
    Folder,
    HttpUrl,
    LowerWord,
    MailAddresses,
    RequestRate,
    Secret,
    Secrets,
    SecretUrls,
    Text,
    Texts,
    UpperWord,
)

_NOTHING = SecretStr("")


class Profile(StrEnum):
    """`local` is for one person on one machine; `production` asks everybody for credentials."""

    LOCAL = "local"
    PRODUCTION = "production"


class MailTls(StrEnum):
    """How the connection to the mail server is encrypted."""

    AUTO = "auto"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    NONE = "none"


# Usual words for true and false are taken, too.
_MAIL_TLS_WORDS = dict.fromkeys(("1", "true", "t", "yes", "y", "on"), MailTls.AUTO) | dict.fromkeys(
    ("0", "false", "f", "no", "n", "off"), MailTls.NONE
)


def _mail_tls(value: Any) -> Any:
    return _MAIL_TLS_WORDS.get(value, value) if isinstance(value, str) else value


def _variable(
    name: str,
    *others: str,
    default: Any,
    meaning: str,
    shown: str = "",
    expected: str = "",
    is_internal: bool = False,
    ge: float | None = None,
    le: float | None = None,
) -> Any:
    """Declare a setting. `others` are further names of it; `shown` is its default in words."""
    return Field(
        default,
        validation_alias=AliasChoices(name, *others) if others else name,
        description=meaning,
        json_schema_extra={"shown": shown, "expected": expected, "is_internal": is_internal},
        ge=ge,
        le=le,
    )


class Configuration(BaseSettings):
    """The settings of one installation."""

    model_config = SettingsConfigDict(
        case_sensitive=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        validate_default=False,
    )

    database_url: Secret = _variable(
        "DATABASE_URL",
        default=_NOTHING,
        meaning="PostgreSQL of yours: `postgresql://USER:PASSWORD@HOST:PORT/NAME`",
        shown="an embedded one under `var/`",
    )
    database_url_direct: Secret = _variable(
        "DATABASE_URL_DIRECT",
        default=_NOTHING,
        meaning="the same database without the connection pooler that `DATABASE_URL` leads through",
        shown="none",
    )
    pooler: Literal["auto", "none", "session", "transaction"] = _variable(
        "JUGGERNAUT_POOLER",
        default="auto",
        meaning="whether there is a connection pooler: `auto` (detect it), `none`, `session`, `transaction`; "
        "see `docs/operations/deployment.md`",
    )
    redis_url: Secret = _variable(
        "REDIS_URL",
        default=_NOTHING,
        meaning="Redis of yours: `redis://HOST:PORT/0`",
        shown="an embedded one under `var/`",
    )
    profile: Profile = _variable(
        "JUGGERNAUT_PROFILE",
        default=Profile.LOCAL,
        meaning="`local` (loopback only) or `production`",
    )
    secret_key: Secret = _variable(
        "DJANGO_SECRET_KEY",
        default=_NOTHING,
        meaning="needed in production, 50 random characters or more",
        shown="made once, in `var/`",
    )
    secret_key_fallbacks: Secrets = _variable(
        "DJANGO_SECRET_KEY_FALLBACKS",
        default=(),
        meaning="the keys before it, comma-separated: what they signed stays valid",
        shown="none",
    )
    allowed_hosts: Texts = _variable(
        "JUGGERNAUT_ALLOWED_HOSTS",
        default=(),
        meaning="host names, comma-separated; needed in production",
        shown="`localhost`",
    )
    tls_redirect: bool | None = _variable(
        "JUGGERNAUT_TLS_REDIRECT",
        default=None,
        meaning="needed in production: `yes` to redirect plain HTTP to TLS, `no` if what stands in front "
        "of this server does",
        shown="none",
    )
    trusted_proxies: int = _variable(
        "JUGGERNAUT_TRUSTED_PROXIES",
        default=0,
        ge=0,
        le=16,
        meaning="how many proxies stand in front and append to `X-Forwarded-For`; clients are told apart by "
        "the address that the outermost of them saw. More than 0 asks everybody for credentials",
    )
    port: int = _variable(
        "JUGGERNAUT_PORT",
        "PORT",
        default=8000,
        ge=1,
        le=65_535,
        meaning="port of the web server",
        expected="a number from 1 to 65535 (Kubernetes sets JUGGERNAUT_PORT for a Service named juggernaut: "
        "rename it, or set enableServiceLinks to false)",
    )
    bind: BindAddress = _variable(
        "JUGGERNAUT_BIND",
        default="",
        meaning="address that the web server listens on; another than loopback in production only",
        shown="`127.0.0.1`; in production `0.0.0.0` if `PORT` is set and `JUGGERNAUT_PORT` is not",
    )
    web_processes: int = _variable(
        "JUGGERNAUT_WEB_PROCESSES",
        "WEB_CONCURRENCY",
        default=2,
        ge=1,
        le=256,
        meaning="processes of the web server",
    )
    web_threads: int = _variable(
        "JUGGERNAUT_WEB_THREADS", default=8, ge=1, le=256, meaning="threads of one of its processes"
    )
    worker_processes: int = _variable(
        "JUGGERNAUT_WORKER_PROCESSES", default=2, ge=1, le=256, meaning="worker processes of this machine"
    )
    call_threads: int = _variable(
        "JUGGERNAUT_CALL_THREADS",
        default=4,
        ge=1,
        le=64,
        meaning="threads of one worker process, each with a connection, that admit and settle its calls",
    )
    sync_threads: int = _variable(
        "JUGGERNAUT_SYNC_THREADS",
        default=16,
        ge=1,
        le=1_024,
        meaning="tasks that are plain functions (not `async`) at a time in one process",
    )
    worker_max_rss_mb: int = _variable(
        "JUGGERNAUT_WORKER_MAX_RSS_MB",
        default=512,
        ge=64,
        le=1_048_576,
        meaning="MiB; a worker process over this is replaced when it has finished its tasks",
    )
    grace_seconds: float = _variable(
        "JUGGERNAUT_GRACE_SECONDS",
        default=30.0,
        ge=1,
        le=3_600,
        meaning="how long running tasks may take to end at a stop",
    )
    stuck_seconds: float = _variable(
        "JUGGERNAUT_STUCK_SECONDS",
        default=30.0,
        ge=1,
        le=3_600,
        meaning="a process that shows no sign of life for so long is replaced",
    )
    stalled_cluster_seconds: float = _variable(
        "JUGGERNAUT_STALLED_CLUSTER_SECONDS",
        default=60.0,
        ge=1,
        le=3_600,
        meaning="a cluster in which no new process gets work for so long is started again",
    )
    llm_api_key: Secret = _variable(
        "JUGGERNAUT_LLM_API_KEY",
        default=_NOTHING,
        meaning="the key of the provider of models; without one, tasks that ask a model fail and say so",
        shown="none",
    )
    llm_base_url: HttpUrl = _variable(
        "JUGGERNAUT_LLM_BASE_URL",
        default="https://openrouter.ai/api/v1",
        meaning="any OpenAI-compatible API",
    )
    llm_models: Text = _variable(
        "JUGGERNAUT_LLM_MODELS",
        default="",
        meaning="which to ask, then which: `model, fallback; ANALYST = model, fallback`",
        shown="two of OpenRouter's",
    )
    llm_service: Text = _variable(
        "JUGGERNAUT_LLM_SERVICE",
        default="",
        meaning="its name in the ledger, the breakers and the price list; see `docs/architecture/models.md`",
        shown="from the URL",
    )
    llm_slow_seconds: float = _variable(
        "JUGGERNAUT_LLM_SLOW_SECONDS",
        default=0.0,
        ge=0,
        le=3_600,
        meaning="an answer that takes longer counts as a failure of its breakers; `0`: no limit",
    )
    task_types: Texts = _variable(
        "JUGGERNAUT_TASK_TYPES",
        default=(),
        meaning="further modules with task types, comma-separated",
        shown="none",
    )
    tools: Texts = _variable(
        "JUGGERNAUT_TOOLS", default=(), meaning="further modules with tools, comma-separated", shown="none"
    )
    http_private_hosts: Texts = _variable(
        "JUGGERNAUT_HTTP_PRIVATE_HOSTS",
        default=(),
        meaning="hosts that tools may reach although they are not public: `host`, `host:port`",
        shown="none",
    )
    workspaces: Folder = _variable(
        "JUGGERNAUT_WORKSPACES", default=None, meaning="folder of the tasks' files", shown="`var/workspaces`"
    )
    workspace_retention_days: int = _variable(
        "JUGGERNAUT_WORKSPACE_RETENTION_DAYS",
        default=30,
        ge=0,
        le=36_500,
        meaning="how long after its tasks' end a folder is kept; `0`: for ever",
    )
    mail_host: Text = _variable(
        "JUGGERNAUT_MAIL_HOST", default="", meaning="mail server of `notify.send` and of alerts", shown="none"
    )
    mail_port: int = _variable("JUGGERNAUT_MAIL_PORT", default=587, ge=1, le=65_535, meaning="its port")
    mail_tls: Annotated[MailTls, BeforeValidator(_mail_tls), LowerWord] = _variable(
        "JUGGERNAUT_MAIL_TLS",
        default=MailTls.AUTO,
        meaning="`yes` or `auto`: implicit TLS on port 465, STARTTLS on any other; `implicit` or `starttls` "
        "whatever the port; `no`: none",
        expected="yes, no, 'auto', 'starttls', 'implicit' or 'none'",
        shown="`yes`",
    )
    mail_from: Text = _variable("JUGGERNAUT_MAIL_FROM", default="", meaning="sender of mails", shown="none")
    mail_user: Text = _variable(
        "JUGGERNAUT_MAIL_USER", default="", meaning="account at the mail server", shown="none"
    )
    mail_password: Secret = _variable(
        "JUGGERNAUT_MAIL_PASSWORD", default=_NOTHING, meaning="its password", shown="none"
    )
    alert_webhooks: SecretUrls = _variable(
        "JUGGERNAUT_ALERT_WEBHOOKS",
        default=(),
        meaning="URLs that are notified of alerts, comma-separated",
        shown="none",
    )
    alert_slack_webhooks: SecretUrls = _variable(
        "JUGGERNAUT_ALERT_SLACK_WEBHOOKS",
        default=(),
        meaning="Slack's incoming webhooks that are notified of alerts, comma-separated",
        shown="none",
    )
    alert_mail_to: MailAddresses = _variable(
        "JUGGERNAUT_ALERT_MAIL_TO",
        default=(),
        meaning="mail addresses that are notified of alerts, comma-separated",
        shown="none",
    )
    api_rate: RequestRate = _variable(
        "JUGGERNAUT_API_RATE",
        default=Rate(30_000, 60),
        meaning="how often one client may call the API: `REQUESTS/SECONDS`",
        shown="`30000/60`",
    )
    api_anonymous_rate: RequestRate = _variable(
        "JUGGERNAUT_API_ANONYMOUS_RATE",
        default=Rate(120, 60),
        meaning="how often an address without valid credentials may",
        shown="`120/60`",
    )
    admin_password: Secret = _variable(
        "JUGGERNAUT_ADMIN_PASSWORD",
        default=_NOTHING,
        meaning="the first operator's password",
        shown="made up and printed once",
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], UpperWord] = _variable(
        "JUGGERNAUT_LOG_LEVEL",
        default="WARNING",
        meaning="the least level that goes to stderr: `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`",
        shown="`WARNING`; `INFO` in the container image",
    )
    access_log: bool = _variable(
        "JUGGERNAUT_ACCESS_LOG",
        default=False,
        meaning="`yes`: the web server writes a line for each request to stdout",
        shown="`no`",
    )
    process: Text = _variable(
        "JUGGERNAUT_PROCESS",
        default="",
        meaning="what a process calls itself in the log and in `pg_stat_activity`",
        shown="from its command line, `juggernaut`",
    )
    var: Folder = _variable(
        "JUGGERNAUT_VAR", default=None, meaning="folder of the embedded servers", shown="`var/`"
    )
    logs: Folder = _variable("JUGGERNAUT_LOGS", default=None, meaning="folder of the log", shown="`logs/`")
    # Set by `make demo` alone.
    simulation: bool = _variable(
        "JUGGERNAUT_SIMULATION",
        default=False,
        meaning="every page says that it is a simulation",
        is_internal=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the environment, and files that it names for secrets; never a `.env` file."""
        return init_settings, SecretFiles(settings_cls), env_settings

    @property
    def is_local(self) -> bool:
        """Whether requests from this machine need no credentials."""
        return self.profile is Profile.LOCAL

    @property
    def uses_implicit_tls(self) -> bool:
        """Whether the connection to the mail server begins with TLS."""
        return self.mail_tls is MailTls.IMPLICIT or (self.mail_tls is MailTls.AUTO and self.mail_port == 465)

    @property
    def uses_starttls(self) -> bool:
        """Whether the connection to the mail server changes to TLS."""
        return self.mail_tls is not MailTls.NONE and not self.uses_implicit_tls
