"""Three planes through a volume: the pixels of each, how they follow one another, and where there can be none."""

import base64
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, expect

from tests.e2e.generated import new_volume
from tests.e2e.pages import (
    LONG,
    case_on_screen,
    check,
    drag,
    drag_fingers,
    expect_saved,
    open_page,
    open_room,
    press,
    read_case,
    sign_in,
)
from tests.e2e.product import Product
from tests.e2e.rooms import furnish

pytestmark = pytest.mark.stack
SLICES, ROWS, COLUMNS = 20, 64, 48
PICTURE = """canvas => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let text = '';
  for (const byte of data) text += String.fromCharCode(byte);
  return [canvas.width, canvas.height, btoa(text)];
}"""
RANDOM = np.random.default_rng(3)


def volume() -> NDArray[np.int16]:
    """No two rows, columns or slices are alike."""
    return RANDOM.integers(-300, 400, (SLICES, ROWS, COLUMNS)).astype(np.int16)


def expect_plane(
    page: Page, name: str, at: int, hu: NDArray[Any], window: tuple[float, float] = (40, 400), *, inverted: bool = False
) -> None:
    """The plane through this row or column is shown, sample by sample, as these values in this window."""
    center, width = window
    turned = "inverted" if inverted else "plain"
    canvas = page.locator(f'[data-plane="{name}"] canvas')
    shows = f"{at} {_as_script(center)} {_as_script(width)} LINEAR {turned} 0"
    expect(canvas).to_have_attribute("data-shows", shows, timeout=LONG)
    across, down, text = canvas.evaluate(PICTURE)
    shown = np.frombuffer(base64.b64decode(text), np.uint8).reshape(down, across, 4)
    # PS3.3 C.11.2.1.2
    expected = np.clip((hu - (center - 0.5)) / (width - 1) + 0.5, 0, 1) * 255
    assert shown.shape[:2] == hu.shape
    assert (shown[..., 3] == 255).all()
    assert np.abs(shown[..., 0] - (255 - expected if inverted else expected)).max() <= 1


def _as_script(number: float) -> str:
    """As the page's scripts write it."""
    return repr(float(number)).removesuffix(".0")


def crosshairs(page: Page) -> tuple[int, int]:
    column, row = (page.locator("[data-crosshairs]").get_attribute("data-crosshairs") or "").split(",")
    return int(column), int(row)


