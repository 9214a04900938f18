"""The report in JSON, and the gate."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from annotations.models import Criterion
from inference.mediqa.types import CriterionScore, Scored
from inference.services.evaluation import Comparison, compare, gate

TARGET = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 2.0, 1.0])


def scored(values, std=0.5):
    return [
        Scored(
            scores={
                "overall": CriterionScore(
                    quality=float(value),
                    epistemic_std=std,
                    aleatoric_std=std,
                    lower=max(0.0, value - 1),
                    upper=min(4.0, value + 1),
                    is_prior=False,
                )
            },
            slice_weights=np.ones(1, dtype=np.float32),
            patch_weights=np.ones((1, 16), dtype=np.float32) / 16,
            physical={},
            ood_distance=0.5,
        )
        for value in values
    ]


def comparison(old, new, target=TARGET, patients=None) -> Comparison:
    criterion = Criterion(key="overall", question="How good?", minimum=0, maximum=4)
    patients = [f"patient {index}" for index in range(len(target))] if patients is None else patients
    return Comparison(scored(old), scored(new), {"overall": target}, patients, [criterion], seed=0)


def test_a_better_candidate_passes_with_its_figures():
    result = gate(comparison(old=TARGET + 1, new=TARGET + 0.5))
    assert result["passed"] is True
    assert (result["old"], result["new"]) == (pytest.approx(0.25), pytest.approx(0.125))
    assert "smaller than production's 0.250" in result["reason"]


def test_an_equal_candidate_passes():
    assert gate(comparison(old=TARGET + 1, new=TARGET - 1))["passed"] is True


def test_a_worse_candidate_fails_and_it_is_said_by_how_much():
    result = gate(comparison(old=TARGET, new=TARGET + 0.4))
    assert result["passed"] is False
    assert result["reason"] == "Error 0.100, larger than production's 0.000, on 7 test images."


def test_what_cannot_be_measured_does_not_pass():
    result = gate(comparison(old=TARGET, new=TARGET, target=np.full(7, math.nan)))
    assert result["passed"] is False
    assert "cannot be measured" in result["reason"]


def test_the_error_on_random_images_is_told_beside_the_gate_and_does_not_decide_it():
    is_random = [True, True, False, False, False, False, True]
    new = TARGET + np.where(is_random, 0.0, 2.0)
    report = compare(replace(comparison(old=TARGET + 1, new=new), is_random=is_random))
    assert report["at_random"] == {"images": 3, "old": pytest.approx(0.25), "new": 0.0}
    assert (report["gate"]["images"], report["gate"]["passed"]) == (7, False)


def test_where_no_test_image_was_drawn_at_random_there_is_no_error_on_them():
    assert compare(comparison(old=TARGET + 1, new=TARGET))["at_random"] == {"images": 0, "old": None, "new": None}


def test_the_report_is_json_without_nan_also_where_figures_do_not_exist():
    report = compare(comparison(old=np.full(7, 2.0), new=TARGET))
    text = json.dumps(report, allow_nan=False)
    metrics = json.loads(text)["criteria"]["overall"]["metrics"]
    assert set(metrics) == {"plcc", "srocc", "krocc", "rmse", "mae"}
    assert metrics["plcc"]["old"]["value"] is None  # a constant has no correlation
    assert metrics["plcc"]["new"]["value"] == pytest.approx(1)
    assert metrics["rmse"]["difference"]["value"] == pytest.approx(-math.sqrt(np.mean((TARGET - 2) ** 2)))
    assert metrics["rmse"]["difference"]["probability_worse"] < 0.05


def test_images_without_a_consensus_on_a_criterion_are_left_out_of_it():
    target = TARGET.copy()
    target[:2] = math.nan
    report = compare(comparison(old=TARGET, new=TARGET, target=target))
    assert report["criteria"]["overall"]["test_images"] == 5
    assert len(report["criteria"]["overall"]["scatter"]) == 5


def test_no_point_names_its_image():
    report = compare(comparison(old=TARGET + 1, new=TARGET))
    points = report["criteria"]["overall"]["scatter"]
    assert set(points[0]) == {"consensus", "old", "new", "new_lower", "new_upper"}
    assert [point["consensus"] for point in points] == sorted(TARGET)


def test_the_calibration_says_how_often_the_interval_holds():
    report = compare(comparison(old=TARGET, new=TARGET))
    curve = report["criteria"]["overall"]["calibration"]["new"]
    assert all(point["observed"] == 1.0 for point in curve)
    assert [point["nominal"] for point in curve] == sorted(point["nominal"] for point in curve)


def test_intervals_are_drawn_from_patients_and_not_from_images():
    rng = np.random.default_rng(0)
    error = np.repeat(rng.normal(0, 1, 8), 6)  # six images of each of eight patients, which err alike
    target = np.tile([0.0, 1.0, 2.0, 3.0], 12)
    patients = [f"patient {index // 6}" for index in range(48)]
    one_each = compare(comparison(old=target + error, new=target, target=target))
    grouped = compare(comparison(old=target + error, new=target, target=target, patients=patients))

    def width(report):
        rmse = report["criteria"]["overall"]["metrics"]["rmse"]["old"]
        return rmse["upper"] - rmse["lower"]

    assert width(grouped) > 1.5 * width(one_each)  # the variance of a mean over clusters of 6 that err alike is 6 fold
    assert grouped["criteria"]["overall"]["test_patients"] == 8


def test_two_patients_give_figures_without_an_interval():
    patients = ["a", "a", "a", "a", "b", "b", "b"]
    rmse = compare(comparison(old=TARGET + 1, new=TARGET, patients=patients))["criteria"]["overall"]["metrics"]["rmse"]
    assert rmse["old"] == {"value": pytest.approx(1.0), "lower": None, "upper": None}
    assert rmse["difference"]["probability_worse"] is None
