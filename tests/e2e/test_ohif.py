"""OHIF opens our studies from our DICOMweb: a second opinion on QIDO-RS, metadata and frames."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture
from playwright.sync_api import Browser, expect

from tests.e2e.ohif import beside, fetch_ohif
from tests.e2e.pages import LONG, OUTPUT
from tests.e2e.product import Product
from tests.e2e.rooms import furnish

pytestmark = pytest.mark.stack
# The library's own event; it does not bubble, but it is heard on the way down.
LISTEN = """
window.drawn = [];
document.addEventListener('CORNERSTONE_IMAGE_RENDERED', (event) => window.drawn.push(performance.now()), true);
"""


def test_ohif_opens_our_study(product: Product, browser: Browser, image_files: list[Path], tmp_path: Path) -> None:
    furnish(product, "ohif", [file for file in image_files if "UB_5mm" in str(file)], readers=["eve"])
    ((study, count),) = product.rows(
        "SELECT s.study_instance_uid, count(i.id) FROM annotations_instance i"
        " JOIN annotations_series e ON e.id = i.series_id JOIN annotations_study s ON s.id = e.study_id"
        " JOIN annotations_projectinstance p ON p.instance_id = i.id JOIN annotations_project j ON j.id = p.project_id"
        " WHERE j.slug = 'ohif' GROUP BY 1"
    )
    token = product.manage("create_token", "eve").strip()
    with beside(product.address, token, fetch_ohif(tmp_path)) as address:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        refused: list[str] = []
        page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
        page.add_init_script(LISTEN)
        page.goto(f"{address}/viewer?StudyInstanceUIDs={study}")
        page.wait_for_function("() => window.drawn.length > 0", timeout=LONG)
        canvas = page.locator(".cornerstone-canvas").first
        expect(canvas).to_be_visible()
        expect(page.get_by_text(f"/{count}", exact=False).first).to_be_visible(timeout=LONG)
        shown = np.asarray(Picture.open(io.BytesIO(canvas.screenshot())).convert("L"))
        OUTPUT.mkdir(exist_ok=True)
        page.screenshot(path=OUTPUT / "ohif.png")
        assert shown.std() > 20, "a head on a dark ground"
        assert [url for url in refused if "/dicomweb/" in url] == []
        context.close()
