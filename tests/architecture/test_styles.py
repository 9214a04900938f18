"""Style sheets know no left and right: a page that is read from right to left is laid out by the same sheets."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHEETS = [*(ROOT / "frontend/src").rglob("*.css"), *(ROOT / "mediqa_platform/static/platform").glob("*.css")]
# What lies over an image lies where the image is, which is never mirrored.
OVER_IMAGES = {"pane.css", "slicebar.css", "feedback.css", "marks.css"}
SIDED = re.compile(r"\b(?:margin|padding|border)-(?:left|right)\b|\b(?:text-align|float|clear): (?:left|right)\b")
PLACED = re.compile(r"(?<![\w-])(?:left|right):")
FOUR_SIDES = re.compile(r"(?:margin|padding): [^;\s]+ ([^;\s]+) [^;\s]+ ([^;\s]+);")


def test_sheets_are_found() -> None:
    assert len(SHEETS) > 10


def test_style_sheets_use_logical_sides() -> None:
    wrong = []
    for sheet in SHEETS:
        source = sheet.read_text("utf-8")
        found = SIDED.findall(source) + [both for both in FOUR_SIDES.findall(source) if both[0] != both[1]]
        found += [] if sheet.name in OVER_IMAGES else PLACED.findall(source)
        wrong += [(sheet.name, one) for one in found]
    assert wrong == []
