"""Where PostgreSQL, the broker and the objects are: addresses from the environment, else the embedded services."""

from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

POSTGRES_SCHEMES = ("postgresql", "postgres")
BROKER_SCHEMES = ("redis", "rediss", "redis+socket", "valkey", "amqp", "amqps")
LIBPQ_TO_DJANGO = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def database_settings(url: str) -> dict[str, Any]:
    """Django's DATABASES entry for a libpq URI, for instance `postgresql://user:secret@host:5432/mediqa`."""
    if urlsplit(url).scheme not in POSTGRES_SCHEMES:
        raise ImproperlyConfigured(
            "DATABASE_URL must begin with postgresql:// - PostgreSQL is the only database that is supported."
        )
    try:
        parameters = conninfo_to_dict(url)
    except ProgrammingError as error:
        raise ImproperlyConfigured(f"DATABASE_URL is not a PostgreSQL address: {str(error).strip()}") from error
    named = {LIBPQ_TO_DJANGO[key]: str(value) for key, value in parameters.items() if key in LIBPQ_TO_DJANGO}
    options = {key: value for key, value in parameters.items() if key not in LIBPQ_TO_DJANGO}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
        **named,
    }


def broker_url(url: str) -> str:
    """The address as Celery wants it; Valkey speaks Redis's protocol."""
    scheme = urlsplit(url).scheme
    if scheme not in BROKER_SCHEMES:
        raise ImproperlyConfigured(
            "BROKER_URL must begin with redis://, rediss://, valkey://, redis+socket://, amqp:// or amqps://."
        )
    return url.replace("valkey://", "redis://", 1)


def storage_settings(address: str) -> dict[str, Any]:
    """Django's STORAGES entry for the objects: a folder, or `s3://bucket/prefix` (with the extra `s3`)."""
    parts = urlsplit(address)
    if parts.scheme in ("", "file"):
        return {
            "BACKEND": "mediqa_platform.object_storage.ObjectFolder",
            "OPTIONS": {"location": parts.path if parts.scheme else address},
        }
    if parts.scheme != "s3" or not parts.netloc:
        raise ImproperlyConfigured("MEDIQA_STORAGE must be a folder or an address like s3://bucket/prefix.")
    return {
        "BACKEND": "mediqa_platform.object_bucket.ObjectBucket",
        "OPTIONS": {
            "bucket_name": parts.netloc,
            "location": parts.path.strip("/"),
            "file_overwrite": True,
            "querystring_auth": True,
        },
    }
