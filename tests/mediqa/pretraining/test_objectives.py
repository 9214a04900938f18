"""The tasks of pre-training in closed form."""

import math

import pytest
import torch

from inference.mediqa.network import WholeJudgement
from inference.mediqa.pretraining import objectives


def test_one_copy_dominates_another_where_no_kind_is_worse():
    severities = torch.tensor([[0.0, 0.0], [0.5, 0.0], [0.5, 0.3], [0.0, 0.6]])
    better = objectives.dominance(severities, torch.tensor([0, 0, 0, 0]))
    assert better[0].tolist() == [0, 1, 1, 1]
    assert better[1].tolist() == [0, 0, 1, 0]  # against the fourth neither is surely better
    assert better[3].sum() == 0
    assert objectives.dominance(severities, torch.arange(4)).sum() == 0


def test_ranking_prefers_the_right_order():
    better = torch.tensor([[0.0, 1.0], [0.0, 0.0]])
    right, wrong = (objectives.ranking_loss(torch.tensor(values), better) for values in ([0.6, 0.4], [0.4, 0.6]))
    assert right < math.log(2) < wrong


def test_severities_of_a_ladder_are_ranked_the_other_way_round():
    severities = torch.tensor([[0.1, 0.0], [0.7, 0.0]])
    better = objectives.dominance(severities, torch.zeros(2))
    right = objectives.severity_ranking_loss(severities, severities, better)
    wrong = objectives.severity_ranking_loss(severities.flip(0), severities, better)
    assert right < math.log(2) < wrong


def test_the_first_losses_begin_the_running_means_and_later_ones_move_them_a_little():
    first = objectives.running_means({}, {"quality": torch.tensor(2.0)})
    assert first == {"quality": 2.0}
    later = objectives.running_means(first, {"quality": torch.tensor(1.0)})
    assert later == {"quality": pytest.approx(2.0 - objectives.MEMORY)}


def test_unknown_kinds_do_not_count():
    predicted, severities = torch.tensor([[0.0, 0.9]]), torch.zeros(1, 2)
    assert objectives.severity_loss(predicted, severities, torch.tensor([[True, False]])) == 0
    assert objectives.severity_loss(predicted, severities, torch.tensor([[True, True]])) > 0


def test_absent_header_parameters_do_not_count():
    headers = torch.tensor([[math.nan, 1.0]])
    assert objectives.header_loss(torch.tensor([[5.0, 1.0]]), headers) == 0
    assert objectives.header_loss(torch.tensor([[5.0, 1.0]]), torch.full((1, 2), math.nan)) == 0


def test_only_hidden_and_known_factors_are_asked_for():
    logits = (torch.tensor([[0.0, 4.0], [0.0, 4.0]]),)
    codes = torch.tensor([[1], [0]])
    asked = objectives.prompt_loss(logits, codes, torch.tensor([[True], [True]]))
    assert asked == pytest.approx(math.log(1 + math.exp(-4)), rel=1e-3)
    assert objectives.prompt_loss(logits, codes, torch.tensor([[False], [True]])) == 0


def test_contrast_draws_the_same_recipe_of_two_images_together():
    severities = torch.tensor([[0.5, 0.0], [0.5, 0.0], [0.0, 0.5], [0.0, 0.5]])
    image, modality = torch.tensor([0, 1, 0, 1]), torch.ones(4)
    by_recipe = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    by_content = by_recipe[[0, 2, 1, 3]]
    good, bad = (objectives.contrast_loss(one, severities, image, modality) for one in (by_recipe, by_content))
    assert good < bad
    assert objectives.contrast_loss(by_recipe, severities, torch.zeros(4), modality) == 0  # one image: no positives


def test_the_slice_as_a_whole_is_asked_for_severities_quality_and_structure():
    severities = torch.tensor([[0.0, 0.0], [0.5, 0.0], [0.9, 0.0]])
    quality = torch.tensor([1.0, 0.6, 0.2])
    targets = objectives.Targets(
        quality=quality, fidelity=quality, severities=severities, is_known=torch.ones(3, 2, dtype=torch.bool),
        headers=torch.full((3, 1), math.nan), image=torch.zeros(3), codes=torch.zeros(3, 4, dtype=torch.long),
        is_hidden=torch.zeros(3, 4, dtype=torch.bool),
    )  # fmt: skip
    right = WholeJudgement(quality=quality, fidelity=quality, severities=severities)
    assert tuple(objectives.whole_losses(right, targets)) == objectives.WHOLE_TASKS
    loss = lambda said, of=targets: objectives.total_loss(objectives.whole_losses(said, of))  # noqa: E731
    best = loss(right)
    wrong = {"quality": quality.flip(0), "fidelity": quality.flip(0), "severities": severities.flip(0)}
    for name, values in wrong.items():
        assert loss(right._replace(**{name: values})) > best + 0.05
    unknown = targets._replace(is_known=torch.tensor([[True, False]] * 3))
    elsewhere = right._replace(severities=severities + torch.tensor([0.0, 0.3]))
    torch.testing.assert_close(loss(elsewhere, unknown), best)
