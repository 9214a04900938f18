"""A manager is shown what a reader saw: the same pixels in a viewport of the same size."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture
from playwright.sync_api import Browser, Page, expect

from tests.e2e.pages import LONG, case_on_screen, check, expect_saved, open_page, press, read_case, sign_in, viewport
from tests.e2e.product import Product
from tests.e2e.rooms import furnish

pytestmark = pytest.mark.stack
SHOWN = (
    *("slice-index", "window-center", "window-width", "inverted", "rotation"),
    *("flipped-horizontally", "flipped-vertically", "zoom"),
)


def picture(page: Page) -> NDArray[np.int16]:
    address = page.evaluate("() => document.querySelector('[data-viewport] canvas').toDataURL()")
    content = base64.b64decode(address.split(",", 1)[1])
    return np.asarray(Picture.open(io.BytesIO(content)).convert("L"), np.int16)


def test_manager_sees_what_the_reader_saw(product: Product, browser: Browser, image_files: list[Path]) -> None:
    furnish(product, "replay", [file for file in image_files if "UB_5mm" in str(file)], readers=["rea"])
    product.add_person("mia", "replay", "manager")
    reader = open_page(browser, product.address)
    sign_in(reader, "rea")
    reader.goto("/projects/replay/read/")
    case_on_screen(reader)
    reader.keyboard.press("z")
    box = reader.locator("[data-viewport]").bounding_box()
    assert box
    zoom = viewport(reader, "zoom")
    reader.mouse.move(box["x"] + 300, box["y"] + 300)
    reader.mouse.down()
    reader.mouse.move(box["x"] + 310, box["y"] + 370, steps=4)
    reader.mouse.up()
    expect(reader.locator("[data-viewport]")).not_to_have_attribute("data-zoom", zoom)
    press(reader, "Home", "slice-index", "0")
    press(reader, "h", "flipped-horizontally", "true")
    press(reader, "r", "rotation", "90")
    press(reader, "i", "inverted", "true")
    press(reader, "Shift+Digit3", "window-width", "1500")
    seen, shown = picture(reader), {name: viewport(reader, name) for name in SHOWN}
    pan = [float(part) for part in viewport(reader, "pan").split(",")]
    assignment = read_case(reader, 3)
    expect_saved(reader)
    reader.context.close()

    (reading,) = product.rows("SELECT id FROM annotations_reading WHERE assignment_id = %s", assignment)[0]
    manager = open_page(browser, product.address)
    sign_in(manager, "mia")
    manager.goto(f"/readings/{reading}/display/")
    expect(manager.locator('[data-viewport][data-replayed="true"]')).to_be_visible(timeout=LONG)
    for name, value in shown.items():
        expect(manager.locator("[data-viewport]")).to_have_attribute(f"data-{name}", value)
    found = [float(part) for part in viewport(manager, "pan").split(",")]
    assert found == pytest.approx(pan, abs=0.1), json.dumps(shown)
    again = picture(manager)
    assert again.shape == seen.shape
    assert np.mean(np.abs(again - seen) > 8) < 0.01
    check(manager, "replay")
    manager.context.close()
