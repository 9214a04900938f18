"""DomainError -> HTTP: the only such table."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from drf_standardized_errors.handler import exception_handler as standardized_handler
from drf_standardized_errors.types import ExceptionHandlerContext
from rest_framework import exceptions, status
from rest_framework.response import Response

from annotations.errors import (
    BadInput,
    DomainError,
    NotAllowedNow,
    NotYourAssignment,
    StoredObjectMissing,
    TooManySignIns,
)
from annotations.services.objects import ObjectMissing

STATUS: list[tuple[type[DomainError], int]] = [
    (NotYourAssignment, status.HTTP_404_NOT_FOUND),
    (StoredObjectMissing, status.HTTP_503_SERVICE_UNAVAILABLE),
    (TooManySignIns, status.HTTP_429_TOO_MANY_REQUESTS),
    (BadInput, status.HTTP_400_BAD_REQUEST),
    (NotAllowedNow, status.HTTP_409_CONFLICT),
    (DomainError, status.HTTP_409_CONFLICT),
]


def http_status(error: DomainError) -> int:
    return next(code for kind, code in STATUS if isinstance(error, kind))


def exception_handler(error: Exception, context: ExceptionHandlerContext) -> Response | None:
    """DRF's hook: a DomainError becomes an API error of the standard shape."""
    if isinstance(error, ObjectMissing):
        error = StoredObjectMissing()
    if isinstance(error, DomainError):
        refusal = exceptions.APIException(detail=error.detail, code=error.code)
        refusal.status_code = http_status(error)
        error = refusal
    response: Response | None = standardized_handler(error, context)
    return response


class DomainErrorMiddleware:
    """Pages: a DomainError becomes a page that says what is wrong and what to do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        return render(request, "refused.html", {"error": error}, status=http_status(error))


def too_many_sign_ins(request: HttpRequest, *_: object) -> HttpResponse:
    """The answer of django-axes to who has to wait, in the shape of the page or of the API."""
    error = TooManySignIns()
    if not request.path.startswith("/api/"):
        return render(request, "refused.html", {"error": error}, status=http_status(error))
    body = {"type": "client_error", "errors": [{"code": error.code, "detail": error.detail, "attr": None}]}
    return JsonResponse(body, status=http_status(error))
