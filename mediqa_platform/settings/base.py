"""Settings that hold everywhere. What differs by installation comes from the environment (see docs/settings.md)."""

from datetime import timedelta
from functools import partial
from pathlib import Path

import django_stubs_ext
import environ
from kombu import Queue

from mediqa_platform import __version__
from mediqa_platform.settings.stores import broker_url, database_settings, storage_settings
from mediqa_platform.settings.values import time_zone, whole_number
from mediqa_platform.supervisor import home
from mediqa_platform.supervisor.frontend import bundle_state

django_stubs_ext.monkeypatch()

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parents[2]
MEDIQA_HOME = home.resolve_home()
SOFTWARE_VERSION = __version__

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "axes",
    "django_filters",
    "django_htmx",
    "django_vite",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "knox",
    "rest_framework",
    "mediqa_platform",
    "annotations",
    "inference",
]

MIDDLEWARE = [
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "mediqa_platform.errors.DomainErrorMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "mediqa_platform.urls"
WSGI_APPLICATION = "mediqa_platform.wsgi.application"
ASGI_APPLICATION = "mediqa_platform.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# -- stores -----------------------------------------------------------------------------------------------------
DATABASES = {"default": database_settings(env.str("DATABASE_URL", "") or home.embedded_database_url(MEDIQA_HOME))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STORAGES = {
    "default": storage_settings(env.str("MEDIQA_STORAGE", "") or str(home.objects_folder(MEDIQA_HOME))),
    "staticfiles": {"BACKEND": "mediqa_platform.static_storage.ViteAwareStaticFilesStorage"},
}

# -- queues -----------------------------------------------------------------------------------------------------
# The Job row's lease, not the broker, decides what is lost: a task longer than the visibility timeout would run twice.
CELERY_BROKER_URL = broker_url(env.str("BROKER_URL", "") or home.embedded_broker_url(MEDIQA_HOME))
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 12 * 3600} if "redis" in CELERY_BROKER_URL else {}
# The supervisor stamps each line with the time and the process.
CELERY_WORKER_LOG_FORMAT = "%(levelname)s %(message)s"
CELERY_WORKER_TASK_LOG_FORMAT = "%(levelname)s %(task_name)s %(message)s"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 6 * 3600
CELERY_TASK_SOFT_TIME_LIMIT = 6 * 3600 - 60
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_QUEUES = [Queue("default"), Queue("ingest"), Queue("infer"), Queue("train")]
CELERY_TASK_ROUTES = {
    "annotations.tasks.run_ingest": {"queue": "ingest"},
    "inference.tasks.score_images": {"queue": "infer"},
    "inference.tasks.run_fine_tuning": {"queue": "train"},
}
JOB_TASKS = {
    "ingest": "annotations.tasks.run_ingest",
    "prescore": "inference.tasks.score_images",
    "fine_tune": "inference.tasks.run_fine_tuning",
}
SWEEPS = {
    "annotations.tasks.recover_lost_jobs": 5.0,
    "annotations.tasks.resend_forgotten_jobs": 60.0,
    "annotations.tasks.discard_left_over_uploads": 3600.0,
    "inference.tasks.sweep_unscored_images": 15.0,
}
# A sweep that could not run before the next one is due need not run any more.
CELERY_BEAT_SCHEDULE = {
    task: {"task": task, "schedule": seconds, "options": {"expires": seconds}} for task, seconds in SWEEPS.items()
}

# -- people and permissions -------------------------------------------------------------------------------------
AUTH_USER_MODEL = "annotations.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
# Who guesses passwords has to wait, whichever page and web process is asked: the failures are in the database.
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=10)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_LOCKOUT_CALLABLE = "mediqa_platform.errors.too_many_sign_ins"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = whole_number(env, "MEDIQA_SESSION_SECONDS", 12 * 3600)
SESSION_COOKIE_NAME = "mediqa_session"
CSRF_COOKIE_NAME = "mediqa_csrf"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "knox.auth.TokenAuthentication",
        "annotations.api.authentication.PageSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PAGINATION_CLASS": "annotations.api.pagination.Pages",
    "PAGE_SIZE": 100,
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_standardized_errors.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "mediqa_platform.errors.exception_handler",
}
REST_KNOX = {"TOKEN_TTL": None}
SPECTACULAR_SETTINGS = {
    "TITLE": "MedIQA Platform",
    "DESCRIPTION": "Images in, blind expert scores, MedIQA's predictions, and the loop between them.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "PlaceEnum": "annotations.services.display_checks.PLACES",
        "JobStateEnum": "annotations.models.JobState.choices",
        "ValidationErrorEnum": "drf_standardized_errors.openapi_serializers.ValidationErrorEnum.choices",
        "ClientErrorEnum": "drf_standardized_errors.openapi_serializers.ClientErrorEnum.choices",
        "ServerErrorEnum": "drf_standardized_errors.openapi_serializers.ServerErrorEnum.choices",
    },
}

# -- pages ------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("zh-hans", "简体中文")]
LANGUAGE_COOKIE_NAME = "mediqa_language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
LOCALE_PATHS = [home.texts_folder(MEDIQA_HOME)]  # compiled there from mediqa_platform/locale
TIME_ZONE = time_zone(env, "MEDIQA_TIME_ZONE")
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = home.static_folder(MEDIQA_HOME)
WHITENOISE_IMMUTABLE_FILE_TEST = "mediqa_platform.static_storage.is_immutable"
BUNDLE_MANIFEST = BASE_DIR / "mediqa_platform" / "static" / "bundle" / "manifest.json"
BUNDLE_STATE = partial(bundle_state, MEDIQA_HOME)
DJANGO_VITE = {
    "default": {
        "dev_mode": False,
        "static_url_prefix": "bundle",
        "manifest_path": BUNDLE_MANIFEST,
    }
}

# A checkout has no bundle until `up` has built it; the pages that need it say so.
SILENCED_SYSTEM_CHECKS = ["django_vite.W001"]

X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'", "'wasm-unsafe-eval'"],
        "worker-src": ["'self'"],
        "connect-src": ["'self'"],
        "style-src": ["'self'"],
        "font-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# -- uploads ----------------------------------------------------------------------------------------------------
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 1000
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
UPLOAD_REQUEST_MAX_BYTES = whole_number(env, "MEDIQA_UPLOAD_REQUEST_MAX_BYTES", 4 * 2**30 + 2**20)
UPLOAD_MAX_BYTES = whole_number(env, "MEDIQA_UPLOAD_MAX_BYTES", 64 * 2**30)
UPLOAD_MAX_FILES = whole_number(env, "MEDIQA_UPLOAD_MAX_FILES", 100_000)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {"axes": {"level": "WARNING"}, "pydicom": {"level": "ERROR"}, "django.request": {"level": "ERROR"}},
}
