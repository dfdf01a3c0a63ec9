"""Django settings. Whatever differs between installations comes from `filehub.env`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from celery.schedules import crontab
from corsheaders.defaults import default_headers
from csp.constants import NONE, SELF

from filehub import env as environment
from filehub import logs, mail
from uploads.core.limits import MIB
from uploads.core.paths import API_PATHS
from uploads.worker.broker import TRANSPORT, broker_settings, consumed_queues, routes

try:
    env = environment.load()
    app = environment.load_app()
except environment.InvalidEnvironment as exc:
    # One sentence for the operator, without a traceback that would hide it.
    sys.exit(f"filehub cannot start: {exc}")

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = env.django_secret_key
SECRET_KEY_FALLBACKS = list(env.django_secret_key_fallbacks)
DEBUG = env.django_debug
ALLOWED_HOSTS = list(env.django_allowed_hosts)

INSTALLED_APPS = [
    "uploads",
    "uploads.apps.AdminSiteConfig",  # django.contrib.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "corsheaders",
    "csp",
    "ninja",
    "filehub",
]

#: The app's settings (uploads/core/conf.py).
FILEHUB = {name.upper(): value for name, value in app}

MIDDLEWARE = [
    # First, so that every response and every log line has the request's id.
    "uploads.web.request_id.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "uploads.web.middleware.ContentSecurityPolicy",
    # Before middleware that may respond itself, such as with 400 for an unknown host.
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Before middleware that checks the host name.
    "uploads.web.health.ProbeMiddleware",
    "uploads.web.waiting.TimeLimitMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "uploads.web.middleware.Sessions",
    "uploads.web.middleware.Locale",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "uploads.web.middleware.Authentication",
    "uploads.web.middleware.Messages",
    "uploads.web.errors.ErrorMiddleware",
]

ROOT_URLCONF = "filehub.urls"
WSGI_APPLICATION = "filehub.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "uploads.web.theme.context",
            ],
        },
    },
]

DATABASES = {
    "default": dj_database_url.parse(env.database_url, conn_max_age=60, conn_health_checks=True)
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Web and worker write concurrently: wait for locks instead of failing.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
elif DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    DATABASES["default"]["ENGINE"] = "filehub.postgresql"
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 3)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = [
    "uploads.web.sign_in.Guard",
    "django.contrib.auth.backends.ModelBackend",
    "uploads.web.single_sign_on.Backend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# As the mail says (templates/registration/password_reset_email.html).
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "filehub.formats"
USE_I18N = True

STATIC_URL = "static/"
STATIC_ROOT = env.django_static_root
STATICFILES_DIRS = [BASE_DIR / "static"]

STORAGES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": app.bucket,
            "region_name": app.region,
            "endpoint_url": app.s3_url,
            "signature_version": "s3v4",
            "addressing_style": "path" if app.s3_path_style else "virtual",
            "querystring_expire": app.url_expiry,
            "default_acl": None,
        },
    },
    "staticfiles": {"BACKEND": "filehub.staticfiles.ModuleManifestStorage"},
}

# --- Security -----------------------------------------------------------------------------------

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.django_https else None
SECURE_SSL_REDIRECT = env.django_https
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if env.django_https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.django_https
SECURE_HSTS_PRELOAD = env.django_https
SESSION_COOKIE_SECURE = env.django_https
CSRF_COOKIE_SECURE = env.django_https
LANGUAGE_COOKIE_SECURE = env.django_https
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "uploads.web.errors.csrf_failure"
CSRF_TRUSTED_ORIGINS = list(app.cors_origins)

# JSON bodies only; file content never passes through Django.
DATA_UPLOAD_MAX_MEMORY_SIZE = MIB
FILE_UPLOAD_HANDLERS = ["uploads.web.upload_handlers.DiscardFiles"]

_s3 = urlsplit(app.s3_bucket_url)
S3_ORIGIN = f"{_s3.scheme}://{_s3.netloc}"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF, S3_ORIGIN],
        "worker-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
# What pages that show files add to it: images, recordings and frames from the bucket's origin.
CSP_PREVIEWS = {name: [S3_ORIGIN] for name in ("img-src", "media-src", "frame-src")}

CORS_ALLOWED_ORIGINS = list(app.cors_origins)
CORS_ALLOW_HEADERS = [*default_headers, "idempotency-key"]
CORS_EXPOSE_HEADERS = [
    "ETag", "Link", "Location", "Retry-After", "X-Filehub-Examined", "X-Request-ID",
]  # fmt: skip
CORS_URLS_REGEX = API_PATHS

# --- Mail -----------------------------------------------------------------------------------------

_mail = mail.server_of(env.email_url)
EMAIL_BACKEND = _mail.backend
EMAIL_HOST, EMAIL_PORT = _mail.host, _mail.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.use_starttls, _mail.use_tls
EMAIL_TIMEOUT = mail.TIMEOUT
DEFAULT_FROM_EMAIL = env.email_from or "filehub@localhost"

# --- Celery -------------------------------------------------------------------------------------

CELERY_TASK_DEFAULT_QUEUE = app.tasks_queue
CELERY_TASK_QUEUES = consumed_queues(app)
CELERY_TASK_ROUTES = routes(app)
CELERY_TASK_IGNORE_RESULT = True
# A message leaves the queue only after the effect of its task is durable. If the task fails or its
# worker dies, the message stays, and SQS eventually moves it to the dead-letter queue.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT = False
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 90
# Well below the queue's visibility timeout (infra/filehub.yaml), so that no task runs twice.
CELERY_TASK_TIME_LIMIT = 120
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Retry forever: the health check decides whether to restart a process without a broker.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT = TRANSPORT
CELERY_BROKER_URL, CELERY_BROKER_TRANSPORT_OPTIONS = broker_settings(env.celery_broker_url, app)
CELERY_BEAT_SCHEDULER = "uploads.worker.celery_hooks:Scheduler"
# Seconds between two checks of the schedule, each of which sends a heartbeat.
CELERY_BEAT_MAX_LOOP_INTERVAL = 30
CELERY_BEAT_SCHEDULE = {
    "reconcile": {"task": "uploads.tasks.reconcile_recent", "schedule": 300.0},
    # At a fixed time: an interval of 24 hours would never elapse if beat restarts daily.
    "reconcile-multipart": {
        "task": "uploads.tasks.reconcile_multipart",
        "schedule": crontab(hour=3, minute=30),
    },
    # At a fixed minute, for the same reason.
    "purge-trash": {"task": "uploads.tasks.purge_trash", "schedule": crontab(minute=15)},
    "sweep-events": {"task": "uploads.tasks.sweep_events", "schedule": 60.0},
    "expire-audit": {
        "task": "uploads.tasks.expire_audit",
        "schedule": crontab(hour=4, minute=45),
    },
    "expire-files": {"task": "uploads.tasks.expire_files", "schedule": crontab(minute=45)},
    **(
        {"sweep-scans": {"task": "uploads.tasks.sweep_scans", "schedule": 60.0}}
        if app.scans
        else {}
    ),
}

# --- Logging ------------------------------------------------------------------------------------

LOGGING_CONFIG = "filehub.logs.configure"
LOGGING = logs.settings(env.filehub_log_format, environment.secrets(env, app))
