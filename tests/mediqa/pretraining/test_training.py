"""The pre-training as a whole, and its command."""

from pathlib import Path

import pytest
import torch
from pydicom.data import get_testdata_file
from transformers import Dinov2Config, Dinov2Model

from inference.mediqa import Predictor
from inference.mediqa.__main__ import main
from inference.mediqa.network import Network
from inference.mediqa.network.profiles import NetworkConfig
from inference.mediqa.pretraining.pool import build_pool
from inference.mediqa.pretraining.prior import PULLS, fit_prior
from inference.mediqa.simulation.evaluation import evaluate_predictor
from tests.mediqa.pretraining.slices import item


def test_a_folder_that_is_not_there_is_named(tmp_path, capsys):
    assert main(["pretrain", str(tmp_path / "gone"), "--output", str(tmp_path / "x")]) == 2
    assert "is no folder" in capsys.readouterr().err


def test_the_command_trains_evaluates_and_repeats(folders, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("inference.mediqa.pretraining.patches.NORMALISATION_STEPS", 2)
    digests = []
    for name in ("one", "two"):
        arguments = ["pretrain", str(folders), "--output", str(tmp_path / name), "--steps", "1", "--threads", "1"]
        options = ["--hold-out", "second", "--volumes", "20", "--copies", "4", "--generated", "0"]
        assert main([*arguments, *options]) == 0
        digests.append(Predictor.load(tmp_path / name).sha256)
    text = capsys.readouterr().out
    assert "SROCC" in text
    assert "prompt modality: sure in" in text
    assert digests[0] == digests[1]
    assert Predictor.load(tmp_path / "one", device="cpu").runtime.name == "onnxruntime"
    training = Predictor.load(tmp_path / "one").training
    assert (training["sources"], training["held_out"]) == (["first"], ["second"])
    assert str(tmp_path) not in str(training)
    assert main(["evaluate", str(folders), "--checkpoint", str(tmp_path / "one"), "--only", "second"]) == 0
    text = capsys.readouterr().out
    assert "PLCC" in text
    assert "prompt modality: sure in" in text


def test_settings_of_the_prior_are_chosen_on_sources_that_are_neither_trained_on_nor_held_out(
    folders, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("inference.mediqa.pretraining.patches.NORMALISATION_STEPS", 2)
    (folders / "third").mkdir()
    (folders / "third" / "one.dcm").write_bytes(
        Path(str(get_testdata_file("MR-SIEMENS-DICOM-WithOverlays.dcm"))).read_bytes()
    )
    arguments = ["pretrain", str(folders), "--output", str(tmp_path / "x"), "--steps", "1", "--threads", "1"]
    options = ["--hold-out", "second", "--develop", "third", "--volumes", "20", "--copies", "4", "--generated", "0"]
    assert main([*arguments, *options, "--variants", "1"]) == 0
    training = Predictor.load(tmp_path / "x").training
    assert (training["sources"], training["development"], training["held_out"]) == (["first"], ["third"], ["second"])
    assert "--variants 1" in training["command"]
    assert training["command"].endswith("--hold-out second --develop third")
    assert training["slices"] == 4  # two real slices of two modalities, and a variant of each


def test_the_pull_that_orders_development_images_best_is_taken():
    slices = [item(name, seed=seed) for seed, name in enumerate("ab")]
    shape = NetworkConfig(tile=32, window=2, pooled_grid=2)
    pool = build_pool(slices, 4, shape, seed=0, crops=3)
    torch.manual_seed(0)
    network = Network(shape).eval()
    said: list[str] = []
    chosen = fit_prior(network, pool, volumes=30, seed=0, report=said.append, development=[item("c", seed=5)])
    tried = [line.split() for line in said if line.startswith("prior with pull")]
    assert [float(words[3].rstrip(":")) for words in tried] == list(PULLS)
    orders = [float(words[5].rstrip(",")) + float(words[7]) for words in tried]
    assert len(chosen.ood.mean) == 2 * network.config.channels  # of the patches
    reached = evaluate_predictor(chosen, [item("c", seed=5)], seed=0)
    assert reached.srocc.value + reached.within == pytest.approx(max(orders), abs=2e-3)


def test_a_foreign_encoder_is_trained_under_our_attention(folders, tmp_path, capsys, monkeypatch):
    shape = Dinov2Config(hidden_size=24, num_hidden_layers=1, num_attention_heads=2, patch_size=14, image_size=56)
    Dinov2Model(shape).save_pretrained(tmp_path / "dino")
    arguments = ["pretrain", str(folders), "--output", str(tmp_path / "x"), "--steps", "1", "--threads", "1"]
    options = ["--hold-out", "second", "--volumes", "20", "--copies", "4", "--generated", "0", "--profile", "external"]
    assert main([*arguments, *options]) == 2
    assert "--external-model FOLDER" in capsys.readouterr().err
    with monkeypatch.context() as patch:
        patch.setattr("inference.mediqa.cli.pretrain.find_spec", lambda name: None)
        assert main([*arguments, *options, "--external-model", str(tmp_path / "dino")]) == 2
    assert "pip install 'mediqa-platform[external]'" in capsys.readouterr().err
    assert main([*arguments, *options, "--external-model", str(tmp_path / "dino")]) == 0
    loaded = Predictor.load(tmp_path / "x")
    assert loaded.config.encoder == "external"
    assert "--profile external" in loaded.training["command"]
    assert str(tmp_path) not in str(loaded.training)


def test_nothing_to_train_on_is_said(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["pretrain", str(tmp_path / "empty"), "--output", str(tmp_path / "x")]) == 2
    assert "No image" in capsys.readouterr().err
