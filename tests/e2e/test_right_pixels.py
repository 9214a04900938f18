"""Right pixels, right window: every decodable file, read in the real room, compared with what others decode."""

import base64
import itertools
import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, Route, expect

from annotations.dicom.frames import to_modality_units
from tests.e2e.corpus import Specimen, expected_values, shown_as, specimen, specimens
from tests.e2e.made import made_datasets
from tests.e2e.pages import LONG, open_page, sign_in
from tests.e2e.product import Product

pytestmark = pytest.mark.stack
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
# What differs from pydicom's decoders, and why that is right.
DIFFERENT = {
    "J2K_pixelrep_mismatch.dcm": "the codestream's sign goes before the header's",
}


@pytest.fixture(scope="module")
def page(product: Product, browser: Browser) -> Page:
    product.add_project("pixels")
    product.add_person("pia", "pixels", "reader")
    page = open_page(browser, product.address)
    sign_in(page, "pia")
    return page


class Reading:
    """Serves specimens to the real reading room, one after the other."""

    def __init__(self, page: Page, shown: Sequence[Specimen]) -> None:
        self.page, self.shown, self.done = page, shown, 0
        for end, answer in (("worklist/", self.worklist), ("readings/", self.receipt), ("lease/", self.lease)):
            page.route(f"**/{end}", answer)
        page.route("**/corpus/**", self.frame)

    def worklist(self, route: Route) -> None:
        count = json.loads(route.request.post_data or "{}")["count"]
        numbers = range(self.done, min(self.done + count, len(self.shown)))
        cases = [self.shown[number].case(number) for number in numbers]
        counts = {"open_count": len(self.shown) - self.done, "done_count": self.done}
        route.fulfill(json={"cases": cases, **counts})

    def receipt(self, route: Route) -> None:
        self.done += 1
        counts = {"open_count": len(self.shown) - self.done, "done_count": self.done}
        route.fulfill(status=201, json={"id": "1", "submitted_at": "2030-01-01T00:00:00Z", **counts})

    def lease(self, route: Route) -> None:
        route.fulfill(json={"lease_expires_at": "2100-01-01T00:00:00Z"})

    def frame(self, route: Route) -> None:
        number, index = map(int, re.findall(r"/corpus/(\d+)/frames/(\d+)", route.request.url)[0])
        kind = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.202"
        route.fulfill(body=self.shown[number].codestream(index - 1), content_type=kind)

    def open(self) -> None:
        self.page.goto("/projects/pixels/read/")

    def wait_for(self, number: int) -> None:
        selector = f'[data-viewport][data-state="rendered"][data-assignment="corpus-{number}"]'
        expect(self.page.locator(selector)).to_be_visible(timeout=LONG)

    def submit(self) -> None:
        self.page.keyboard.press("3")
        self.page.keyboard.press("Enter")


@pytest.fixture
def unrouted(page: Page) -> Any:
    yield
    page.unroute_all()


def look(page: Page, *, with_values: bool) -> dict[str, Any]:
    seen: dict[str, Any] = page.evaluate(LOOK, [STEP, with_values])
    return seen


def raw_values(seen: dict[str, Any], one: Specimen) -> NDArray[np.float64]:
    flat = np.frombuffer(base64.b64decode(seen["values"]), np.float64)
    if one.stored.is_colour:
        channels = len(flat) // (one.stored.rows * one.stored.columns)
        return flat.reshape(one.stored.rows, one.stored.columns, channels)[..., :3]
    slope, intercept = seen["rescale"]
    return flat.reshape(one.stored.rows, one.stored.columns) * slope + intercept


def value_fault(values: NDArray[np.float64], one: Specimen, index: int) -> str | None:
    """What the browser holds against pydicom; where that cannot decode, against the stored frame."""
    expected = expected_values(one.dataset, index)
    if expected is None or one.name in DIFFERENT:
        expected = to_modality_units(one.frames[index], one.stored, index).astype(np.float64)
    if expected.shape != values.shape:
        return f"{expected.shape} became {values.shape}"
    if is_cut_to_whole(expected):
        return None if np.array_equal(np.trunc(expected), values) else "not even cut to whole numbers"
    tolerance = one.stored.step * abs(one.stored.slope / one.stored.step) / 2 + 1e-4 * np.abs(expected).max()
    exact = one.stored.step == 1
    worst = float(np.abs(expected - values).max())
    return (
        None if worst <= (1e-5 * max(1.0, float(np.abs(expected).max())) if exact else tolerance) else f"off by {worst}"
    )


