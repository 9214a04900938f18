"""Small and rendered pictures of a frame, for lists and for WADO-RS rendered."""

from io import BytesIO
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from annotations.dicom.windows import Window, apply_window

THUMBNAIL_SIZE = 160


def render(
    frame: NDArray[Any],
    *,
    window: Window | None,
    is_inverted: bool = False,
    image_format: Literal["PNG", "JPEG"] = "PNG",
) -> bytes:
    """A frame at its own size: modality units [rows, columns] through `window`, or RGB 0..255 [rows,
    columns, 3].

    Without a window, grey values are stretched over what is there.
    """
    return _encode(_picture(frame, window, is_inverted), image_format)


def thumbnail(
    frame: NDArray[Any],
    *,
    window: Window | None,
    is_inverted: bool = False,
    size: int = THUMBNAIL_SIZE,
    aspect: float = 1.0,
) -> bytes:
    """A JPEG whose longest side has `size` pixels. `aspect`: row spacing / column spacing."""
    picture = _picture(frame, window, is_inverted)
    height, width = picture.height * (aspect if 0.05 < aspect < 20 else 1.0), float(picture.width)
    scale = size / max(height, width)
    target = (max(round(width * scale), 1), max(round(height * scale), 1))
    return _encode(picture.resize(target, Image.Resampling.BOX), "JPEG")


def _picture(frame: NDArray[Any], window: Window | None, is_inverted: bool) -> Image.Image:
    if frame.ndim == 3:
        return Image.fromarray(np.clip(frame, 0, 255).astype(np.uint8))
    chosen = window or _stretched(frame)
    return Image.fromarray(apply_window(frame.astype(np.float32), chosen, is_inverted=is_inverted))


def _stretched(frame: NDArray[Any]) -> Window:
    low, high = float(frame.min()), float(frame.max())
    return Window("", (low + high) / 2, max(high - low, 1e-6), "LINEAR_EXACT")


def _encode(picture: Image.Image, image_format: str) -> bytes:
    stream = BytesIO()
    picture.save(stream, image_format, **({"quality": 85} if image_format == "JPEG" else {"compress_level": 3}))
    return stream.getvalue()
