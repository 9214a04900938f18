import numpy as np
import pytest

from inference.mediqa import Predictor
from inference.mediqa.heads import choosing
from inference.mediqa.heads.choosing import ScoredImages, fit_chosen
from inference.mediqa.heads.closed_form import ClosedFormHeads
from inference.mediqa.heads.fitting import FitConfig
from inference.mediqa.heads.token_heads import HeadEnsemble
from inference.mediqa.types import Prompt, Scale
from tests.mediqa.conftest import random_features

from .test_finetuning import known_function

QUICK = FitConfig(epochs=3, members=2, hidden=4)


def images(count: int = 40) -> ScoredImages:
    features = random_features(count)
    return ScoredImages(
        features,
        [Prompt("2D", "CT")] * count,
        {"noise": known_function(features)},
        {"noise": Scale(1, 5)},
        [f"patient {index // 4}" for index in range(count)],
    )


def test_few_scores_get_the_closed_form_and_the_reason_says_how_few():
    heads, choice = fit_chosen(images(), config=QUICK)
    assert isinstance(heads, ClosedFormHeads)
    assert choice.to_document() == {
        "head": "closed_form",
        "reason": "40 images have scores; the token head is tried from 800.",
        "held_out_error": {},
    }


@pytest.mark.parametrize(("head", "kind"), [("token", HeadEnsemble), ("closed_form", ClosedFormHeads)])
def test_a_run_may_ask_for_one_head(head, kind):
    heads, choice = fit_chosen(images(), config=FitConfig(epochs=2, members=2, hidden=4, head=head))
    assert isinstance(heads, kind)
    assert choice.head == head


def test_with_many_scores_the_head_with_less_held_out_error_is_taken(monkeypatch):
    monkeypatch.setattr(choosing, "TOKEN_FROM", 30)
    told: list[str] = []
    heads, choice = fit_chosen(images(), config=QUICK, on_progress=lambda phase, *_: told.append(phase))
    assert set(choice.errors) == {"closed_form", "token"}
    assert choice.head == min(choice.errors, key=lambda head: choice.errors[head])
    assert heads.kind == choice.head
    assert "closed form" in choice.reason
    assert list(dict.fromkeys(told)) == [
        *(f"{head} head, trial {number} of 3" for head in ("closed_form", "token") for number in (1, 2, 3)), "fit",
    ]  # fmt: skip


def test_the_comparison_holds_out_whole_groups(monkeypatch):
    monkeypatch.setattr(choosing, "TOKEN_FROM", 30)
    seen: list[tuple[set[str], set[str]]] = []
    usual = choosing._errors

    def spy(heads, held):
        seen.append(set(held.groups))
        return usual(heads, held)

    monkeypatch.setattr(choosing, "_errors", spy)
    fit_chosen(images(), config=QUICK)
    assert len(seen) == 6
    assert not seen[0] & seen[1]
    assert not seen[1] & seen[2]


def test_an_unknown_head_is_refused():
    with pytest.raises(ValueError, match="head is one of"):
        fit_chosen(images(), config=FitConfig(head="magic"))


def test_a_model_with_closed_form_heads_survives_a_round_trip(predictor, ct_slice):
    from inference.mediqa.simulation.copies import degraded_copies, image_of_copy

    copies = degraded_copies(ct_slice, 12, np.random.default_rng(0))
    features = predictor.encode([image_of_copy(ct_slice, copy) for copy in copies])
    prompts = [ct_slice.prompt] * len(features)
    scored = ScoredImages(features, prompts, {"overall": np.arange(12) / 3}, {"overall": Scale(0, 4)})
    heads, _ = fit_chosen(scored, config=QUICK, initial=predictor.prior)
    model = predictor.with_heads(heads)
    again = Predictor.load_bytes(*model.to_bytes(), device="cpu")
    first, second = (one.score(features, prompts=prompts, scales=scored.scales) for one in (model, again))
    assert [one.scores for one in first] == [one.scores for one in second]
    assert not first[0].scores["overall"].is_prior
    assert [one.ood_distance for one in first] == [one.ood_distance for one in second]


def test_heads_of_checkpoints_from_before_there_were_two_kinds_still_load(predictor):
    features = predictor.encode([])
    assert features == []
    tensors, document = predictor.prior.to_checkpoint()
    del document["kind"]
    assert isinstance(HeadEnsemble.from_checkpoint(tensors, document), HeadEnsemble)
