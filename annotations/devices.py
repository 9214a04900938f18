"""Which browser asks: a name without meaning, in a signed cookie. A person's screens are told apart by it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.http import HttpRequest, HttpResponse

COOKIE = "mediqa_device"
YEAR_SECONDS = 365 * 24 * 3600


def device_of(request: HttpRequest) -> uuid.UUID | None:
    """None for who has never opened the test of the screen, or takes no cookies."""
    try:
        return uuid.UUID(str(request.get_signed_cookie(COOKIE, default="")))
    except ValueError:
        return None


def name_device(request: HttpRequest, response: HttpResponse) -> None:
    """Gives the browser a name; one that it has stays, for another year."""
    response.set_signed_cookie(
        COOKIE,
        str(device_of(request) or uuid.uuid4()),
        max_age=YEAR_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
