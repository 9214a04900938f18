"""Nothing to wait for: what is fetched when, what is kept, and what a long sitting leaves in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, Route, expect

from annotations.dicom.frames import frame_format
from annotations.dicom.windows import display_settings
from tests.annotations.dicom.builders import make_dataset
from tests.e2e.corpus import Specimen, shown_as
from tests.e2e.pages import LONG, check, open_page, press, run_until, sign_in, viewport
from tests.e2e.picture import look, picture_fault, raw_values, value_fault
from tests.e2e.product import Product
from tests.e2e.served import Served

pytestmark = pytest.mark.stack
HELD = "() => document.querySelector('[data-viewport]').inspect().held"
MEGABYTE = 1024**2


@dataclass
class Volume(Specimen):
    """Slices of one shape, each an Instance of its own; each is encoded once."""

    encoded: dict[int, bytes] = field(default_factory=dict)

    def case(self, number: int) -> dict[str, Any]:
        case = super().case(number)
        (described,) = case["instances"].values()
        for index, frame in enumerate(case["image"]["frames"]):
            frame["sop_instance_uid"] = f"1.2.{index}"
        case["instances"] = {frame["sop_instance_uid"]: described for frame in case["image"]["frames"]}
        return case

    def codestream(self, index: int) -> bytes:
        if index not in self.encoded:
            self.encoded[index] = super().codestream(index)
        return self.encoded[index]


def volume(slices: int, side: int = 48, seed: int = 0) -> Volume:
    """Each slice has its own values: what is drawn tells which one it is."""
    rows, columns = np.mgrid[:side, :side]
    frames = [np.asarray((rows + columns + 7 * index + seed) % 4096, np.uint16) for index in range(slices)]
    return of_frames(f"{slices} slices", frames, Modality="MR")


def of_frames(name: str, frames: Sequence[NDArray[Any]], **elements: Any) -> Volume:
    dataset = make_dataset(frames[0], **elements)
    stored = frame_format(dataset)
    opening = (len(frames) - 1) // 2
    return Volume(name, dataset, stored, display_settings(dataset, stored, [frames[opening]], [opening]), list(frames))


@pytest.fixture(scope="module")
def address(product: Product) -> str:
    product.add_project("loading")
    product.add_person("lena", "loading", "reader")
    return product.address


@pytest.fixture
def page(address: str, browser: Browser) -> Iterator[Page]:
    page = open_page(browser, address)
    sign_in(page, "lena")
    yield page
    page.context.close()


def serve(page: Page, *shown: Specimen) -> Served:
    served = Served(page, "loading", shown)
    served.open()
    served.wait_for(0)
    return served


def wait_for_decoded(page: Page, count: int) -> None:
    """Until exactly so many frames, of whatever case, are in memory."""
    page.wait_for_function(f"count => ({HELD})().decoded === count", arg=count, timeout=LONG)


def expect_loaded(page: Page, count: int) -> None:
    expect(page.locator(".slicebar")).to_have_attribute("data-loaded-count", str(count), timeout=LONG)


def shown_fault(page: Page, one: Specimen, index: int) -> str | None:
    return value_fault(raw_values(look(page, with_values=True), one), one, index)


def limit_memory(page: Page, gigabytes: float) -> None:
    """What the browser says of its machine: an eighth of it is for slices."""
    page.add_init_script(f"Object.defineProperty(navigator, 'deviceMemory', {{ value: {gigabytes} }})")


def test_first_the_middle_then_the_next_opening_then_outwards_then_the_next_case(page: Page) -> None:
    served = serve(page, volume(9), volume(5, seed=500), volume(5, seed=900))
    wait_for_decoded(page, 14)
    this = [(0, index) for index in (5, 3, 6, 2, 7, 1, 8, 0)]
    assert served.asked == [(0, 4), (1, 2), *this, *((1, index) for index in (3, 1, 4, 0))]
    expect_loaded(page, 9)
    check(page, "loading-bar")


def test_next_case_and_the_way_back_ask_for_no_frame(page: Page) -> None:
    shown = [volume(7), volume(7, seed=500)]
    served = serve(page, *shown)
    wait_for_decoded(page, 14)
    before = len(served.asked)
    undone = {"case": shown[0].case(0), "client_key": "8f7c8f3e-52f2-4a60-8f0a-000000000001", "comment": ""}
    answers = {"scores": {"overall": 3}, "abstentions": {}, "findings": [], "confidence": ""}
    page.route("**/undo/", lambda route: route.fulfill(json=undone | answers))
    served.submit()
    served.wait_for(1)
    assert shown_fault(page, shown[1], 3) is None
    page.keyboard.press("End")
    expect(page.locator("[data-viewport]")).to_have_attribute("data-slice-index", "6")
    page.keyboard.press("u")
    served.wait_for(0)
    assert shown_fault(page, shown[0], 3) is None
    press(page, "Home", "slice-index", "0")
    assert shown_fault(page, shown[0], 0) is None
    expect_loaded(page, 7)
    assert len(served.asked) == before


def test_case_that_was_left_loads_no_further(page: Page) -> None:
    """The frames of the first case wait for an answer; it is left meanwhile."""
    shown = [volume(40), volume(6, seed=500)]
    served = Served(page, "loading", shown)
    waiting: list[Route] = []

    def hold_back(route: Route) -> None:
        if len(served.asked) < 2:
            served.frame(route)
        else:
            waiting.append(route)

    page.route("**/corpus/0/**", hold_back)
    served.open()
    served.wait_for(0)
    wait_for_decoded(page, 2)
    run_until(page, lambda: len(waiting) == 4)
    served.submit()
    served.wait_for(1)
    for route in waiting:
        served.frame(route)
    expect_loaded(page, 6)
    assert len(waiting) == 4


def test_what_could_not_be_fetched_ahead_is_fetched_when_the_network_is_back(page: Page) -> None:
    served = Served(page, "loading", [volume(6), volume(4, seed=500)])
    lost: list[str] = []

    def lose(route: Route) -> None:
        lost.append(route.request.url)
        route.abort()

    page.route("**/corpus/1/**", lose)
    served.open()
    served.wait_for(0)
    expect_loaded(page, 6)
    page.unroute("**/corpus/1/**", lose)
    assert lost
    page.evaluate("dispatchEvent(new Event('online'))")
    wait_for_decoded(page, 10)


def test_volume_beyond_the_memory_keeps_a_window_around_the_reader_and_the_bar_tells_it(page: Page) -> None:
    """64 MB hold 127 slices of 512 x 512 beside the one that the next case opens with."""
    limit_memory(page, 0.5)
    one = volume(160, side=512)
    one.encoded = dict.fromkeys(range(160), one.codestream(0))
    served = serve(page, one, volume(1, side=512))
    wait_for_decoded(page, 128)
    expect_loaded(page, 127)
    asked = len(served.asked)
    press(page, "End", "slice-index", "159")
    wait_for_decoded(page, 128)
    expect_loaded(page, 127)
    (run,) = page.locator(".slicebar-loaded").all()
    assert (run.get_attribute("y"), run.get_attribute("height")) == ("33", "127")
    assert page.evaluate(HELD)["bytes"] <= 64 * MEGABYTE
    assert 16 <= len(served.asked) - asked <= 18
    check(page, "loading-window")


def test_volume_of_1000_slices(page: Page) -> None:
    one = volume(1000)
    serve(page, one)
    assert viewport(page, "slice-count") == "1000"
    assert shown_fault(page, one, 499) is None
    expect_loaded(page, 1000)
    for key, index in (("Home", 0), ("End", 999), ("PageUp", 989)):
        press(page, key, "slice-index", str(index))
        assert shown_fault(page, one, index) is None
    check(page, "loading-1000")


def test_mammogram_of_20_million_pixels_is_drawn_as_it_is(page: Page) -> None:
    rows, columns = np.mgrid[:5000, :4000]
    pixels = np.asarray((rows // 5 + columns // 3 + (rows // 40 * columns // 40) % 37 * 8) % 4096, np.uint16)
    one = of_frames("mammogram", [pixels], Modality="MG", WindowCenter=1100, WindowWidth=2400)
    serve(page, one)
    seen = look(page, with_values=True)
    values = raw_values(seen, one)
    assert value_fault(values, one, 0) is None
    display = one.display.to_json()
    show = shown_as(display["windows"][0], display["is_inverted"])
    check(page, "loading-mammogram")
    assert picture_fault(seen, values, show) is None


def test_cine_of_300_frames_advances_and_wraps(page: Page) -> None:
    frames = [np.full((32, 32), 10 * index, np.uint16) for index in range(300)]
    one = of_frames("cine", frames, Modality="XA", NumberOfFrames=300)
    serve(page, one)
    expect_loaded(page, 300)
    press(page, "End", "slice-index", "299")
    page.evaluate("""() => {
      const element = document.querySelector('[data-viewport]');
      window.passed = [299];
      new MutationObserver(() => {
        const index = Number(element.dataset.sliceIndex);
        if (window.passed.at(-1) !== index) window.passed.push(index);
      }).observe(element, { attributeFilter: ['data-slice-index'] });
    }""")
    press(page, "c", "cine", "true")
    page.wait_for_function("() => window.passed.includes(3)", timeout=LONG)
    press(page, "c", "cine", "false")
    assert page.evaluate("window.passed")[:5] == [299, 0, 1, 2, 3]
    assert shown_fault(page, one, int(viewport(page, "slice-index"))) is None


def test_memory_stays_flat_over_200_cases(page: Page) -> None:
    """What is held is counted; the heap is what is left after the garbage is gone."""
    shown = [volume(3, side=64, seed=1000 + number) for number in range(201)]
    served = serve(page, *shown)
    devtools = page.context.new_cdp_session(page)
    heaps: list[float] = []
    for number in range(200):
        served.wait_for(number)
        if number in (19, 198):  # What is left before it is loaded is not loaded afterwards.
            expect_loaded(page, 3)
        if number in (20, 199):
            wait_for_decoded(page, 9)
            devtools.send("HeapProfiler.collectGarbage")
            heaps.append(devtools.send("Runtime.getHeapUsage")["usedSize"])
            held = page.evaluate(HELD)
            # The one before, this one and the next; a worklist asked for before the last receipt names one more.
            assert held["cases"] in (3, 4)
            assert held["frames"] == 3 * held["cases"]
            assert held["bytes"] == 9 * 64 * 64 * 2
        served.submit()
    served.wait_for(200)
    assert heaps[1] - heaps[0] <= 50 * MEGABYTE, heaps
