import math

import numpy as np
import pytest
import torch

from inference.mediqa import Predictor, Prompt
from inference.mediqa.network import Network
from inference.mediqa.network.classifier import SURE, classify
from inference.mediqa.network.profiles import NetworkConfig
from inference.mediqa.prompt import CLASSIFIER, MODALITIES, VOCABULARY, completed_prompt
from inference.mediqa.simulation.evaluation import prompt_accuracy, prompt_lines
from inference.mediqa.types import ImageArray

CT, MR = MODALITIES.index("CT"), MODALITIES.index("MR")


def network_that_says(modality: int, chance: float) -> Network:
    """A network whose classifier of modalities is this sure whatever it sees; of other factors it knows nothing."""
    network = Network().eval()
    for head in network.factors:
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.zeros_(head.bias)
    others = len(MODALITIES) - 2  # without "unknown", which is no answer
    network.factors[1].bias.data[modality] = math.log(chance * others / (1 - chance))
    return network


def classified(network: Network, *codes: int):
    with torch.inference_mode():
        return classify(network, torch.randn(2, 64, 96), torch.tensor(codes))


@pytest.fixture
def headless() -> ImageArray:
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 160, 160)).astype(np.float32)
    return ImageArray(pixels=pixels, prompt=Prompt("2D"))


@pytest.fixture
def predictor_that_says_mr() -> Predictor:
    predictor = Predictor.load(device="cpu")
    predictor.network.factors = network_that_says(MR, 0.97).factors
    return predictor


def test_an_unknown_factor_is_filled_where_the_classifier_is_sure():
    codes, confidence = classified(network_that_says(MR, 0.95), 1, 0, 0, 0)
    assert codes.tolist() == [1, MR, 0, 0]
    assert confidence.tolist() == pytest.approx([1.0, 0.95, 0.0, 0.0], abs=1e-5)


def test_a_factor_stays_unknown_where_it_is_not():
    codes, confidence = classified(network_that_says(MR, SURE - 0.02), 1, 0, 0, 0)
    assert codes.tolist() == [1, 0, 0, 0]
    assert confidence.tolist() == [1.0, 0.0, 0.0, 0.0]


def test_what_was_said_is_never_overruled():
    codes, confidence = classified(network_that_says(MR, 0.999), 1, CT, 2, 3)
    assert codes.tolist() == [1, CT, 2, 3]
    assert confidence.tolist() == [1.0] * 4


def test_unknown_is_no_answer_of_the_classifier():
    network = network_that_says(MR, 0.95)
    network.factors[1].bias.data[0] = 50.0
    assert classified(network, 1, 0, 0, 0)[0].tolist() == [1, MR, 0, 0]


def test_a_completed_prompt_says_where_each_word_is_from():
    told = Prompt("2D", "unknown", "chest", "unknown")
    origins = {"dimension": "dicom", "modality": "unknown", "region": "override", "image_type": "unknown"}
    prompt, provenance = completed_prompt(told, origins, (1, MR, 5, 0))
    assert prompt == Prompt("2D", "MR", "chest", "unknown")
    assert provenance == origins | {"modality": CLASSIFIER}


def test_an_image_without_a_header_is_encoded_under_the_prompt_that_was_found(predictor_that_says_mr, headless):
    (found,) = predictor_that_says_mr.encode([headless])
    (told,) = predictor_that_says_mr.encode([ImageArray(pixels=headless.pixels, prompt=Prompt("2D", "MR"))])
    assert found.prompt_codes.tolist() == told.prompt_codes.tolist() == [1, MR, 0, 0]
    assert found.prompt_confidence.tolist() == pytest.approx([1, 0.97, 0, 0], abs=1e-3)
    assert told.prompt_confidence.tolist() == [1, 1, 0, 0]
    np.testing.assert_array_equal(found.tokens, told.tokens)


def test_the_physics_that_is_named_is_that_of_the_modality_found(predictor_that_says_mr, headless):
    features = predictor_that_says_mr.encode([headless])
    (scored,) = predictor_that_says_mr.score(features, prompts=[headless.prompt], scales={})
    (as_mr,) = predictor_that_says_mr.score(features, prompts=[Prompt("2D", "MR")], scales={})
    assert scored.physical == as_mr.physical
    assert "kspace_share" in scored.physical


def test_the_classifier_is_judged_on_what_the_headers_say(predictor_that_says_mr, held_out_slices):
    found = prompt_accuracy(predictor_that_says_mr, held_out_slices)
    are_mr = [item.prompt.modality == "MR" for item in held_out_slices]
    assert found["modality"] == {"images": 5.0, "sure": 1.0, "right": pytest.approx(np.mean(are_mr))}
    assert found["region"]["sure"] == 0
    assert prompt_lines(found)[1] == "prompt modality: sure in 100% of 5 images, right in 40% of these"


def test_every_factor_has_a_classifier():
    assert [head.out_features for head in Network().factors] == [len(words) for words in VOCABULARY.values()]


def test_a_network_of_the_first_generation_leaves_unknown_factors_unknown():
    network = Network(NetworkConfig(encoder="residual", generation=1)).eval()
    codes, confidence = classified(network, 1, 0, 0, 0)
    assert codes.tolist() == [1, 0, 0, 0]
    assert confidence.tolist() == [1.0, 0.0, 0.0, 0.0]
