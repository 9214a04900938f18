"""Settings of one value each: right, or a sentence that names the setting."""

from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import environ
from django.core.exceptions import ImproperlyConfigured

YES, NO = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


def whole_number(env: environ.Env, name: str, default: int) -> int:
    """A setting that is a whole number from 1."""
    try:
        value = int(env.str(name, str(default)))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number.") from error
    if value < 1:
        raise ImproperlyConfigured(f"{name} must be at least 1.")
    return value


def yes_or_no(env: environ.Env, name: str) -> bool:
    """A setting that is 1 or 0 (or a word for it); 0 unless given."""
    value = env.str(name, "").strip().lower()
    if value not in YES | NO:
        raise ImproperlyConfigured(f"{name} must be 1 or 0.")
    return value in YES


def time_zone(env: environ.Env, name: str) -> str:
    """A name of the time zone database; UTC unless given."""
    value = env.str(name, "") or "UTC"
    try:
        return ZoneInfo(value).key
    except (KeyError, ValueError, OSError) as error:
        raise ImproperlyConfigured(f"{name} must be the name of a time zone, for instance Europe/Berlin.") from error


def origins(env: environ.Env, name: str) -> list[str]:
    """Schemes with hosts, separated by commas; none unless given."""
    values = [value.strip() for value in env.str(name, "").split(",") if value.strip()]
    for value in values:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path not in ("", "/"):
            raise ImproperlyConfigured(f"{name} must hold origins like https://iqa.hospital.example, by commas.")
    return [value.rstrip("/") for value in values]
