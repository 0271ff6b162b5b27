"""Django's settings, all from the environment (`environment.SETTINGS`)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONCE, SELF

from chaveiro.adapters.database_roles import connection_facts
from chaveiro.config import environment

PACKAGE = Path(__file__).resolve().parent.parent

DATA_FOLDER = Path(environment.text("DATA")).resolve()
DATA_KEYS_FOLDER = Path(environment.text("DATA_KEYS") or DATA_FOLDER / "data-keys").resolve()
SECRET_KEY = environment.text("SECRET_KEY")
BASE_URL = environment.text("BASE_URL").rstrip("/")
DEMO = environment.flag("DEMO")
SANDBOX = environment.flag("SANDBOX")
ONE_PERSON = environment.flag("ONE_PERSON")
KEY_PEPPERS = environment.text("KEY_PEPPERS")
VAULT_KEYS = environment.text("VAULT_KEYS")
SIGNING_KEYS = environment.text("SIGNING_KEYS")
OPENID_KEYS = environment.text("OPENID_KEYS")
EMAIL_URL = environment.text("EMAIL_URL")
DEFAULT_FROM_EMAIL = environment.text("EMAIL_FROM")
RETURN_ADDRESS = environment.text("RETURN_ADDRESS")
BOUNCE_LISTEN = environment.text("BOUNCE_LISTEN")
SUPPORT_EMAIL = environment.text("SUPPORT_EMAIL")
TRAINING_URL = environment.text("TRAINING_URL")
COMMUNITY_URL = environment.text("COMMUNITY_URL")
INITIAL_DOMAIN = environment.text("INITIAL_DOMAIN")
OIDC = environment.text("OIDC")
VENDOR_NAME = environment.text("VENDOR_NAME")
# Whoever can mint or act for others needs a second factor, however they sign in; a demonstration's links are exempt.
SECOND_FACTOR_AFTER_LINKS = not DEMO
TRUSTED_PROXIES = environment.number("TRUSTED_PROXIES")
LOG_LEVEL = environment.text("LOG_LEVEL").upper()

# The platform's day, not the interpreter's: instants stay in UTC everywhere.
PLATFORM_TIME_ZONE = environment.text("TIME_ZONE")
TIME_ZONE = "UTC"
USE_TZ = True

DEBUG = False
ALLOWED_HOSTS = [host for host in environment.text("ALLOWED_HOSTS").split(",") if host] or [
    urlsplit(BASE_URL).hostname or "localhost",
    *(["localhost", "127.0.0.1", "[::1]"] if DEMO else []),
]

DATABASE_ROLES = environment.text("DATABASE_ROLES")
PROCESS = environment.text("PROCESS")
DATABASES = {
    "default": {
        "ENGINE": "chaveiro.adapters.database",
        **connection_facts(
            url=environment.text("DATABASE_URL"),
            socket_folder=environment.text("DATABASE_SOCKET"),
            database=environment.text("DATABASE_NAME"),
            roles=DATABASE_ROLES,
            process=PROCESS,
            secret=SECRET_KEY,
        ),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

ROOMS = [
    "journal",
    "clocks",
    "operations",
    "notices",
    "identity",
    "feedback",
    "catalog",
    "channel",
    "keys",
    "customers",
    "subscriptions",
    "licences",
    "delegation",
    "redemption",
    "closing",
]
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",  # its table is in the schema; sessions are identity's own
    "django.contrib.staticfiles",
    "procrastinate.contrib.django",
    "csp",
    *(f"chaveiro.apps.{room}" for room in ROOMS),
    "chaveiro.web",
]
AUTH_USER_MODEL = "identity.Account"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 15}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]

MIDDLEWARE = [
    "chaveiro.web.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "chaveiro.web.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "chaveiro.web.middleware.ActorMiddleware",
    "chaveiro.web.second_step.SecondFactorMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "chaveiro.config.urls"
WSGI_APPLICATION = "chaveiro.config.wsgi.application"
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [PACKAGE / "web" / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "csp.context_processors.nonce",
                "chaveiro.web.context.installation",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static"],
        },
    }
]

LANGUAGE_CODE = "pt-pt"
LANGUAGES = [("pt-pt", "Português"), ("en", "English")]
LOCALE_PATHS = [PACKAGE / "locale"]
FORMAT_MODULE_PATH = ["chaveiro.config.formats"]
USE_I18N = True
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_SAMESITE = "Lax"

STATIC_URL = "/static/"
# Nothing is collected: the files are served from where the package has them, whoever starts the server.
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

SECURE = BASE_URL.startswith("https://")
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"
CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    }
}

# structlog does the logging; Django's own mails to admins and colours are not wanted.
LOGGING_CONFIG = "chaveiro.console.logs.configure"
LOGGING = {"level": LOG_LEVEL}
