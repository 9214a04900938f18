"""A volume of 1,000 slices of 512 x 512 from disk to the screen: pytest -m benchmark -s tests/benchmarks/reading"""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect

from tests.benchmarks.reading.test_reading import FIRST_PICTURE, heap_megabytes
from tests.e2e.generated import new_volume
from tests.e2e.pages import LONG, case_on_screen, open_page, press, sign_in
from tests.e2e.product import Product
from tests.e2e.rooms import furnish

pytestmark = pytest.mark.benchmark

SLICES, SIDE = 1000, 512
HELD = "() => document.querySelector('[data-viewport]').inspect().held"
JUMPS = (("Home", 0), ("End", SLICES - 1), ("PageUp", SLICES - 11))


def slices() -> Iterator[NDArray[np.int16]]:
    """A body with some noise, each slice another."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for z in range(SLICES):
        body = (rows - 256) ** 2 + (columns - 256) ** 2 < (160 + 40 * np.sin(z / 90)) ** 2
        yield np.asarray(np.where(body, 40, -1000) + random.normal(0, 12, (SIDE, SIDE)), np.int16)


def test_volume_of_1000_slices(product: Product, browser: Browser, tmp_path: Path) -> None:
    files = new_volume(tmp_path, slices(), name="long")
    begun = monotonic()
    furnish(product, "long", files, readers=["lou"])
    taken = monotonic() - begun
    page = open_page(browser, product.address)
    page.context.add_init_script(FIRST_PICTURE)
    sign_in(page, "lou")
    page.goto("/projects/long/read/", wait_until="commit")
    case_on_screen(page)
    first = page.evaluate("() => window.firstPicture")
    held = everything_is_held(page)
    loaded = page.evaluate("() => performance.now()") - first
    jumps = [jump(page, key, index) for key, index in JUMPS]
    print(f"\n{f'{SLICES} slices of {SIDE} x {SIDE}':44} {'':>8}")
    print(f"{'taken in by the ingest, s':44} {taken:8.0f}")
    print(f"{'first image, ms':44} {first:8.0f}")
    print(f"{'slices in memory':44} {held['decoded']:8.0f}")
    print(f"{'their bytes, MB':44} {held['bytes'] / 1e6:8.0f}")
    print(f"{'until they were, s':44} {loaded / 1000:8.1f}")
    print(f"{'first, last and a page before, drawn, ms':44} {' '.join(f'{wait:.0f}' for wait in jumps):>8}")
    print(f"{'heap of scripts, MB':44} {heap_megabytes(page.context.new_cdp_session(page)):8.1f}")
    page.context.close()
    assert held["decoded"] <= SLICES


def everything_is_held(page: Page) -> dict[str, float]:
    """Until as many slices are in memory as the machine allows, or all."""
    page.wait_for_function(
        f"""() => {{
          const held = ({HELD})();
          const isSettled = window.heldBefore === held.decoded;
          window.heldBefore = held.decoded;
          return isSettled;
        }}""",
        polling=3000,
        timeout=LONG,
    )
    found: dict[str, float] = page.evaluate(HELD)
    return found


def jump(page: Page, key: str, index: int) -> float:
    """Milliseconds from the key to the slice on the screen, as the test's own process sees it."""
    begun = monotonic()
    press(page, key, "slice-index", str(index))
    expect(page.locator('[data-viewport][data-state="rendered"]')).to_be_visible(timeout=LONG)
    return (monotonic() - begun) * 1000
