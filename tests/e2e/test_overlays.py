"""What a file draws over its image, and what is no image: in the right place, and out of the way."""

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture
from playwright.sync_api import Browser, Page, expect
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file

from tests.annotations.dicom.builders import make_dataset, packed_bits, with_overlay
from tests.e2e.corpus import specimen
from tests.e2e.made import ramp
from tests.e2e.pages import check, open_page, press, sign_in, viewport
from tests.e2e.picture import look, places
from tests.e2e.product import Product
from tests.e2e.served import Served

pytestmark = pytest.mark.stack
ROWS, COLUMNS = 80, 96
OPACITY = {"G": 0.85, "R": 0.3}
STEP = 3
# How opaque every STEP-th pixel of the canvas over the image is, and where the viewer says that it draws.
DRAWN = """step => {
  const { origin, right, down } = document.querySelector('[data-viewport]').inspect();
  const canvas = document.querySelector('.graphics');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let text = '';
  for (let y = 0; y < canvas.height; y += step)
    for (let x = 0; x < canvas.width; x += step) text += String.fromCharCode(data[4 * (y * canvas.width + x) + 3]);
  const [size, ratio] = [[canvas.width, canvas.height], canvas.width / canvas.clientWidth];
  return { origin, right, down, size, ratio, text: btoa(text) };
}"""


@pytest.fixture(scope="module")
def page(product: Product, browser: Browser) -> Page:
    product.add_project("overlays")
    product.add_person("olga", "overlays", "reader")
    page = open_page(browser, product.address)
    sign_in(page, "olga")
    return page


@pytest.fixture(autouse=True)
def unrouted(page: Page) -> Any:
    yield
    page.unroute_all()


def corner() -> NDArray[np.bool_]:
    """No turn or flip of it is like another, and it has lines of one pixel."""
    mask = np.zeros((30, 50), np.bool_)
    mask[:, :4] = mask[26:, :40] = mask[10, ::2] = True
    mask[0, 49] = True
    return mask


def overlaid() -> tuple[Dataset, Mapping[str, NDArray[np.bool_]]]:
    """Three frames: a region over all of them, and graphics over the second; with what must be drawn over that."""
    dataset = make_dataset(np.stack([ramp()[:ROWS, :COLUMNS]] * 3), Modality="MR")
    region = np.ones((12, 20), np.bool_)
    with_overlay(dataset, packed_bits(corner()), shape=(30, 50), origin=[11, 31], frames=1, first=2)
    with_overlay(dataset, packed_bits(region), shape=(12, 20), origin=[75, -4], group=0x6002, kind="R")
    masks = {kind: np.zeros((ROWS, COLUMNS), np.bool_) for kind in "GR"}
    masks["G"][10:40, 30:80] = corner()
    masks["R"][74:80, 0:15] = True
    return dataset, masks


def expect_drawn(page: Page, masks: Mapping[str, NDArray[np.bool_]]) -> None:
    """Each pixel of the image is covered as it should be, wherever it lies on the screen, and nothing else is."""
    count = sum(bool(mask.any()) for mask in masks.values())
    expect(page.locator(".graphics")).to_have_attribute("data-layers", str(count))
    seen = page.evaluate(DRAWN, STEP)
    (width, height), ratio = seen["size"], seen["ratio"]
    y, x = np.mgrid[0:height:STEP, 0:width:STEP]
    found = np.frombuffer(base64.b64decode(seen["text"]), np.uint8).reshape(y.shape)
    columns, rows = places(seen, (x + 0.5) / ratio, (y + 0.5) / ratio)
    inner = (np.abs(columns - np.rint(columns)) < 0.3) & (np.abs(rows - np.rint(rows)) < 0.3)
    columns, rows = np.rint(columns[inner]).astype(int), np.rint(rows[inner]).astype(int)
    shape = next(iter(masks.values())).shape
    inside = (columns >= 0) & (rows >= 0) & (columns < shape[1]) & (rows < shape[0])
    assert inside.sum() > 2000
    expected = np.zeros(columns.shape)
    for kind, mask in masks.items():
        expected[inside] += 255 * OPACITY[kind] * mask[rows[inside], columns[inside]]
    assert np.abs(found[inner] - expected).max() <= 3


def drag(page: Page, across: int, down: int) -> None:
    box = page.locator("[data-viewport]").bounding_box()
    assert box
    drawn = int(viewport(page, "drawn"))
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 200 + across, box["y"] + 200 + down, steps=4)
    page.mouse.up()
    page.wait_for_function(
        "drawn => Number(document.querySelector('[data-viewport]').dataset.drawn) > drawn", arg=drawn
    )


def screen(page: Page) -> NDArray[np.int16]:
    """What the image's pane looks like, all that lies over it included."""
    content = page.locator("[data-viewport]").screenshot()
    return np.asarray(Picture.open(io.BytesIO(content)).convert("RGB"), np.int16)


