"""WADO-RS, read-only (PS3.18 section 10.4): what the user's Projects hold, and of nothing else that it exists."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from math import isfinite
from typing import Any, Literal, cast

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.cache import get_conditional_response
from numpy.typing import NDArray
from rest_framework import exceptions
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from annotations.api.media_types import (
    FrameOffer,
    Part,
    frame_offer,
    multipart_response,
    picture_format,
    takes_objects,
)
from annotations.dicom.frames import FrameFormat, decode_stored, to_modality_units
from annotations.dicom.thumbnails import render, thumbnail
from annotations.dicom.windows import Display, Window
from annotations.models import Instance
from annotations.models.imaging import original_name
from annotations.services.objects import get_object, open_object

IMMUTABLE = "private, max-age=31536000, immutable"
CHANGING = "private, no-cache"
DICOM_JSON = "application/dicom+json"


class _AnyMediaType(BaseContentNegotiation):
    """The views read Accept themselves; errors are JSON whatever was asked for."""

    def select_parser(self, request: Request, parsers: Any) -> BaseParser:
        return cast(BaseParser, parsers[0])

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return next(iter(renderers)), "application/json"


class NothingAcceptable(exceptions.APIException):
    status_code = 406
    default_detail = "This is not there in a form that the request accepts."
    default_code = "not_acceptable"


class DicomWebView(APIView):
    """Signed in by session or token; the rest is left to each resource."""

    permission_classes = [IsAuthenticated]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = _AnyMediaType
    schema = None


def instances_of(request: Request, study: str, series: str | None = None, instance: str | None = None) -> Any:
    """The visible Instances of a path, in the order of the Series."""
    path = {
        "series__study__study_instance_uid": study,
        "series__series_instance_uid": series,
        "sop_instance_uid": instance,
    }
    visible = Instance.objects.visible_to(request.user)
    return visible.filter(**{field: uid for field, uid in path.items() if uid is not None})


def dicom_json(models: Iterable[str]) -> HttpResponse:
    """An array of DICOM JSON models that are JSON text already."""
    response = HttpResponse("[" + ",".join(models) + "]", content_type=DICOM_JSON)
    response["Cache-Control"] = CHANGING
    return response


class Metadata(DicomWebView):
    """DICOM JSON of a Study, a Series or an Instance, as its stored frames are served; without identity."""

    def get(self, request: Request, **path: str) -> HttpResponseBase:
        as_text = instances_of(request, **path).annotate(text=Cast("metadata", TextField()))
        models = list(as_text.values_list("text", flat=True))
        if not models:
            raise Http404
        return dicom_json(models)


class Objects(DicomWebView):
    """The original bytes of a Study's, a Series' or one Instance's objects, as parts of one answer."""

    def get(self, request: Request, **path: str) -> HttpResponseBase:
        found = list(instances_of(request, **path).values_list("sha256", "transfer_syntax_uid"))
        if not found:
            raise Http404
        if not takes_objects(request._request, {syntax for _, syntax in found}):
            raise NothingAcceptable
        parts = (
            Part(f"application/dicom; transfer-syntax={syntax}", partial(_stored_chunks, original_name(sha256)))
            for sha256, syntax in found
        )
        return multipart_response("application/dicom", parts)


def _stored_chunks(name: str) -> Iterator[bytes]:
    with open_object(name) as stream:
        yield from stream.chunks()


class Frames(DicomWebView):
    """Stored frames, as they lie: HTJ2K, or decoded for who asks for Explicit VR Little Endian."""

    def get(self, request: Request, frames: str, **path: str) -> HttpResponseBase:
        instance = _lean_instance(request, path)
        numbers = frame_numbers(frames, instance)
        offer = frame_offer(request._request)
        if offer is None:
            raise NothingAcceptable
        if offer.is_multipart or len(numbers) > 1:
            parts = (Part(offer.content_type, _frame_chunks(instance, number, offer)) for number in numbers)
            return _kept(multipart_response(offer.kind, parts))
        etag = f'"{instance.sha256}-{numbers[0]}-{int(offer.is_decoded)}"'
        unchanged = get_conditional_response(request._request, etag=etag)
        response = unchanged or _one_frame(instance, numbers[0], offer)
        response["ETag"] = etag
        return _kept(response)


