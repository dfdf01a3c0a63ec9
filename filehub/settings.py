"""Django settings. Whatever differs between installations comes from `filehub.env`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import dj_database_url
from corsheaders.defaults import default_headers
from csp.constants import NONE, SELF
from whitenoise.compress import Compressor

from filehub import env as environment
from filehub import logs, mail
from uploads.core.limits import MIB
from uploads.core.paths import API_PATHS
from uploads.worker.configuration import configuration

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
LOGIN_REDIRECT_URL = "filehub:home"
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
# Source maps are large, and only the tools of developers read them.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")

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

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        # Pages that load from the bucket add it (uploads/core/content_security.py).
        "connect-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

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

# CELERY_TASK_DEFAULT_QUEUE and the others, as uploads/worker/configuration.py explains.
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]]
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any]
CELERY_TASK_QUEUES: tuple[Any, ...]
CELERY_TASK_TIME_LIMIT: int
globals().update(
    (f"CELERY_{name.upper()}", value)
    for name, value in configuration(app, env.celery_broker_url).items()
)

# --- Logging ------------------------------------------------------------------------------------

LOGGING_CONFIG = "filehub.logs.configure"
LOGGING = logs.settings(env.filehub_log_format, environment.secrets(env, app))
