import hashlib
import json
import pickle

import numpy as np
import pytest

from inference.mediqa import CheckpointError, Features, MediqaError, Predictor
from inference.mediqa.checkpoint import DEFAULT_CHECKPOINT, load_checkpoint, name_of_features, save_checkpoint
from inference.mediqa.heads.finetuning import fit_heads
from inference.mediqa.heads.fitting import FitConfig
from inference.mediqa.physics import KINDS
from inference.mediqa.types import Scale
from mediqa_platform.supervisor.frontend import SOURCE_ROOT

from .conftest import phantom


@pytest.fixture
def saved(tmp_path):
    tensors = {"a": np.arange(6.0).reshape(2, 3), "b": np.ones(1, dtype=np.float16), "c": np.array(7)}
    return save_checkpoint(tmp_path / "model.safetensors", tensors, {"training": {"sources": ["x"]}}), tensors


def test_round_trip_keeps_tensors_and_document(saved):
    files, tensors = saved
    checkpoint = load_checkpoint(files.weights)
    assert checkpoint.document["training"] == {"sources": ["x"]}
    assert checkpoint.document["sha256"] == files.sha256
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(checkpoint.tensors[name], tensor)
        assert checkpoint.tensors[name].dtype == tensor.dtype


def test_features_of_older_networks_keep_their_name():
    weights = {"b": np.ones(2, dtype=np.float32), "a": np.arange(3, dtype=np.float16)}
    hashed = b"2" + b"a" + weights["a"].tobytes() + b"b" + weights["b"].tobytes()
    older = {"preprocessing_version": "2", "config": {"tile": 128}}
    assert name_of_features(weights, older) == hashlib.sha256(hashed).hexdigest()
    assert name_of_features(weights, older | {"config": {"keeps_screen": True}}) != name_of_features(weights, older)


def test_a_path_without_its_suffix_is_understood(saved):
    files, _ = saved
    assert load_checkpoint(files.weights.with_suffix("")).tensors.keys() == {"a", "b", "c"}


def test_missing_files_are_named_without_their_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"gone\.safetensors") as refused:
        load_checkpoint(tmp_path / "gone.safetensors")
    assert str(tmp_path) not in str(refused.value)


def test_a_missing_document_is_refused(saved):
    saved[0].document.unlink()
    with pytest.raises(CheckpointError):
        load_checkpoint(saved[0].weights)


def test_truncated_weights_are_refused(saved):
    weights = saved[0].weights
    weights.write_bytes(weights.read_bytes()[:-3])
    with pytest.raises(CheckpointError, match="sha256"):
        load_checkpoint(weights)


def test_one_changed_bit_is_refused(saved):
    content = bytearray(saved[0].weights.read_bytes())
    content[-1] ^= 1
    saved[0].weights.write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match="sha256"):
        load_checkpoint(saved[0].weights)


@pytest.mark.parametrize("key", ["format", "preprocessing_version", "sha256"])
def test_another_version_or_hash_is_refused(saved, key):
    document = json.loads(saved[0].document.read_text()) | {key: "other"}
    saved[0].document.write_text(json.dumps(document))
    with pytest.raises(CheckpointError, match=key):
        load_checkpoint(saved[0].weights)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe"])
def test_a_document_that_is_no_json_object_is_refused(saved, content):
    saved[0].document.write_bytes(content)
    with pytest.raises(CheckpointError):
        load_checkpoint(saved[0].weights)


def test_a_pickle_is_never_opened(saved, tmp_path):
    import hashlib

    marker = tmp_path / "executed"

    class Trap:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    content = pickle.dumps(Trap())
    saved[0].weights.write_bytes(content)
    document = json.loads(saved[0].document.read_text()) | {"sha256": hashlib.sha256(content).hexdigest()}
    saved[0].document.write_text(json.dumps(document))
    with pytest.raises(CheckpointError, match="safetensors"):
        load_checkpoint(saved[0].weights)
    assert not marker.exists()


def test_a_checkpoint_that_lacks_parts_of_the_model_is_refused(saved):
    with pytest.raises(CheckpointError, match="parts"):
        Predictor.load(saved[0].weights)


def test_the_shipped_checkpoint_is_small_and_names_its_training():
    checkpoint = load_checkpoint(DEFAULT_CHECKPOINT)
    training = checkpoint.document["training"]
    assert DEFAULT_CHECKPOINT.stat().st_size < 8 * 2**20
    assert training["sources"]
    assert not set(training["sources"]) & set(training["held_out"])
    assert training["command"].startswith("python -m inference.mediqa pretrain SOURCES...")


def test_the_shipped_checkpoint_knows_all_kinds_and_its_documentation_names_what_it_reached():
    document = load_checkpoint(DEFAULT_CHECKPOINT).document
    training = document["training"]
    assert (document["config"]["generation"], tuple(document["config"]["kinds"])) == (2, KINDS)
    assert not set(training["development"]) & {*training["sources"], *training["held_out"]}
    reached, text = training["evaluation"], (SOURCE_ROOT / "docs" / "pretraining.md").read_text()
    order = reached["srocc"]
    assert f"SROCC {order['value']:.3f} [{order['lower']:.3f}, {order['upper']:.3f}]" in text
    assert f"SROCC among the copies of one slice, mean {reached['within']:.3f}" in text
    assert f"images evaluated: {reached['images']} slices, {reached['copies']} copies" in text
    assert f"{training['steps']:,} steps" in text


def test_a_fine_tuned_model_survives_a_round_trip(predictor, mr_volume, tmp_path):
    images = [type(mr_volume)(phantom(3, seed=seed), mr_volume.prompt) for seed in range(10)]
    features = predictor.encode(images)
    scale = {"sharpness": Scale(1, 5)}
    heads = fit_heads(
        features, {"sharpness": np.linspace(1, 5, 10)}, scale, config=FitConfig(epochs=2), initial=predictor.prior
    )
    tuned = predictor.with_heads(heads, {"snapshot": "17"})
    tuned.save(tmp_path / "tuned")
    again = Predictor.load(tmp_path / "tuned", device="cpu")
    from_bytes = Predictor.load_bytes(*tuned.to_bytes(), device="cpu")
    expected = tuned.score(features, prompts=[mr_volume.prompt] * 10, scales=scale)
    for one in (again, from_bytes):
        scored = one.score(features, prompts=[mr_volume.prompt] * 10, scales=scale)
        assert [s.scores for s in scored] == [s.scores for s in expected]
        assert one.features_version == predictor.features_version
    assert not scored[0].scores["sharpness"].is_prior
    assert again.training["heads"] == {"snapshot": "17"}


def test_features_survive_a_cache(predictor, mr_volume):
    (features,) = predictor.encode([mr_volume])
    again = Features.from_bytes(features.to_bytes())
    for name in ("embedding", "tokens", "slice_indices", "salience", "tile_boxes"):
        np.testing.assert_array_equal(getattr(again, name), getattr(features, name))
        assert getattr(again, name).dtype == getattr(features, name).dtype
    with pytest.raises(MediqaError, match="encode the image again"):
        Features.from_bytes(b"rubbish")
