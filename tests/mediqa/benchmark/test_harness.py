import json
import math
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
import torch

from inference.mediqa.benchmark.baselines import (
    BrisqueLike,
    Constant,
    Frozen,
    KernelRidge,
    MeasuredProcess,
    MeasuredRidge,
    SignalToNoise,
    Tokens,
    chosen_methods,
    standard_methods,
)
from inference.mediqa.benchmark.harness import Result, Strange, leave_modalities_out, measure, run_methods
from inference.mediqa.benchmark.material import PRETRAINED
from inference.mediqa.benchmark.sets import make_splits
from inference.mediqa.benchmark.table import BenchmarkReport
from inference.mediqa.errors import FittingError
from inference.mediqa.heads.closed_form import ClosedFormHeads
from inference.mediqa.reading import Refused
from inference.mediqa.types import Prompt, Scale
from tests.mediqa.benchmark.conftest import made_material

SCALE = Scale(0.0, 4.0)


def by_name(results):
    return {result.method: result for result in results}


def run(material, methods, seed=0):
    splits = make_splits(material.groups, material.split, folds=3, seed=seed)
    return run_methods(methods, material, splits, seed=seed, report=lambda line: None)


METHODS = (
    Constant(), SignalToNoise(), BrisqueLike(), MeasuredRidge(), MeasuredProcess(),
    Frozen("pretrained", "", PRETRAINED, SCALE),
)  # fmt: skip


@pytest.fixture(scope="module")
def results():
    torch.set_num_threads(1)
    return by_name(run(made_material(), METHODS))


def test_every_method_that_looks_beats_the_one_that_does_not(results):
    assert math.isnan(results["constant"].summary("srocc").mean)
    for name in ("snr", "brisque-like", "handmade-ridge", "handmade-gp", "pretrained"):
        assert results[name].summary("srocc").mean > 0.5
        assert results[name].summary("rmse").mean < results["constant"].summary("rmse").mean


def test_the_same_seed_gives_the_same_numbers(material, results):
    again = by_name(run(material, METHODS[-2:]))
    for name, result in again.items():
        first = results[name].measures
        np.testing.assert_equal(
            {key: values for key, values in result.measures.items() if key != "seconds"},
            {key: values for key, values in first.items() if key != "seconds"},
        )


def test_sum_is_that_of_the_challenge(material):
    numbers = measure(METHODS[1].fit(material, 0)(material), material, seed=0)
    assert numbers["sum"] == pytest.approx(numbers["plcc"] + numbers["srocc"] + numbers["krocc"])


def test_classes_get_accuracy_and_kappa(material):
    classes = replace(material, target=np.rint(material.target))
    numbers = measure(METHODS[1].fit(classes, 0)(classes), classes, seed=0)
    assert 0 < numbers["accuracy"] <= 1
    assert numbers["kappa"] > 0.2
    assert "accuracy" not in measure(METHODS[1].fit(material, 0)(material), material, seed=0)


def test_only_methods_with_a_std_have_coverage_and_ause_of_their_own(results):
    assert not math.isnan(results["pretrained"].summary("ause").mean)
    assert results["snr"].summary("ause").splits == 0


def test_a_modality_left_out_is_told_by_its_prompt(material):
    splits = make_splits(material.groups, material.split, folds=2, seed=0)
    strange = leave_modalities_out(material, splits, SCALE, seed=0)
    assert set(strange.with_prompt) == {"CT", "MR"}
    assert np.mean(strange.with_prompt["CT"]) > 0.95
    assert np.mean(strange.by_embedding["CT"]) < 0.8  # the made-up embeddings do not know the modality


def test_the_report_reads_as_tables_and_as_json(material):
    report = BenchmarkReport(
        facts={"set": "made-up", "images": len(material)},
        results=run(material, METHODS[:2]),
        strange=None,
        physical={"CT": {"relative_dose": 0.9, "view_share": math.nan}},
        refused=[Refused("bad.png", "It can't be read.")],
    )
    text = "\n".join(report.lines())
    assert "| constant" in text
    assert "left out: bad.png: It can't be read." in text
    document = json.loads(json.dumps(report.to_document(), allow_nan=False))
    assert document["results"][1]["measures"]["srocc"]["mean"] > 0.5
    assert document["physical_correlation"]["CT"]["view_share"] is None


class Fails:
    """Raises on every split but the second."""

    name, about, is_costly = "fails", "", False

    def __init__(self, error):
        self.error, self.runs = error, 0

    def fit(self, train, seed):
        self.runs += 1
        if self.runs == 2:
            return SignalToNoise().fit(train, seed)
        raise self.error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            FittingError("7 images have a score; at least 8 are needed."),
            "7 images have a score; at least 8 are needed.",
        ),
        (RuntimeError("out of memory"), "RuntimeError: out of memory"),
    ],
)
def test_a_method_that_fails_keeps_back_no_other(material, error, reason):
    told = []
    splits = make_splits(material.groups, material.split, folds=3, seed=0)
    results = run_methods([Fails(error), Constant()], material, splits, seed=0, report=told.append)
    failed, constant = results
    assert f"split 1 of 3: fails, failed: {reason}" in told
    assert [math.isnan(value) for value in failed.measures["rmse"]] == [True, False, True]
    assert (failed.failures, constant.failures) == ([reason, reason], [])
    assert constant.summary("rmse").splits == 3
    report = BenchmarkReport({}, results, None, {}, [])
    assert f"failed: fails on 2 of 3 splits: {reason}" in report.lines()
    document = json.loads(json.dumps(report.to_document(), allow_nan=False))
    assert document["results"][0]["failures"] == [reason, reason]
    assert document["results"][0]["measures"]["rmse"]["splits"][0] is None
    joined = BenchmarkReport.joined([report, report])
    assert f"failed: fails on 4 of 6 splits: {reason}" in joined.lines()