def press_on(page: Page, name: str, x: float, y: float) -> None:
    """A click at shares of a plane's width and height."""
    box = page.locator(f'[data-plane="{name}"]').bounding_box()
    assert box
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def test_planes_show_the_volume_and_follow_one_another(product: Product, browser: Browser, tmp_path: Path) -> None:
    hu = volume()
    files = [
        *new_volume(tmp_path, hu, name="one"),
        *new_volume(tmp_path, hu[:, :, ::-1], name="two"),
    ]
    furnish(product, "planes", files, readers=["pam"])
    page = open_room(browser, product.address, "planes", "pam")
    assignment = case_on_screen(page)
    mirrored = "two" in (page.locator("[data-viewport]").get_attribute("aria-label") or "")
    hu = hu[:, :, ::-1] if mirrored else hu
    for edge, letter in (("left", "R"), ("right", "L"), ("top", "A"), ("bottom", "P")):
        expect(page.locator(f'.panes-case [data-edge="{edge}"]')).to_have_text(letter)
    page.keyboard.press("y")
    row, column, z = ROWS // 2, COLUMNS // 2, (SLICES - 1) // 2
    expect_plane(page, "coronal", row, hu[::-1, row])
    expect_plane(page, "sagittal", column, hu[::-1, :, column])
    assert crosshairs(page) == (column, row)
    expect(page.locator('[aria-label="Coronal"] [data-edge="top"]')).to_have_text("H")
    expect(page.locator('[aria-label="Sagittal"] [data-edge="left"]')).to_have_text("A")
    box = page.locator('[data-plane="coronal"]').bounding_box()
    assert box
    # 48 columns of 0.7 mm, 20 slices of 2.5 mm
    assert box["width"] / box["height"] == pytest.approx(48 * 0.7 / (20 * 2.5), rel=0.02)
    check(page, "planes")

    press_on(page, "coronal", 10.5 / COLUMNS, 2.5 / SLICES)  # the third line from the head
    expect(page.locator("[data-viewport]")).to_have_attribute("data-slice-index", str(SLICES - 3))
    expect_plane(page, "sagittal", 10, hu[::-1, :, 10])
    assert crosshairs(page) == (10, row)
    press_on(page, "sagittal", 5.5 / ROWS, (SLICES - z - 0.5) / SLICES)
    expect(page.locator("[data-viewport]")).to_have_attribute("data-slice-index", str(z))
    expect_plane(page, "coronal", 5, hu[::-1, 5])
    page.mouse.wheel(0, 100)  # over the sagittal plane: the next column
    expect_plane(page, "sagittal", 11, hu[::-1, :, 11])

    slider = page.get_by_role("slider", name="Coronal")
    slider.focus()
    page.keyboard.press("ArrowUp")
    expect_plane(page, "coronal", 6, hu[::-1, 6])
    page.keyboard.press("End")
    expect_plane(page, "coronal", ROWS - 1, hu[::-1, ROWS - 1])
    expect(slider).to_have_attribute("aria-valuenow", str(ROWS))
    page.keyboard.press("2")  # scores from there too
    expect(page.locator('[data-criterion="overall"]')).to_have_attribute("data-score", "2")

    main = page.locator("[data-viewport]").bounding_box()
    assert main
    middle = (main["x"] + main["width"] / 2 + 2, main["y"] + main["height"] / 2 + 2)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 60, middle[1], steps=3)  # a drag windows, and leaves the crossing
    page.mouse.up()
    expect(page.locator("[data-viewport]")).not_to_have_attribute("data-window-width", "400")
    assert crosshairs(page) == (11, ROWS - 1)
    page.mouse.click(*middle)  # a click moves it
    column, row = COLUMNS // 2, ROWS // 2
    expect(page.locator("[data-crosshairs]")).to_have_attribute("data-crosshairs", f"{column},{row}")
    press(page, "Shift+Digit3", "window-width", "1800")
    bone = float(page.locator("[data-viewport]").get_attribute("data-window-center") or 0)
    expect_plane(page, "sagittal", column, hu[::-1, :, column], (bone, 1800))
    press(page, "i", "inverted", "true")
    expect_plane(page, "coronal", row, hu[::-1, row], (bone, 1800), inverted=True)
    press(page, "r", "rotation", "90")
    expect(page.locator('.panes-case [data-edge="top"]')).to_have_text("R")
    press(page, "Space", "window-width", "400")
    page.keyboard.press(".")  # images of this kind open so from now on
    read_case(page, 3)
    expect_saved(page)
    ((state,),) = product.rows("SELECT display_state FROM annotations_reading WHERE assignment_id = %s", assignment)
    assert state["planes"] == {"column": column, "row": row, "is_shown": True}
    expect_plane(page, "coronal", ROWS // 2, hu[::-1, ROWS // 2, ::-1])
    page.keyboard.press("y")
    expect(page.locator("[data-plane]")).to_have_count(0)
    page.context.close()

    product.add_person("pim", "planes", "manager")
    manager = open_page(browser, product.address)
    sign_in(manager, "pim")
    (reading,) = product.rows("SELECT id FROM annotations_reading WHERE assignment_id = %s", assignment)[0]
    manager.goto(f"/readings/{reading}/display/")
    expect(manager.locator("main")).to_contain_text(f"crossing last at column {column}, row {row}")
    manager.context.close()


def test_where_no_planes_can_be_cut_a_sentence_says_why(product: Product, browser: Browser, tmp_path: Path) -> None:
    def leaning(z: int) -> list[float]:
        return [0, z, 2.5 * z]

    furnish(
        product, "tilted", new_volume(tmp_path, volume()[:6], name="t", ImagePositionPatient=leaning), readers=["tim"]
    )
    page = open_room(browser, product.address, "tilted", "tim")
    page.keyboard.press("y")
    expect(page.locator('[data-notice="room"]')).to_contain_text("tilted")
    expect(page.locator("[data-plane]")).to_have_count(0)
    page.context.close()


def view_of(page: Page, name: str) -> tuple[float, float, float]:
    """How a plane is enlarged, and moved across and down."""
    place = page.locator(f'[data-plane="{name}"]')
    across, down = (place.get_attribute("data-pan") or "").split(",")
    return float(place.get_attribute("data-zoom") or 0), float(across), float(down)


def room_of(page: Page, name: str) -> tuple[float, float]:
    """The middle of the pane that a plane is shown in."""
    box = page.get_by_role("slider", name=name).bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def width_of(page: Page, name: str) -> float:
    box = page.locator(f'[data-plane="{name}"]').bounding_box()
    assert box
    return box["width"]


def test_plane_is_enlarged_moved_and_shown_whole_again(product: Product, browser: Browser, tmp_path: Path) -> None:
    hu = volume()
    furnish(product, "enlarged", new_volume(tmp_path, hu, name="one"), readers=["eli"])
    page = open_room(browser, product.address, "enlarged", "eli")
    assignment = case_on_screen(page)
    page.keyboard.press("y")
    expect_plane(page, "coronal", ROWS // 2, hu[::-1, ROWS // 2])
    whole, (x, y) = width_of(page, "coronal"), room_of(page, "Coronal")
    crossed = crosshairs(page)
    drag(page, (x, y), (x, y + 60), "right")  # zooms, as over the slice
    expect(page.locator('[data-plane="coronal"]')).not_to_have_attribute("data-zoom", "1")
    zoom, *pan = view_of(page, "coronal")
    assert zoom == pytest.approx(1.15**3)
    assert pan == pytest.approx([0, 0], abs=1)
    assert width_of(page, "coronal") == pytest.approx(whole * zoom, rel=0.01)
    drag(page, (x, y), (x + 30, y - 20), "middle")
    expect(page.locator('[data-plane="coronal"]')).to_have_attribute("data-pan", re.compile("^3"))
    assert view_of(page, "coronal")[1:] == pytest.approx((30, -20), abs=1)
    assert view_of(page, "sagittal") == (1, 0, 0)
    assert crosshairs(page) == crossed

    press_on(page, "coronal", 20.5 / COLUMNS, 9.5 / SLICES)  # what is seen there is where they cross
    expect_plane(page, "sagittal", 20, hu[::-1, :, 20])
    page.keyboard.press("z")  # the left button zooms: a click crosses, a drag does not
    expect(page.locator("[data-viewport]")).to_have_attribute("data-left-tool", "zoom")
    drag(page, (x, y), (x, y - 40))
    expect(page.locator('[data-plane="coronal"]')).not_to_have_attribute("data-zoom", str(zoom))
    assert view_of(page, "coronal")[0] == pytest.approx(1.15)
    assert crosshairs(page)[0] == 20
    press_on(page, "coronal", 15.5 / COLUMNS, 9.5 / SLICES)
    expect_plane(page, "sagittal", 15, hu[::-1, :, 15])
    check(page, "planes-enlarged")
    page.keyboard.press("Space")
    expect(page.locator('[data-plane="coronal"]')).to_have_attribute("data-pan", "0,0")
    assert view_of(page, "coronal") == (1, 0, 0)
    assert width_of(page, "coronal") == pytest.approx(whole, abs=1)

    drag(page, (x, y), (x, y + 40), "right")
    expect(page.locator('[data-plane="coronal"]')).not_to_have_attribute("data-zoom", "1")
    stood = view_of(page, "coronal")
    read_case(page, 3)
    expect_saved(page)
    ((state,),) = product.rows("SELECT display_state FROM annotations_reading WHERE assignment_id = %s", assignment)
    (cut, view), *others = state["planes"]["views"].items()
    assert (cut, others) == ("row", [])
    assert (view["zoom"], *view["pan"]) == pytest.approx(stood)
    page.context.close()


def window_of(page: Page, other_than: tuple[float, float]) -> tuple[float, float]:
    """The window that the slice and both planes are drawn in, once it is another."""
    viewport = page.locator("[data-viewport]")
    expect(viewport).not_to_have_attribute("data-window-width", f"{other_than[1]:g}")
    names = ("data-window-center", "data-window-width")
    center, width = (float(viewport.get_attribute(name) or 0) for name in names)
    page.wait_for_function(
        """([center, width]) => [...document.querySelectorAll('[data-plane] canvas')].every(canvas => {
          const shown = canvas.dataset.shows.split(' ').map(Number);
          return Math.abs(shown[1] - center) < 1e-3 && Math.abs(shown[2] - width) < 1e-3;
        })""",
        arg=[center, width],
    )
    expect(page.locator(".panes-case .corner-bottom-right")).to_contain_text(f"W {width:.0f} L {center:.0f}")
    _, exact_center, exact_width, *_ = (
        page.locator('[data-plane="coronal"] canvas').get_attribute("data-shows") or ""
    ).split()
    return float(exact_center), float(exact_width)


@pytest.mark.parametrize("rendering", ["gpu", "cpu"])
def test_window_of_all_is_dragged_over_any_plane(
    product: Product, browser: Browser, tmp_path: Path, rendering: str
) -> None:
    hu = volume()
    slug = f"windowed-{rendering}"
    furnish(product, slug, new_volume(tmp_path, hu, name="one"), readers=[f"wim-{rendering}"])
    page = open_room(browser, product.address, slug, f"wim-{rendering}")
    page.goto(f"/projects/{slug}/read/?rendering={rendering}")
    expect(page.locator("[data-viewport]")).to_have_attribute("data-rendering", rendering)
    assignment = case_on_screen(page)
    page.keyboard.press("y")
    row, column = ROWS // 2, COLUMNS // 2
    first = (40.0, 400.0)
    expect_plane(page, "coronal", row, hu[::-1, row], first)
    # A pixel across or down is so many units, as over the slice; its values span less than 1024.
    shown = hu[(SLICES - 1) // 2]
    step = int(shown.max() - shown.min()) / 1024
    x, y = room_of(page, "Coronal")
    drag(page, (x, y), (x + 60, y + 30))
    second = window_of(page, first)
    assert second == pytest.approx((first[0] + 30 * step, first[1] + 60 * step), abs=0.01)
    expect_plane(page, "coronal", row, hu[::-1, row], second)
    expect_plane(page, "sagittal", column, hu[::-1, :, column], second)
    x, y = room_of(page, "Sagittal")
    drag(page, (x, y), (x - 90, y - 20))
    third = window_of(page, second)
    assert third == pytest.approx((second[0] - 20 * step, second[1] - 90 * step), abs=0.01)
    expect_plane(page, "coronal", row, hu[::-1, row], third)
    assert crosshairs(page) == (column, row)
    assert view_of(page, "sagittal") == (1, 0, 0)
    press_on(page, "coronal", 10.5 / COLUMNS, 9.5 / SLICES)  # a click crosses, and leaves the window
    expect_plane(page, "sagittal", 10, hu[::-1, :, 10], third)
    page.keyboard.press("s")  # the left button scrolls: over a plane it draws the crossing along
    expect(page.locator("[data-viewport]")).to_have_attribute("data-left-tool", "scroll")
    x, y = room_of(page, "Coronal")
    drag(page, (x - 20, y), (x, y))
    expect_plane(page, "sagittal", column, hu[::-1, :, column], third)
    read_case(page, 3)
    expect_saved(page)
    ((state,),) = product.rows("SELECT display_state FROM annotations_reading WHERE assignment_id = %s", assignment)
    assert (state["window_center"], state["window_width"]) == pytest.approx(third)
    page.context.close()


def test_fingers_window_pinch_and_move_a_plane(product: Product, browser: Browser, tmp_path: Path) -> None:
    hu = volume()
    furnish(product, "fingered", new_volume(tmp_path, hu, name="one"), readers=["fay"])
    tablet = {"viewport": {"width": 1024, "height": 768}, "has_touch": True, "is_mobile": True}
    page = open_room(browser, product.address, "fingered", "fay", **tablet)
    page.keyboard.press("y")
    row, column = ROWS // 2, COLUMNS // 2
    expect_plane(page, "coronal", row, hu[::-1, row])
    x, y = room_of(page, "Coronal")
    drag_fingers(page, ((x, y), (x + 60, y + 10)))
    window = window_of(page, (40, 400))
    assert window[1] > 400
    expect_plane(page, "sagittal", column, hu[::-1, :, column], window)
    zoom_of_slice = page.locator("[data-viewport]").get_attribute("data-zoom") or ""

    page.keyboard.press("s")  # a first finger that waits for a second lets nothing cross
    expect(page.locator("[data-viewport]")).to_have_attribute("data-left-tool", "scroll")
    drag_fingers(page, ((x - 10, y + 20), (x - 20, y + 20)), ((x + 30, y + 20), (x + 60, y + 20)))
    expect(page.locator('[data-plane="coronal"]')).to_have_attribute("data-zoom", re.compile("^(2|1.99)"))
    assert view_of(page, "coronal") == pytest.approx((2, 0, -20), abs=0.01)  # what each finger lay on is still there
    assert view_of(page, "sagittal") == (1, 0, 0)
    drag_fingers(page, *(((x + aside, y), (x + aside + 15, y - 25)) for aside in (-30, 0, 30)))
    expect(page.locator('[data-plane="coronal"]')).to_have_attribute("data-pan", re.compile("^15"))
    assert view_of(page, "coronal") == pytest.approx((2, 15, -45), abs=0.01)
    assert crosshairs(page) == (column, row)
    expect(page.locator("[data-viewport]")).to_have_attribute("data-zoom", zoom_of_slice)
    expect_plane(page, "coronal", row, hu[::-1, row], window)
    check(page, "planes-pinched")

    box = page.locator('[data-plane="sagittal"]').bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + 5.5 / ROWS * box["width"], box["y"] + 9.5 / SLICES * box["height"])
    expect_plane(page, "coronal", 5, hu[::-1, 5], window)
    assignment = read_case(page, 3)
    expect_saved(page)
    ((state,),) = product.rows("SELECT display_state FROM annotations_reading WHERE assignment_id = %s", assignment)
    assert (state["window_center"], state["window_width"]) == pytest.approx(window)
    assert state["planes"]["views"]["row"]["zoom"] == pytest.approx(2, abs=0.01)
    page.context.close()


def test_finding_is_marked_in_each_plane(product: Product, browser: Browser, tmp_path: Path) -> None:
    hu = volume()
    furnish(product, "marked", new_volume(tmp_path, hu, name="one"), readers=["fin"])
    page = open_room(browser, product.address, "marked", "fin")
    assignment = case_on_screen(page)
    page.keyboard.press("y")
    expect_plane(page, "coronal", ROWS // 2, hu[::-1, ROWS // 2])
    main, zoom = page.locator("[data-viewport]"), float(page.locator("[data-viewport]").get_attribute("data-zoom") or 0)
    box = main.bounding_box()
    assert box
    page.keyboard.press("f")  # in the slice: as without the planes
    expect(page.locator(".planes em")).to_have_count(2)
    across = (9 - (COLUMNS - 1) / 2) * zoom * 0.7 / 0.5  # columns are further apart than rows
    page.mouse.click(box["x"] + box["width"] / 2 + across, box["y"] + box["height"] / 2 - 12 * zoom)
    expect(page.locator('.panes-case [data-mark="1"]')).to_have_attribute("data-shape", "point")
    expect(page.locator(".planes em")).to_have_count(0)
    assert crosshairs(page) == (COLUMNS // 2, ROWS // 2)
    page.keyboard.press("f")
    press_on(page, "coronal", 30.5 / COLUMNS, 4.5 / SLICES)
    expect(main).to_have_attribute("data-slice-index", str(SLICES - 5))
    expect(page.locator('.panes-case [data-mark="2"]')).to_have_attribute("data-shape", "point")
    expect(page.locator('[aria-label="Coronal"] [data-plane-mark="2"]')).to_be_visible()
    check(page, "planes-marked")
    page.keyboard.press("m")
    expect(page.locator(".planes em").first).to_have_text("Measures are made in the slice.")
    page.keyboard.press("Escape")
    read_case(page, 3)
    expect_saved(page)
    found = product.rows(
        "SELECT slice_index, x, y, width FROM annotations_finding f JOIN annotations_reading r ON r.id = f.reading_id "
        "WHERE r.assignment_id = %s ORDER BY f.id",
        assignment,
    )
    (first, second) = found
    assert first[0] == (SLICES - 1) // 2
    assert first[1:3] == pytest.approx((9, (ROWS - 1) / 2 - 12), abs=1)
    assert second == (SLICES - 5, 30, ROWS // 2, None)
    page.context.close()
