import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from mediqa_platform.demo.seeding import image_sources
from tests.e2e.browser import OPTIONS, find_browser
from tests.e2e.generated import new_ramp
from tests.e2e.product import Product
from tests.e2e.rooms import furnish

RAMP_READERS = (
    *("disk", "fast", "slow", "turned", "queued", "late"),  # test_device.py
    *("narrow", "small", "told", "lost"),  # test_notices.py
    *("alone",),  # test_views.py
    *("dragger", "chooser"),  # test_mouse.py
)
EXPECT_MS = 30_000  # as long as any step may take: other tests use the machine


@pytest.fixture(scope="package")
def product(bundle: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One running installation for all end-to-end tests; each makes a Project of its own in it."""
    product = Product(tmp_path_factory.mktemp("product"))
    yield product
    product.stop()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = find_browser()
    expect.set_options(timeout=EXPECT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def image_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Real DICOM files of some twenty patients: CT, MR, radiographs, ultrasound; single and in stacks."""
    folder, files = tmp_path_factory.mktemp("images"), list[Path]()
    for source in image_sources():
        if source.suffix == ".zip":
            with zipfile.ZipFile(source) as archive:
                archive.extractall(folder / source.stem)
            files += sorted(path for path in (folder / source.stem).rglob("*") if path.is_file())
        else:
            files.append(source)
    return files


@pytest.fixture(scope="package")
def ramps(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Product:
    """A Project of this name with four CT stacks, which open in a wide window; each test has a reader of its own."""
    folder, wide = tmp_path_factory.mktemp("ramps"), {"WindowCenter": 40, "WindowWidth": 1500}
    files = [file for name in ("a", "b", "c", "d") for file in new_ramp(folder, slices=5, name=name, **wide)]
    furnish(product, "ramps", files, readers=RAMP_READERS, overlap=len(RAMP_READERS))
    return product
