"""Lays pictures and words out on one sheet, dark as a reading room is."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from inference.mediqa.types import DoubleArray, FloatArray

Picture = PillowImage.Image
GAP, LINE, TITLE_SIZE, WORDS_SIZE = 14, 22, 19, 15  # pixels
BACKGROUND, WORDS, TITLE = (14, 14, 16), (196, 196, 200), (250, 250, 250)
WARM = (255, 144, 0)
OPACITY = 0.9  # at a share of 1; at 0 nothing is drawn
STEEPNESS = 1.5  # of the opacity: what counts hardly more than the least stays grey
GLOW = 0.5  # how bright a colour is where the picture is black; where it is white, all of it: the image stays visible
BAR = (180, 10)


def grey_picture(shares: FloatArray, size: tuple[int, int]) -> Picture:
    """Return 0..1 [rows, columns] as a picture of (width, height)."""
    picture = PillowImage.fromarray(np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8))
    return picture.resize(size, PillowImage.Resampling.BILINEAR).convert("RGB")  # others ring


def warmed(picture: Picture, share: DoubleArray) -> Picture:
    """Return the picture with a warm colour over it, the more the larger the share, 0..1 [height, width]."""
    grey, opacity = np.asarray(picture, dtype=float), OPACITY * share[..., None] ** STEEPNESS
    mixed = grey * (1 - opacity) + np.array(WARM) * (GLOW + (1 - GLOW) * grey / 255) * opacity
    return PillowImage.fromarray(np.rint(mixed).astype(np.uint8))


def bar() -> Picture:
    """Return the colours over grey, from 0 to 1."""
    width, height = BAR
    return warmed(PillowImage.new("RGB", BAR, (128, 128, 128)), np.tile(np.linspace(0, 1, width), (height, 1)))


def words(line: str, width: int | None = None, *, is_title: bool = False) -> Picture:
    """Return a line of text; what does not fit the width is left out at its end."""
    font = ImageFont.load_default(TITLE_SIZE if is_title else WORDS_SIZE)
    text = _fitted(_shown(line), font, width)
    picture = blank(max(1, int(np.ceil(font.getlength(text)))), LINE)
    ImageDraw.Draw(picture).text((0, LINE / 2), text, TITLE if is_title else WORDS, font, anchor="lm")
    return picture


def _shown(line: str) -> str:
    """Return what the font that comes with Pillow has: letters without their marks, and "?" for all else."""
    letters = (one for one in unicodedata.normalize("NFKD", line) if not unicodedata.combining(one))
    return "".join(one if one.isascii() and one.isprintable() else "?" for one in letters)


def _fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int | None) -> str:
    if width is None or font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text} ...") > width:
        text = text[:-1]
    return f"{text} ..."


def blank(width: int, height: int) -> Picture:
    """Return nothing, so wide and high."""
    return PillowImage.new("RGB", (width, height), BACKGROUND)


def beside(pictures: Sequence[Picture]) -> Picture:
    """Return the pictures in a row, with gaps."""
    width = sum(one.width for one in pictures) + GAP * (len(pictures) - 1)
    sheet, left = blank(width, max(one.height for one in pictures)), 0
    for one in pictures:
        sheet.paste(one, (left, (sheet.height - one.height) // 2))
        left += one.width + GAP
    return sheet


def below(pictures: Sequence[Picture], gap: int = GAP) -> Picture:
    """Return the pictures below each other."""
    height = sum(one.height for one in pictures) + gap * (len(pictures) - 1)
    sheet, top = blank(max(one.width for one in pictures), height), 0
    for one in pictures:
        sheet.paste(one, (0, top))
        top += one.height + gap
    return sheet


def framed(picture: Picture) -> Picture:
    """Return the picture with a margin."""
    sheet = blank(picture.width + 2 * GAP, picture.height + 2 * GAP)
    sheet.paste(picture, (GAP, GAP))
    return sheet