def _lean_instance(request: Request, path: dict[str, str]) -> Instance:
    fields = ("sha256", "frame_count", "frame_format", "display")
    found: QuerySet[Instance] = instances_of(request, **path).only(*fields)
    return get_object_or_404(found)


def frame_numbers(text: str, instance: Instance) -> list[int]:
    """Numbers from 1, separated by commas. Raises Http404 for a frame that the Instance has not."""
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError as error:
        raise exceptions.ParseError("Frames are numbers from 1, separated by commas.") from error
    if not all(1 <= number <= instance.frame_count for number in numbers):
        raise Http404
    return numbers


def _one_frame(instance: Instance, number: int, offer: FrameOffer) -> HttpResponseBase:
    if offer.is_decoded:
        return HttpResponse(_decoded_bytes(instance, number), content_type=offer.content_type)
    return FileResponse(open_object(instance.frame_name(number)), content_type=offer.content_type)


def _frame_chunks(instance: Instance, number: int, offer: FrameOffer) -> Callable[[], Iterable[bytes]]:
    if offer.is_decoded:
        return lambda: [_decoded_bytes(instance, number)]
    return partial(_stored_chunks, instance.frame_name(number))


def _decoded_bytes(instance: Instance, number: int) -> bytes:
    frame = decode_stored(get_object(instance.frame_name(number)))
    return frame.astype(frame.dtype.newbyteorder("<"), copy=False).tobytes()


def _kept(response: HttpResponseBase) -> HttpResponseBase:
    response["Cache-Control"] = IMMUTABLE
    return response


class Rendered(DicomWebView):
    """A frame as a picture: in the first window, or in `?window=center,width,function` (PS3.18 8.3.5.1.4)."""

    def get(self, request: Request, frames: str = "1", **path: str) -> HttpResponseBase:
        image_format = picture_format(request._request)
        if image_format is None:
            raise NothingAcceptable
        instance = _lean_instance(request, path)
        number = frame_numbers(frames, instance)[0]
        values, display = _shown(instance, number)
        window = requested_window(request) or _first(display)
        chosen = cast(Literal["JPEG", "PNG"], image_format)
        picture = render(values, window=window, is_inverted=display.is_inverted, image_format=chosen)
        return _kept(HttpResponse(picture, content_type=f"image/{image_format.lower()}"))


class Thumbnail(DicomWebView):
    """A small JPEG: of the frame, or of the middle frame of the middle Instance of a Study or Series."""

    def get(self, request: Request, frames: str | None = None, **path: str) -> HttpResponseBase:
        found = list(instances_of(request, **path).values_list("pk", flat=True))
        if not found:
            raise Http404
        instance = Instance.objects.get(pk=found[len(found) // 2])
        middle = str(instance.frame_count // 2 + 1)
        values, display = _shown(instance, frame_numbers(frames or middle, instance)[0])
        picture = thumbnail(values, window=_first(display), is_inverted=display.is_inverted)
        response = HttpResponse(picture, content_type="image/jpeg")
        response["Cache-Control"] = CHANGING
        return response


def _shown(instance: Instance, number: int) -> tuple[NDArray[Any], Display]:
    stored_format = FrameFormat.from_json(instance.frame_format)
    frame = decode_stored(get_object(instance.frame_name(number)))
    return to_modality_units(frame, stored_format, number - 1), Display.from_json(instance.display)


def _first(display: Display) -> Window | None:
    return display.windows[0] if display.windows else None


def requested_window(request: Request) -> Window | None:
    text = request.query_params.get("window")
    if not text:
        return None
    center, width, function = (*text.split(","), "linear", "", "")[:3]
    names = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}
    try:
        found = Window("", float(center), float(width), cast(Any, names[function.lower()]))
        if not (isfinite(found.center) and isfinite(found.width) and found.width > 0):
            raise ValueError(text)
        return found
    except (ValueError, KeyError) as error:
        raise exceptions.ParseError("Give a window as center,width,linear (or linear-exact, sigmoid).") from error


def to_text(model: dict[str, Any]) -> str:
    return json.dumps(model, allow_nan=False, separators=(",", ":"))