def colour_at(page: Page, row: float, column: float) -> tuple[int, int, int]:
    seen = look(page, with_values=False)
    origin, right, down = (np.array(seen[name]) for name in ("origin", "right", "down"))
    x, y = origin + column * (right - origin) + row * (down - origin)
    red, green, blue = screen(page)[int(y), int(x)]
    return int(red), int(green), int(blue)


@pytest.mark.parametrize("rendering", ["", "?rendering=cpu"])
def test_overlays_lie_where_they_belong_however_the_image_is_turned(page: Page, rendering: str) -> None:
    dataset, masks = overlaid()
    reading = Served(page, "overlays", [specimen("overlaid", dataset)])
    page.goto(f"/projects/overlays/read/{rendering}")
    reading.wait_for(0)
    expect_drawn(page, masks)
    red, green, blue = colour_at(page, 20, 32)
    assert green > max(red, blue) + 20
    for key, name, value in (
        ("r", "rotation", "90"),
        ("h", "flipped-horizontally", "true"),
        ("r", "rotation", "180"),
        ("v", "flipped-vertically", "true"),
        ("r", "rotation", "270"),
    ):
        press(page, key, name, value)
        expect_drawn(page, masks)
    page.keyboard.press("p")
    drag(page, 60, -40)
    expect_drawn(page, masks)
    page.keyboard.press("z")
    drag(page, 0, 60)
    expect_drawn(page, masks)
    press(page, "Home", "slice-index", "0")
    expect_drawn(page, {**masks, "G": np.zeros_like(masks["G"])})
    press(page, "ArrowDown", "slice-index", "1")
    expect_drawn(page, masks)
    check(page, "overlays")


def test_overlays_are_hidden_and_shown_and_offered_only_where_there_are_any(page: Page) -> None:
    dataset, masks = overlaid()
    plain = make_dataset(ramp(), Modality="MR")
    reading = Served(page, "overlays", [specimen("overlaid", dataset), specimen("plain", plain)])
    sent: list[dict[str, Any]] = []
    page.on("request", lambda request: sent.append(request.post_data_json) if "readings/" in request.url else None)
    reading.open()
    reading.wait_for(0)
    button = page.locator('[data-action="graphics"]')
    expect(button).to_have_attribute("aria-pressed", "true")
    expect_drawn(page, masks)
    page.keyboard.press(":")
    expect(page.locator(".graphics")).to_have_count(0)
    expect(button).to_have_attribute("aria-pressed", "false")
    red, green, blue = colour_at(page, 20, 32)
    assert red == green == blue
    button.click()
    expect_drawn(page, masks)
    page.keyboard.press(":")
    reading.submit()
    reading.wait_for(1)
    expect(button).to_have_count(0)
    page.keyboard.press(":")  # nothing to hide: the next case with overlays is as this one was
    expect(page.locator("[data-save-state]")).to_have_attribute("data-save-state", "saved")
    assert [submission["display_state"]["has_graphics"] for submission in sent] == [False]


def test_overlays_of_a_real_file_are_those_that_pydicom_reads(page: Page) -> None:
    dataset = dcmread(str(get_testdata_file("MR-SIEMENS-DICOM-WithOverlays.dcm")))
    Served(page, "overlays", [specimen("real", dataset)]).open()
    expect(page.locator(".graphics")).to_have_attribute("data-layers", "1")
    expect_drawn(page, {"G": dataset.overlay_array(0x6000) == 1})


def test_padding_is_black_in_whatever_way_the_image_is_shown(page: Page) -> None:
    values = ramp("i2", 0, 2000)
    values[:, :30], values[:, 66:] = -2000, -1500
    padding = {"PixelPaddingValue": -2000, "PixelPaddingRangeLimit": -1500, "RescaleSlope": 0.5, "RescaleIntercept": 7}
    dataset = make_dataset(values, Modality="DX", PhotometricInterpretation="MONOCHROME1", **padding)
    reading = Served(page, "overlays", [specimen("padded", dataset)])
    reading.open()
    reading.wait_for(0)
    expect(page.locator("[data-padding]")).to_have_attribute("data-layers", "1")
    before = look(page, with_values=True)["values"]
    for inverted, is_white_beneath in (("true", True), ("false", False)):
        expect(page.locator("[data-viewport]")).to_have_attribute("data-inverted", inverted)
        beneath = page.evaluate(
            """() => { const canvas = document.querySelector('[data-viewport] canvas');
            const { origin, right } = document.querySelector('[data-viewport]').inspect();
            const ratio = canvas.width / canvas.clientWidth;
            const x = ratio * (origin[0] + 10 * (right[0] - origin[0]));
            return canvas.getContext('2d').getImageData(x, canvas.height / 2, 1, 1).data[0]; }"""
        )
        assert (beneath > 250) == is_white_beneath
        for column in (2, 15, 28, 67, 90):
            assert colour_at(page, 48, column) == (0, 0, 0), column
        assert colour_at(page, 48, 48)[0] > 30
        page.keyboard.press("i")
    assert look(page, with_values=True)["values"] == before
    check(page, "padding")
