"""Ultrasound: decibels and the law of speckle."""

import math

import pytest
import torch

from inference.mediqa.physics import ultrasound

from .shapes import seeded

GREY = torch.full((200, 200), 120.0)


def test_full_speckle_is_exponential_and_a_part_of_it_has_the_named_contrast():
    stats = pytest.importorskip("scipy.stats")
    intensity = ultrasound.speckle_intensity(torch.zeros(400, 400), seeded())
    assert intensity.std() == pytest.approx(1.0, rel=0.03)
    median = float(intensity.median())
    assert median == pytest.approx(stats.expon.median(), rel=0.03)
    part = 1 - 0.3 + 0.3 * intensity
    assert part.std() / part.mean() == pytest.approx(0.3, rel=0.03)


def test_fully_developed_speckle_has_one_deviation_in_decibels():
    """The logarithm of an exponential law: pi / sqrt(6) wide, its mean Euler's constant below that of the mean."""
    change = (ultrasound.with_speckle(GREY, 1.0, seeded(), 0, 240) - GREY) * ultrasound.DYNAMIC_RANGE_DB / 240
    of_nepers = 10 / math.log(10)
    assert change.std() == pytest.approx(of_nepers * math.pi / math.sqrt(6), rel=0.03)
    assert change.mean() == pytest.approx(-of_nepers * 0.5772, rel=0.03)


def test_gain_and_attenuation_move_grey_values_by_decibels_and_saturate():
    louder = ultrasound.with_gain(GREY, 6.0, 0, 240)
    assert louder.mean() == pytest.approx(120 + 6 * 240 / 60)
    assert ultrasound.with_gain(GREY, 50.0, 0, 240).max() == 240
    deep = ultrasound.with_attenuation(GREY, 20.0, 0, 240)
    assert deep[0].mean() == pytest.approx(120)
    assert deep[-1].mean() == pytest.approx(120 - 20 * 4)
    assert ultrasound.with_attenuation(GREY, 60.0, 0, 240).min() == 0


def test_a_shadow_hides_what_lies_behind_and_nothing_above():
    shadow = GREY - ultrasound.with_shadow(GREY, 12.0, seeded(1), 0, 240)
    assert shadow[0].max() < 1
    assert shadow[-1].max() == pytest.approx(12 * 4, rel=0.01)
    assert shadow[-1].min() < 0.01


def test_impossible_values_are_refused():
    with pytest.raises(ValueError, match="contrast"):
        ultrasound.with_speckle(GREY, 1.2, seeded(), 0, 240)
