"""What a DICOMweb client asks for (PS3.18 section 8.7), and multipart answers to it (PS3.18 section 8.6)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from django.http import HttpRequest, StreamingHttpResponse
from django.utils.http import parse_header_parameters

from annotations.dicom.frames import STORED_TRANSFER_SYNTAX_UID

EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
OCTET_STREAM, HTJ2K_IMAGE = "application/octet-stream", "image/jphc"
ANYTHING = "*/*"


@dataclass(frozen=True)
class MediaRange:
    """One entry of an Accept header. For multipart/related, `kind` is the type of the parts."""

    kind: str
    is_multipart: bool
    transfer_syntax: str | None
    quality: float = 1.0


@dataclass(frozen=True)
class FrameOffer:
    """How frames are sent: as they lie (HTJ2K), or decoded for a client that asked for that."""

    kind: str = OCTET_STREAM
    is_multipart: bool = False
    is_decoded: bool = False

    @property
    def content_type(self) -> str:
        syntax = EXPLICIT_LITTLE_ENDIAN if self.is_decoded else STORED_TRANSFER_SYNTAX_UID
        return f"{self.kind}; transfer-syntax={syntax}"


def accepted(request: HttpRequest) -> list[MediaRange]:
    """The Accept header (or the query's `accept`), best first."""
    header = request.GET.get("accept") or request.headers.get("Accept") or ANYTHING
    ranges = [_media_range(entry) for entry in _entries(header)]
    return sorted((one for one in ranges if one.quality > 0), key=lambda one: -one.quality)


def _entries(header: str) -> Iterator[str]:
    """Split at commas that are not within quotes."""
    entry, is_quoted = "", False
    for letter in header:
        is_quoted ^= letter == '"'
        if letter == "," and not is_quoted:
            yield entry
            entry = ""
        else:
            entry += letter
    if entry.strip():
        yield entry


def _media_range(entry: str) -> MediaRange:
    name, parameters = parse_header_parameters(entry.strip())
    is_multipart = name == "multipart/related"
    kind = parameters.get("type", ANYTHING) if is_multipart else name
    return MediaRange(kind.lower(), is_multipart, parameters.get("transfer-syntax"), _quality(parameters.get("q", "1")))


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0


def frame_offer(request: HttpRequest) -> FrameOffer | None:
    """How to send frames; None when the client takes nothing that there is.

    A multipart octet-stream without a transfer syntax means Explicit VR Little Endian (PS3.18 8.7.3.5.2).
    """
    for wanted in accepted(request):
        means_decoded = wanted.is_multipart and wanted.kind == OCTET_STREAM and wanted.transfer_syntax is None
        if wanted.transfer_syntax == EXPLICIT_LITTLE_ENDIAN or means_decoded:
            if wanted.kind in (OCTET_STREAM, "application/*", ANYTHING):
                return FrameOffer(OCTET_STREAM, wanted.is_multipart, is_decoded=True)
        elif wanted.transfer_syntax in (None, "*", STORED_TRANSFER_SYNTAX_UID):
            if wanted.kind in (OCTET_STREAM, "application/*", ANYTHING):
                return FrameOffer(OCTET_STREAM, wanted.is_multipart)
            if wanted.kind in (HTJ2K_IMAGE, "image/*"):
                return FrameOffer(HTJ2K_IMAGE, wanted.is_multipart)
    return None


def takes_objects(request: HttpRequest, transfer_syntaxes: Iterable[str]) -> bool:
    """Whether the client takes DICOM objects as they were sent to us, in these transfer syntaxes."""
    present = set(transfer_syntaxes)
    return any(
        wanted.kind in ("application/dicom", "application/*", ANYTHING)
        and (wanted.transfer_syntax in (None, "*") or present <= {wanted.transfer_syntax})
        for wanted in accepted(request)
    )


def picture_format(request: HttpRequest) -> str | None:
    """`JPEG` or `PNG` for a rendered answer; None when the client takes neither."""
    for wanted in accepted(request):
        if wanted.kind in ("image/jpeg", "image/*", ANYTHING):
            return "JPEG"
        if wanted.kind == "image/png":
            return "PNG"
    return None


@dataclass(frozen=True)
class Part:
    """One part of a multipart answer; its content is opened only when its turn has come."""

    content_type: str
    chunks: Callable[[], Iterable[bytes]] = field(repr=False)


def multipart_response(kind: str, parts: Iterable[Part]) -> StreamingHttpResponse:
    """A streamed multipart/related answer."""
    boundary = uuid.uuid4().hex
    response = StreamingHttpResponse(
        _multipart(boundary, parts), content_type=f'multipart/related; type="{kind}"; boundary={boundary}'
    )
    response["Cache-Control"] = "private, no-cache"
    return response


def _multipart(boundary: str, parts: Iterable[Part]) -> Iterator[bytes]:
    for part in parts:
        yield f"\r\n--{boundary}\r\nContent-Type: {part.content_type}\r\n\r\n".encode()
        yield from part.chunks()
    yield f"\r\n--{boundary}--\r\n".encode()
