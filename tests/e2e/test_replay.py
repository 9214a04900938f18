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
from pydicom import Dataset, Sequence
from pydicom.uid import ComputedRadiographyImageStorage

from tests.annotations.dicom.builders import make_dataset, to_bytes
from tests.e2e.corpus import shown_as, specimen, stretched
from tests.e2e.generated import new_uid
from tests.e2e.made import SIZE, ramp, table
from tests.e2e.pages import (
    LONG,
    case_on_screen,
    check,
    drag_window,
    expect_saved,
    open_page,
    press,
    read_case,
    sign_in,
    viewport,
)
from tests.e2e.picture import decoded, look, picture_fault
from tests.e2e.product import Product
from tests.e2e.rooms import furnish
from tests.e2e.test_comparison import CASE, drawn_anew

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


def radiograph_with_two_tables() -> Dataset:
    """Of the same ends, as vendors write them: which of them was chosen is told by neither centre nor width."""
    tables = [table(np.rint(65535 * np.linspace(0, 1, 4096) ** power), 0) for power in (2.2, 0.5)]
    kind = {"Modality": "CR", "SOPClassUID": ComputedRadiographyImageStorage, "PatientID": new_uid()}
    return make_dataset(ramp(), **kind, VOILUTSequence=Sequence(tables))


def test_table_is_shown_as_the_reader_had_chosen_and_dragged_it(
    product: Product, browser: Browser, tmp_path: Path
) -> None:
    dataset = radiograph_with_two_tables()
    (tmp_path / "tables.dcm").write_bytes(to_bytes(dataset))
    furnish(product, "tables", [tmp_path / "tables.dcm"], readers=["tess"])
    product.add_person("mona", "tables", "manager")
    reader = open_page(browser, product.address)
    sign_in(reader, "tess")
    reader.goto("/projects/tables/read/")
    case_on_screen(reader)
    drawn_anew(reader, CASE, "Shift+Digit2")
    expect(reader.locator('.presets [aria-pressed="true"]')).to_have_attribute("data-preset", "2")
    center, width = drag_window(reader, -150, -100)
    expect(reader.locator('.presets [aria-pressed="true"]')).to_have_count(0)
    seen = look(reader, with_values=True)
    values, chosen = decoded(seen, (SIZE, SIZE)), specimen("tables", dataset).display.to_json()["windows"][1]
    show = shown_as(stretched(chosen, center, width), is_inverted=False)
    assert picture_fault(seen, values, show) is None
    assignment = read_case(reader, 3)
    expect_saved(reader)
    reader.context.close()

    (reading,) = product.rows("SELECT id FROM annotations_reading WHERE assignment_id = %s", assignment)[0]
    manager = open_page(browser, product.address)
    sign_in(manager, "mona")
    manager.goto(f"/readings/{reading}/display/")
    expect(manager.locator('[data-viewport][data-replayed="true"]')).to_be_visible(timeout=LONG)
    expect(manager.locator(CASE)).to_have_attribute("data-window-width", f"{width:g}")
    again = look(manager, with_values=False)
    assert picture_fault(again, values, show) is None
    assert picture_fault(again, values, shown_as(chosen, is_inverted=False)) is not None
    check(manager, "replay-table")
    manager.context.close()