def test_a_method_that_fails_throughout_has_a_row_of_dashes(material):
    splits = make_splits(material.groups, material.split, folds=3, seed=0, labels=3)
    results = run_methods([METHODS[-1], Constant()], material, splits, seed=0, report=lambda line: None)
    lines = BenchmarkReport({}, results, None, {}, []).lines()
    row = next(line for line in lines if line.startswith("| pretrained"))
    assert set(row.removeprefix("| pretrained")) == {" ", "|", "-"}
    assert "at least 8 are needed" in "".join(lines)


def test_a_measure_that_a_later_split_brings_keeps_its_place():
    result = Result("one", "")
    result.add({"rmse": 1.0}, {})
    result.add({"rmse": 2.0, "kappa": 0.5}, {"CT": 0.1})
    result.add({"rmse": 3.0}, {})
    np.testing.assert_equal(dict(result.measures), {"rmse": [1.0, 2.0, 3.0], "kappa": [math.nan, 0.5, math.nan]})


def test_a_frozen_encoder_is_trusted_less_on_images_that_are_strange_to_it(material, monkeypatch):
    judge = Frozen("pretrained", "", PRETRAINED, SCALE).fit(material, 0)
    judged = []
    for distance in (1.0, 3.0):
        far = np.full(len(material), distance, dtype=np.float32)
        monkeypatch.setattr(ClosedFormHeads, "distance", lambda *_, far=far: far)
        judged.append(judge(material))
    near, strange = judged
    np.testing.assert_array_equal(near.mean, strange.mean)
    assert (strange.std > near.std).all()


def test_the_token_head_is_a_method_too(material, predictor):
    from inference.mediqa.heads.finetuning import fit_heads
    from inference.mediqa.heads.fitting import FitConfig

    prior = fit_heads(
        material.features[PRETRAINED], {"quality": material.target}, {"quality": SCALE}, config=FitConfig(epochs=2)
    )
    judged = Tokens(SCALE, prior).fit(material, 0)(material)
    assert judged.mean.shape == (len(material),)
    assert judged.std is not None


def test_kernel_ridge_has_the_leave_one_out_error_of_fitting_without_each():
    rng = np.random.default_rng(0)
    points, target = rng.normal(size=(12, 3)), rng.normal(size=12)
    target = target - target.mean()

    def kernel(first, second):
        return first @ second.T + 0.1 * (first[:, None] == second[None]).all(-1)

    fitted = KernelRidge.fit(kernel, points, target, np.array([0.5]))
    left_out = []
    for row in range(12):
        rest = np.arange(12) != row
        weights = np.linalg.solve(kernel(points[rest], points[rest]) + 0.5 * np.eye(11), target[rest])
        left_out.append(target[row] - kernel(points[[row]], points[rest])[0] @ weights)
    assert fitted.held_out_error == pytest.approx(np.mean(np.square(left_out)))


def test_costly_methods_run_only_where_they_are_asked_for(predictor):
    methods = standard_methods(predictor, SCALE)
    names = [method.name for method in chosen_methods(methods, ["fine-tune"], ["snr"])]
    assert "fine-tune" in names
    assert "pretrained-token" not in names
    assert "snr" not in names
    with pytest.raises(ValueError, match="No method magic"):
        chosen_methods(methods, ["magic"], [])


def test_unknown_modalities_are_not_left_out():
    material = replace(made_material(), prompts=(Prompt(),) * 60)
    splits = make_splits(material.groups, material.split, folds=2, seed=0)
    assert leave_modalities_out(material, splits, SCALE, seed=0).with_prompt == {}


def test_draws_are_joined_number_by_number():
    def draw(seed: int, r: float, refused: str) -> BenchmarkReport:
        result = Result("one", "", defaultdict(list, srocc=[r, r]), defaultdict(list, CT=[r]))
        strange = Strange({"CT": [r]}, {"CT": [r / 2]} if seed else {})
        physical = {"CT": {"relative_dose": r, "view_share": math.nan if seed else r}}
        return BenchmarkReport({"seed": seed, "images": 8}, [result], strange, physical, [Refused(refused, "")])

    report = BenchmarkReport.joined([draw(0, 0.2, "a"), draw(1, 0.6, "b"), draw(2, 0.7, "b")])
    assert report.facts == {"draws": 3, "seed": "0; 1; 2", "images": 8}
    assert report.results[0].measures["srocc"] == [0.2, 0.2, 0.6, 0.6, 0.7, 0.7]
    assert report.results[0].modalities["CT"] == [0.2, 0.6, 0.7]
    assert report.strange.with_prompt["CT"] == [0.2, 0.6, 0.7]
    assert report.strange.by_embedding["CT"] == [0.3, 0.35]
    assert report.physical["CT"] == {"relative_dose": pytest.approx(0.5), "view_share": 0.2}
    assert [one.name for one in report.refused] == ["a", "b"]
