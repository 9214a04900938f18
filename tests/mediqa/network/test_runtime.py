import logging

import numpy as np
import pytest
import torch

from inference.mediqa.network import Network
from inference.mediqa.network.profiles import NetworkConfig
from inference.mediqa.network.runtime import TOLERANCE, OnnxRuntime, TorchRuntime, choose_runtime, largest_difference
from inference.mediqa.predictor import SHIPPED_GRAPH, Predictor
from inference.mediqa.pretraining.export import export_encoder
from inference.mediqa.simulation.copies import image_of

CPU = torch.device("cpu")


def difference(first, second, model: Predictor) -> float:
    return largest_difference(first, second, model.config.preprocessing)


@pytest.fixture(scope="module")
def small() -> Predictor:
    """A network of random weights around the shipped prior: enough to be exported."""
    torch.manual_seed(5)
    shipped = Predictor.load(device="cpu")
    return Predictor(Network(NetworkConfig(crops=1)), shipped.prior, shipped.ood, device="cpu")


def test_the_shipped_model_runs_in_onnx_runtime_on_a_cpu(predictor):
    assert predictor.runtime.name == "onnxruntime"


def test_the_shipped_graph_says_what_the_shipped_network_says(predictor):
    assert difference(TorchRuntime(predictor.network, CPU), predictor.runtime, predictor) <= TOLERANCE


def test_heads_that_were_fitted_on_the_shipped_encoder_keep_its_graph(predictor):
    again = Predictor.load_bytes(*predictor.to_bytes(), device="cpu")
    assert again.runtime.name == "onnxruntime"


def test_both_runtimes_give_the_same_features_whatever_the_batch(predictor, held_out_slices):
    images = [predictor.prepare(image_of(item, item.pixels)) for item in held_out_slices]
    in_torch = TorchRuntime(predictor.network, CPU)
    theirs = Predictor(predictor.network, predictor.prior, predictor.ood, device="cpu", runtime=in_torch)
    for one, image in zip(predictor.encode_prepared(images), images, strict=True):
        (alone,) = theirs.encode_prepared([image])
        np.testing.assert_allclose(one.embedding, alone.embedding, atol=TOLERANCE)


def test_an_exported_graph_is_found_beside_its_checkpoint(small, tmp_path):
    small.save(tmp_path / "own.safetensors")
    export_encoder(small, tmp_path / "own.onnx")
    assert Predictor.load(tmp_path / "own.safetensors", device="cpu").runtime.name == "onnxruntime"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own.json", "own.onnx", "own.safetensors"]


def test_a_graph_of_another_network_is_not_even_tried(small, caplog):
    with caplog.at_level(logging.WARNING):
        assert choose_runtime(small.network, CPU, small.features_version, [SHIPPED_GRAPH]).name == "torch"
    assert caplog.text == ""


def test_a_graph_that_says_something_else_is_told_and_not_used(small, tmp_path, caplog):
    path = export_encoder(small, tmp_path / "own.onnx")
    other = Network(small.config).eval()
    with caplog.at_level(logging.WARNING):
        chosen = choose_runtime(other, CPU, small.features_version, [path])
    assert chosen.name == "torch"
    assert "differs from its network" in caplog.text


def test_a_damaged_graph_costs_speed_only(small, tmp_path, caplog):
    path = tmp_path / "own.onnx"
    path.write_bytes(SHIPPED_GRAPH.read_bytes()[:5000])
    with caplog.at_level(logging.WARNING):
        chosen = choose_runtime(small.network, CPU, small.features_version, [path, tmp_path / "missing.onnx"])
    assert chosen.name == "torch"
    assert "can't be used" in caplog.text


@pytest.mark.parametrize("count", [1, 3, 20])
def test_a_graph_takes_any_number_of_slices(small, tmp_path, count):
    graph = OnnxRuntime(export_encoder(small, tmp_path / "own.onnx").read_bytes())
    tiles, codes = torch.rand(count, 2, small.config.views, 128, 128), torch.ones(count, 4, dtype=torch.long)
    expected = TorchRuntime(small.network, CPU).encode_slices(tiles, codes)
    torch.testing.assert_close(graph.encode_slices(tiles, codes), expected, atol=TOLERANCE, rtol=0)
