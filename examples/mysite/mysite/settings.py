"""Settings of a small shop. Only the part below “filehub” is about files."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

# For development. A real project keeps its key out of the code.
SECRET_KEY = os.environ.get("SECRET_KEY", "insecure-key-of-the-example-project-0123456789")
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "shop",
]

MIDDLEWARE = [
    "mysite.security.content_security_policy",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]

ROOT_URLCONF = "mysite.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "mysite" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "shop.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
USE_TZ = True

STATIC_URL = "static/"
# The shop's own files stay where they are: on this machine, uploaded through forms.
MEDIA_ROOT = BASE_DIR / "media"
MEDIA_URL = "media/"

# Other names than Django's, which the page of files must follow.
CSRF_COOKIE_NAME = "shop_csrf"
CSRF_HEADER_NAME = "HTTP_X_SHOP_CSRF"

# The shop's own tasks.
CELERY_BROKER_URL = "memory://"

# --- filehub --------------------------------------------------------------------------------------

# Last, so that it finds the admin of the shop's users.
INSTALLED_APPS += ["ninja", "uploads"]

FILEHUB = {
    # Begins the names of the bucket, the queues and the table.
    "PREFIX": "mysite",
    # Where browsers upload from.
    "CORS_ORIGINS": [os.environ.get("SITE_ORIGIN", "http://127.0.0.1:8000")],
    # Only for a local AWS, and webhooks to this machine. Leave both out for AWS itself.
    "ENDPOINT_URL": os.environ.get("AWS_ENDPOINT_URL"),
    "WEBHOOK_PRIVATE_ADDRESSES": "on" if "AWS_ENDPOINT_URL" in os.environ else "off",
}

MIDDLEWARE += ["uploads.web.errors.ErrorMiddleware"]

# With SQLite only: wait while another process writes, instead of failing.
DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20}