def is_cut_to_whole(expected: NDArray[np.float64]) -> bool:
    """A difference that stays: the library keeps rescaled values in an array of whole numbers where the lowest and the
    highest are whole, and cuts the others off. It shows and measures less than one modality unit too little.
    """
    ends = (expected.min(), expected.max())
    return all(float(end).is_integer() for end in ends) and not np.array_equal(expected, np.trunc(expected))


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


def identity(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values


def faults_of(page: Page, one: Specimen) -> list[str]:
    """The opening frame's values, then its picture in each window that is offered, one after the other."""
    seen = look(page, with_values=True)
    values = raw_values(seen, one)
    found = [value_fault(values, one, one.opening)]
    if one.stored.is_colour:
        return [fault for fault in [*found, picture_fault(seen, values, identity)] if fault]
    display = one.display.to_json()
    for index, window in enumerate(display["windows"][:9]):
        if index > 0:
            drawn = int(page.locator("[data-viewport]").get_attribute("data-drawn") or 0)
            page.keyboard.press(f"Shift+Digit{index + 1}")
            page.wait_for_function(
                "drawn => Number(document.querySelector('[data-viewport]').dataset.drawn) > drawn", arg=drawn
            )
            seen = look(page, with_values=False)
        fault = picture_fault(seen, values, shown_as(window, display["is_inverted"]))
        found.append(fault and f"{window['name']} {window['function']}: {fault}")
    return [fault for fault in found if fault]


def read_all(page: Page, shown: Sequence[Specimen]) -> dict[str, list[str]]:
    reading, faults = Reading(page, shown), dict[str, list[str]]()
    reading.open()
    for number, one in enumerate(shown):
        reading.wait_for(number)
        if fault := faults_of(page, one):
            faults[one.name] = fault
        if one is not shown[-1]:  # what is sent after the routes are gone would be refused, and kept as such
            reading.submit()
    return faults


@pytest.mark.usefixtures("unrouted")
def test_each_step_of_the_pipeline_is_drawn_after_the_standard(page: Page) -> None:
    made = [specimen(name, dataset) for name, dataset in made_datasets()]
    assert read_all(page, made) == {}


@pytest.mark.usefixtures("unrouted")
def test_each_file_of_the_corpora_has_its_pixels_and_its_windows(page: Page) -> None:
    shown = list(specimens())
    assert len(shown) > 100
    assert read_all(page, shown) == {}


@pytest.mark.usefixtures("unrouted")
def test_frames_are_rescaled_each_by_its_own_functional_group(page: Page) -> None:
    (one,) = [specimen(name, dataset) for name, dataset in made_datasets() if name == "rescaled by frame"]
    reading = Reading(page, [one])
    reading.open()
    reading.wait_for(0)
    for index, key in ((0, "Home"), (2, "End")):
        page.keyboard.press(key)
        expect(page.locator("[data-viewport]")).to_have_attribute("data-slice-index", str(index))
        assert value_fault(raw_values(look(page, with_values=True), one), one, index) is None


@pytest.mark.usefixtures("unrouted")
def test_pixels_that_are_not_square_are_drawn_in_their_shape(page: Page) -> None:
    shapes = {"wide pixels": 2.0, "tall pixels": 1 / 3}
    made = [specimen(name, dataset) for name, dataset in made_datasets() if name in shapes]
    reading = Reading(page, made)
    reading.open()
    for number, one in enumerate(made):
        reading.wait_for(number)
        seen = look(page, with_values=False)
        origin, right, down = (np.array(seen[name]) for name in ("origin", "right", "down"))
        drawn = np.linalg.norm(right - origin) / np.linalg.norm(down - origin)
        assert drawn == pytest.approx(shapes[one.name], rel=1e-3), one.name
        reading.submit()
