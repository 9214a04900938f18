"""How likely each level is: the same that the interval says, and nothing where the scale is long."""

from statistics import NormalDist

import pytest

from annotations.models import Criterion
from inference.models import CriterionPrediction
from inference.services.levels import level_chances

LIKERT = Criterion(
    minimum=0, maximum=4, step=1, anchors=[{"value": 0, "text": "Useless"}, {"value": 4, "text": "Fine"}]
)


def said(
    quality: float, lower: float, upper: float, criterion: Criterion = LIKERT, std: float = 0.0
) -> CriterionPrediction:
    return CriterionPrediction(
        criterion=criterion, quality=quality, lower=lower, upper=upper, epistemic_std=std, aleatoric_std=0.0
    )


def test_levels_come_in_order_with_their_texts_and_add_up_to_one():
    found = level_chances(said(2.6, 1.6, 3.6))
    assert [(one.value, one.text) for one in found] == [(0, "Useless"), (1, ""), (2, ""), (3, ""), (4, "Fine")]
    assert sum(one.probability for one in found) == pytest.approx(1)
    assert max(found, key=lambda one: one.probability).value == 3


def test_a_level_that_spans_the_interval_has_its_ninety_per_cent():
    found = level_chances(said(2.0, 1.5, 2.5))
    assert found[2].probability == pytest.approx(0.9)
    assert found[1].probability == pytest.approx(0.05, abs=1e-6)


def test_an_interval_that_the_scale_cuts_counts_by_its_other_end():
    found = level_chances(said(4.0, 3.5, 4.0))
    assert found[4].probability == pytest.approx(0.95)


def test_an_interval_that_the_scale_cuts_at_both_ends_is_no_surer_than_the_model():
    found = level_chances(said(2.0, 0.0, 4.0, std=4.0))
    outer = NormalDist().cdf(-1.5 / 4)
    assert [found[0].probability, found[4].probability] == pytest.approx([outer, outer])


def test_an_interval_without_width_is_sure():
    assert [one.probability for one in level_chances(said(1.0, 1.0, 1.0))] == [0, 1, 0, 0, 0]


def test_levels_by_tenths_have_their_texts():
    """0.1 * 3 is 0.30000000000000004, and a text belongs to 0.3."""
    tenths = Criterion(minimum=0, maximum=1, step=0.1, anchors=[{"value": 0.3, "text": "Poor"}])
    assert [(one.value, one.text) for one in level_chances(said(0.5, 0.4, 0.6, tenths))][2:5] == [
        (0.2, ""), (0.3, "Poor"), (0.4, "")
    ]  # fmt: skip


def test_a_long_scale_has_no_table_of_levels():
    assert level_chances(said(50, 40, 60, Criterion(minimum=0, maximum=100, step=1))) == []
