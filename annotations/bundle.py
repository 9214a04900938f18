"""Pages with an instrument on them wait, politely, until a checkout's front-end has been built."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def is_built() -> bool:
    return settings.BUNDLE_MANIFEST.exists()


def failure() -> str:
    """What the build ended with, if it failed: a sentence; else empty."""
    state, sentence = settings.BUNDLE_STATE()
    return sentence if state == "failed" else ""


def needs_bundle(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Show a page that comes back by itself while the bundle is being built."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not is_built():
            return render(request, "building.html", {"failure": failure()}, status=503)
        return view(request, *args, **kwargs)

    return wrapped
