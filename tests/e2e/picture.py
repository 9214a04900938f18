"""What a viewport shows, compared with the values and the window that it should show."""

import base64
import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page

from annotations.dicom.frames import to_modality_units
from tests.e2e.corpus import Specimen, expected_values

# The values and the 8-bit picture of the viewport itself, every STEP-th pixel of the canvas.
STEP = 5
LOOK = """([step, withValues]) => {
  const element = document.querySelector('[data-viewport]');
  const { pixels, ...seen } = element.inspect();
  const canvas = element.querySelector('canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const shown = [];
  for (let y = 0; y < canvas.height; y += step)
    for (let x = 0; x < canvas.width; x += step) {
      const at = 4 * (y * canvas.width + x);
      shown.push(...data.subarray(at, at + 3));
    }
  const text = (bytes) => {
    let made = '';
    for (let at = 0; at < bytes.length; at += 32768) made += String.fromCharCode(...bytes.subarray(at, at + 32768));
    return btoa(made);
  };
  return {
    ...seen,
    canvas: [canvas.width, canvas.height, element.clientWidth, element.clientHeight],
    shown: text(new Uint8Array(shown)),
    values: withValues ? text(new Uint8Array(Float64Array.from(pixels).buffer)) : '',
  };
}"""
# A toolbar of another height makes the viewport another size, which is drawn anew in the frames after it.
SETTLED = """async (frames) => {
  const { dataset } = document.querySelector('[data-viewport]');
  for (let quiet = 0, before = dataset.drawn; quiet < frames; quiet += 1) {
    await new Promise(requestAnimationFrame);
    if (dataset.drawn !== before) [quiet, before] = [0, dataset.drawn];
  }
}"""
QUIET_FRAMES = 6
# What differs from pydicom's decoders, and why that is right.
DIFFERENT = {
    "J2K_pixelrep_mismatch.dcm": "the codestream's sign goes before the header's",
}


def look(page: Page, *, with_values: bool) -> dict[str, Any]:
    page.evaluate(SETTLED, QUIET_FRAMES)
    seen: dict[str, Any] = page.evaluate(LOOK, [STEP, with_values])
    return seen


def raw_values(seen: dict[str, Any], one: Specimen) -> NDArray[np.float64]:
    shape = (one.stored.rows, one.stored.columns)
    if not one.stored.is_colour:
        return decoded(seen, shape)
    flat = np.frombuffer(base64.b64decode(seen["values"]), np.float64)
    return flat.reshape(*shape, -1)[..., :3]


def decoded(seen: dict[str, Any], shape: tuple[int, int]) -> NDArray[np.float64]:
    """The grey slice that the viewport holds, in modality units."""
    slope, intercept = seen["rescale"]
    return np.frombuffer(base64.b64decode(seen["values"]), np.float64).reshape(shape) * slope + intercept


def value_fault(values: NDArray[np.float64], one: Specimen, index: int) -> str | None:
    """What the browser holds against pydicom; where that cannot decode, against the stored frame."""
    expected = expected_values(one.dataset, index)
    if expected is None or one.name in DIFFERENT:
        expected = to_modality_units(one.frames[index], one.stored, index).astype(np.float64)
    if expected.shape != values.shape:
        return f"{expected.shape} became {values.shape}"
    tolerance = one.stored.step * abs(one.stored.slope / one.stored.step) / 2 + 1e-4 * np.abs(expected).max()
    exact = one.stored.step == 1
    worst = float(np.abs(expected - values).max())
    return (
        None if worst <= (1e-5 * max(1.0, float(np.abs(expected).max())) if exact else tolerance) else f"off by {worst}"
    )


def picture_fault(seen: dict[str, Any], values: NDArray[np.float64], show: Any) -> str | None:
    """The canvas against the window of linearly interpolated values, as the graphics card draws."""
    width, height, element_width, _ = seen["canvas"]
    scale = width / element_width
    rows, columns = np.mgrid[0:height:STEP, 0:width:STEP]
    shown = np.frombuffer(base64.b64decode(seen["shown"]), np.uint8).reshape(*rows.shape, 3).astype(float)
    x, y = places(seen, (columns + 0.5) / scale, (rows + 0.5) / scale)
    inside = (x > 0.5) & (y > 0.5) & (x < values.shape[1] - 1.5) & (y < values.shape[0] - 1.5)
    if inside.sum() < 30:
        return f"{inside.sum()} points to compare"
    expected = show(interpolated(values, x[inside], y[inside]))
    found = shown[inside] if values.ndim == 3 else shown[inside][:, 0]
    near = np.abs(expected - found) <= 3 + neighbourhood(values, show, x[inside], y[inside])
    return (
        None
        if near.mean() > 0.985
        else f"{100 * near.mean():.1f} % near; mean {found.mean():.1f} for {expected.mean():.1f}"
    )


def places(seen: dict[str, Any], x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Canvas to image: the way back of what the viewer says."""
    origin, right, down = (np.array(seen[name]) for name in ("origin", "right", "down"))
    inverse = np.linalg.inv(np.stack([right - origin, down - origin], axis=1))
    return tuple(inverse[axis, 0] * (x - origin[0]) + inverse[axis, 1] * (y - origin[1]) for axis in (0, 1))  # type: ignore[return-value]


def corners(values: NDArray[np.float64], x: NDArray[Any], y: NDArray[Any]) -> list[NDArray[np.float64]]:
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    return [values[top + down, left + right] for down, right in itertools.product((0, 1), repeat=2)]


def interpolated(values: NDArray[np.float64], x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    a, b, c, d = corners(values, x, y)
    right, down = x - np.floor(x), y - np.floor(y)
    if values.ndim == 3:
        right, down = right[:, None], down[:, None]
    return (a * (1 - right) + b * right) * (1 - down) + (c * (1 - right) + d * right) * down


def neighbourhood(values: NDArray[np.float64], show: Any, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
    """A graphics card places a texture to 1/256 of a pixel and a canvas is placed to half of one: steep places may
    differ by a part of the step between neighbours."""
    shown = np.stack([show(corner) for corner in corners(values, x, y)])
    return np.asarray(np.ptp(shown, axis=0) * 0.25)
