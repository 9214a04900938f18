from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image
from pydicom.data import get_testdata_file
from transformers import Dinov2Config, Dinov2Model

from inference.mediqa import Predictor
from inference.mediqa.__main__ import main
from inference.mediqa.errors import CheckpointError
from inference.mediqa.evaluation import evaluate_predictor
from inference.mediqa.headers import HEADER_PARAMETERS, header_parameters, header_targets
from inference.mediqa.network import Network
from inference.mediqa.physics import BY_NAME, degrade, kinds_for
from inference.mediqa.pretraining.batches import Sampler
from inference.mediqa.pretraining.contents import fitted, radiograph, with_generated
from inference.mediqa.pretraining.distributed import Group
from inference.mediqa.pretraining.log import TrainingLog, curves_svg, read_log
from inference.mediqa.pretraining.patches import near, settle_normalisation, train_patches
from inference.mediqa.pretraining.pool import build_pool
from inference.mediqa.pretraining.prior import PULLS, fit_prior
from inference.mediqa.pretraining.settings import Places, PretrainingConfig
from inference.mediqa.pretraining.state import TrainingState
from inference.mediqa.profiles import PROFILES, NetworkConfig
from inference.mediqa.simulation import (
    degraded_copies,
    draw_ladders,
    draw_severities,
    fidelity_of,
    image_of_copy,
    quality_of,
    subject_of,
)
from inference.mediqa.sources import SourceSlice, _neighbours, read_sources, split_sources
from inference.mediqa.types import Prompt
from tests.mediqa.conftest import phantom


def item(source: str, patient: str = "", seed: int = 0) -> SourceSlice:
    return SourceSlice(
        source,
        f"{source}-{seed}",
        patient,
        phantom(1, side=96, seed=seed)[0],
        Prompt("2D", "MR"),
        is_inverted=False,
        spacing_mm=1.0,
    )


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Two sources of real files, and rubbish beside them."""
    for source, names in {"first": ["CT_small.dcm", "JPEG2000_UNC.dcm"], "second": ["MR_small.dcm"]}.items():
        (tmp_path / source).mkdir()
        for name in names:
            (tmp_path / source / name).write_bytes(Path(str(get_testdata_file(name))).read_bytes())
    (tmp_path / "first" / "notes.txt").write_text("no image")
    (tmp_path / "second" / "again.dcm").write_bytes((tmp_path / "second" / "MR_small.dcm").read_bytes())
    return tmp_path


def test_physics_of_what_a_screen_showed_has_the_range_of_the_screen():
    shown = replace(item("us"), prompt=Prompt("2D", "US"), screen=(0.0, 255.0))
    subject = subject_of(shown)
    assert (subject.low, subject.high) == (0.0, 255.0)
    assert image_of_copy(shown, next(degraded_copies(shown, 1, np.random.default_rng(0)))).screen == (0.0, 255.0)
    own = subject_of(replace(shown, screen=None))
    assert (own.low, own.high) != (0.0, 255.0)


def test_sources_are_sub_folders_and_equal_pixels_count_once(folders):
    slices = read_sources([folders])
    assert [(one.source, one.prompt.modality) for one in slices] == [("first", "CT"), ("first", "NM"), ("second", "MR")]
    assert slices[0].pixels.min() < 0  # HU, not stored values


def test_a_folder_that_is_not_there_is_named(tmp_path, capsys):
    assert main(["pretrain", str(tmp_path / "gone"), "--output", str(tmp_path / "x")]) == 2
    assert "is no folder" in capsys.readouterr().err


def test_sources_that_share_a_patient_are_never_split():
    slices = [item("a", "P1"), item("b", "P1"), item("b", "P2"), item("c", "P2"), item("d"), item("e")]
    training, held_out = split_sources(slices, held_out=["c"])
    assert {one.source for one in held_out} == {"a", "b", "c"}
    assert {one.source for one in training} == {"d", "e"}


def test_a_drawn_split_holds_whole_sources_and_repeats():
    slices = [item(f"s{number}", seed=copy) for number in range(40) for copy in range(2)]
    training, held_out = split_sources(slices, held_out=(), seed=1)
    assert not {one.source for one in training} & {one.source for one in held_out}
    assert 2 <= len({one.source for one in held_out}) <= 16
    assert split_sources(slices, held_out=(), seed=1)[1] == held_out


def test_every_modality_keeps_something_held_out_by_default():
    slices = [item("mr_dcm_qa_trt"), item("pydicom-data"), item("ct_chest_lidc"), item("mr_heart")]
    training, held_out = split_sources(slices)
    assert {one.source for one in held_out} == {"mr_dcm_qa_trt", "pydicom-data"}
    assert {one.source for one in training} == {"ct_chest_lidc", "mr_heart"}


def test_a_picture_takes_its_prompt_from_the_name_of_its_source(tmp_path):
    for source in ("us_hip_x", "fundus_longer", "holiday"):
        (tmp_path / source).mkdir()
        picture = (phantom(1, side=64, seed=len(source))[0] + 20).clip(0, 255).astype(np.uint8)
        Image.fromarray(picture).save(tmp_path / source / "one.png")
    found = {one.source: one.prompt.modality for one in read_sources([tmp_path])}
    assert found == {"us_hip_x": "US", "fundus_longer": "OP", "holiday": "unknown"}


def test_slices_of_a_volume_know_their_neighbours(tmp_path):
    (tmp_path / "mr_brain_x").mkdir()
    volume = np.random.default_rng(0).normal(100, 10, (64, 60, 12)).astype(np.float32)
    nibabel.Nifti1Image(volume, np.diag([1.0, 1.0, 2.0, 1.0])).to_filename(tmp_path / "mr_brain_x" / "T1.nii.gz")
    slices = read_sources([tmp_path], per_series=4)
    assert [one.prompt.modality for one in slices] == ["MR"] * 4
    middle = slices[1]
    assert sorted(abs(middle.offsets_mm)) == [2, 2, 4, 4, 6, 6, 8] or len(middle.offsets_mm) in (7, 8)
    assert middle.neighbours.shape == (len(middle.offsets_mm), *middle.pixels.shape)
    assert "thickness" in kinds_for(subject_of(middle))


def test_time_series_have_no_neighbours_and_gaps_are_not_bridged():
    assert _neighbours([0.0, 0.0, 3.0]) == [[], [], []]
    assert _neighbours([0.0, 3.0, 20.0]) == [[1], [0], []]
    assert _neighbours([0.0, 7.0]) == [[], []]


def test_headers_become_z_scores_within_modality_and_vendor():
    parameters = [{"echo_time_ms": float(value)} for value in (10, 20, 40)] * 4 + [{}]
    scores = header_targets(parameters, ["MR"] * 13, ["A"] * 13)
    column = HEADER_PARAMETERS.index("echo_time_ms")
    assert np.isnan(scores[12]).all()
    assert scores[1, column] == pytest.approx(0.0, abs=1e-6)  # the median
    assert scores[2, column] == pytest.approx(-scores[0, column], rel=1e-4)  # on a logarithmic scale
    other = header_targets(parameters, ["MR"] * 13, ["A"] * 12 + ["B"])
    np.testing.assert_allclose(other[:12], scores[:12])


def test_header_values_are_read_with_their_oddities():
    found = header_parameters({"MagneticFieldStrength": "15000", "EchoTime": "", "PixelSpacing": [0.5, 0.5], "KVP": 0})
    assert found == {"field_tesla": 1.5, "pixel_spacing_mm": 0.5}


def test_severities_fit_the_modality_and_quality_falls_with_each():
    rng = np.random.default_rng(0)
    for modality in ("CT", "MR", "XR", "US", "unknown"):
        for _ in range(50):
            assert all(BY_NAME[name].fits(modality) for name in draw_severities(modality, rng))
    assert quality_of([]) == 1.0
    assert quality_of([0.5, 0.5]) == pytest.approx(0.25)


def test_a_ladder_climbs_one_kind_and_an_image_begins_untouched():
    rng = np.random.default_rng(0)
    copies = draw_ladders(("a", "b", "c", "d"), 10, rng)
    assert copies[0] == {}
    for start in (1, 4, 7):
        ladder = copies[start : start + 3]
        climbed = [name for name in ladder[0] if len({one[name] for one in ladder}) > 1]
        assert len(climbed) == 1
        assert len({tuple(one) for one in ladder}) == 1
    assert len({list(copies[start])[-1] for start in (1, 4, 7)}) == 3


def test_fidelity_falls_with_blur_and_is_one_for_the_original():
    one = item("a")
    degraded = [degrade(subject_of(one), {"blur": s}, torch.Generator().manual_seed(0)).numpy() for s in (0.2, 0.8)]
    values = [fidelity_of(one, pixels) for pixels in (one.pixels, *degraded)]
    assert values[0] == pytest.approx(1.0)
    assert values == sorted(values, reverse=True)


def test_a_pool_repeats_with_its_seed_and_masks_foreign_kinds():
    config = NetworkConfig(tile=32, window=2, pooled_grid=2)
    first, again = (build_pool([item("a"), item("b", seed=1)], 4, config, seed=0, crops=2) for _ in range(2))
    assert torch.equal(first.tiles, again.tiles)
    assert first.tiles.shape == (len(first), 3, 3, 32, 32)
    assert not (first.severities[~first.is_known] > 0).any()
    assert first.quality.max() == 1.0
    assert first.ladder.tolist() == [-1, 0, 0, 0] * 2


def test_a_pool_on_disk_equals_one_in_memory_and_is_used_again(tmp_path):
    config = NetworkConfig(tile=32, window=2, pooled_grid=2)
    slices = [item("a"), item("b", seed=1), item("c", seed=2)]
    memory = build_pool(slices, 4, config, seed=0, crops=1)
    disk = build_pool(slices, 4, config, seed=0, crops=1, folder=tmp_path / "pool", workers=2)
    assert torch.equal(memory.tiles, disk.tiles)
    assert torch.equal(memory.quality, disk.quality)
    written = (tmp_path / "pool" / "tiles.npy").stat().st_mtime_ns
    build_pool(slices, 4, config, seed=0, crops=1, folder=tmp_path / "pool")
    assert (tmp_path / "pool" / "tiles.npy").stat().st_mtime_ns == written
    build_pool(slices, 4, config, seed=1, crops=1, folder=tmp_path / "pool")
    assert (tmp_path / "pool" / "tiles.npy").stat().st_mtime_ns != written


def test_a_step_sees_ladders_of_the_same_kind_in_two_sources():
    pool = build_pool(
        [item("a"), item("b", seed=1)], 40, NetworkConfig(tile=32, window=2, pooled_grid=2), seed=0, crops=1
    )
    sampler = Sampler(pool)
    rows = sampler.draw(np.random.default_rng(0), 2, 4)
    assert len(rows) == 8
    assert [pool.sources[row] for row in rows] in (["a"] * 4 + ["b"] * 4, ["b"] * 4 + ["a"] * 4)
    for start in (0, 4):
        assert len(set(pool.ladder[rows[start : start + 3]].tolist())) == 1


def test_a_pool_keeps_what_the_screen_showed_where_the_network_does(tmp_path):
    dark = item("us").pixels
    shown = replace(item("us"), prompt=Prompt("2D", "US"), screen=(0.0, 255.0), pixels=60 * dark / dark.max())
    brightest = []
    for keeps in (True, False):
        config = NetworkConfig(tile=32, window=2, pooled_grid=2, keeps_screen=keeps)
        pool = build_pool([shown], 1, config, seed=0, crops=1, folder=tmp_path / "pool")
        brightest.append(float(pool.tiles[0, 0, 0].max()))
    assert brightest[0] < 0.3 < 0.7 < brightest[1]


def test_generated_images_are_finite_and_named():
    generated = with_generated([item("a")], 1)
    assert {one.source for one in generated} >= {"a", "generated_fundi", "generated_mammograms", "generated_bones"}
    assert all(np.isfinite(one.pixels).all() and one.pixels.std() > 0 for one in generated)
    assert {one.source for one in generated if one.screen} == {"generated_fundi", "generated_ultrasound"}
    again = with_generated([item("a")], 1)
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(generated, again, strict=True))


def test_real_ultrasound_is_shown_on_screens_too():
    shown = replace(item("us"), prompt=Prompt("2D", "US"), screen=(0.0, 255.0))
    generated = with_generated([shown, item("a")], 2)
    assert [one.source for one in generated].count("generated_screens_us") == 2


def test_the_number_of_workers_changes_no_generated_image():
    alone, together = (with_generated([item("a")], 1, workers=workers) for workers in (1, 2))
    assert [one.source for one in alone] == [one.source for one in together]
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(alone, together, strict=True))


@pytest.mark.gpu
def test_a_training_on_a_gpu_keeps_the_copies_there_and_learns():
    group = Group(device=torch.device("cuda"))
    config = NetworkConfig(tile=32, window=2, pooled_grid=2)
    pool = build_pool([item("a"), item("b", seed=1)], 7, config, seed=0, crops=2)
    assert near(pool, group.device).tiles.is_cuda
    network = Network(config)
    before = network.quality[0].weight.detach().clone()
    train_patches(network, pool, PretrainingConfig(steps=3, images_per_step=2), lambda line: None, group=group)
    after = network.quality[0].weight.detach().cpu()
    assert torch.isfinite(after).all()
    assert not torch.equal(after, before)


def test_a_large_image_is_binned_and_cropped_at_its_own_resolution():
    large = replace(item("a"), pixels=np.random.default_rng(0).normal(size=(1500, 2100)).astype(np.float32))
    whole, *crops = fitted(large, np.random.default_rng(0))
    assert whole.pixels.shape == (500, 700)
    assert whole.spacing_mm == pytest.approx(3.0)
    assert whole.pixels.std() == pytest.approx(large.pixels.std() / 3, rel=0.05)  # binning averages noise
    assert {crop.pixels.shape for crop in crops} == {(640, 640)}


def test_a_radiograph_of_a_block_has_its_line_integral():
    block = np.full((64, 64), -1000.0, dtype=np.float32)
    block[16:48, 24:40] = 0.0
    slices = [
        replace(item("ct", seed=index), pixels=block, prompt=Prompt("3D", "CT", "chest"), position_mm=2.0 * index)
        for index in range(12)
    ]
    frontal, lateral = radiograph(slices, 0.0), radiograph(slices, 90.0)
    assert frontal.shape == (22, 64)
    assert frontal[10, 32] == pytest.approx(32 * 0.0192, rel=0.01)
    assert lateral[10, 32] == pytest.approx(16 * 0.0192, rel=0.01)


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
        patch.setattr("inference.mediqa.pretraining.command.find_spec", lambda name: None)
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


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path):
    """Two steps at once, or one, the state, and another: the same weights and the same log."""
    slices = [item("a"), item("b", seed=1)]

    def trained(work: Path, stop_after: int | None) -> Network:
        torch.manual_seed(0)
        network = Network()
        pool = build_pool(slices, 4, network.config, seed=0, crops=1)
        config = PretrainingConfig(steps=2, images_per_step=2, generated=0)
        places = Places(state=work / "state", log=work / "log.csv", save_every_seconds=0, log_every_steps=1)
        if stop_after is not None:
            with pytest.raises(KeyboardInterrupt):
                train_patches(network, pool, config, interrupt_at(stop_after, work), places=places)
            torch.manual_seed(1)
            network = Network()
        train_patches(network, pool, config, lambda line: None, places=places)
        return network

    def interrupt_at(step: int, work: Path):
        def report(line: str) -> None:
            raise KeyboardInterrupt

        return report

    whole = trained(tmp_path / "whole", None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inference.mediqa.pretraining.patches.REPORT_EVERY", 1)
        resumed = trained(tmp_path / "parts", 1)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=0, atol=0)
    assert [row["step"] for row in read_log(tmp_path / "parts" / "log.csv")] == [1, 2]


SHAPE = {"tile": 32, "window": 2, "pooled_grid": 2}


def test_processes_that_take_a_training_up_draw_copies_of_their_own(tmp_path, monkeypatch):
    """The state is written by the first; the draws of the others must not become its own."""
    pool = build_pool([item("a"), item("b", seed=1)], 4, NetworkConfig(**SHAPE), seed=0, crops=1)
    drawn: dict[int, float] = {}

    def take_step(state, sampler, pool, config, group) -> float:
        drawn[group.rank] = state.rng.random()
        state.step += 1
        return 0.0

    monkeypatch.setattr("inference.mediqa.pretraining.patches._take_step", take_step)
    places, config = Places(state=tmp_path / "state"), PretrainingConfig(steps=1, images_per_step=2)
    train_patches(Network(NetworkConfig(**SHAPE)), pool, config, lambda line: None, places=places)
    left = (tmp_path / "state").read_bytes()
    for rank in (0, 1, 2):
        (tmp_path / "state").write_bytes(left)
        network, group = Network(NetworkConfig(**SHAPE)), Group(rank=rank)
        train_patches(network, pool, replace(config, steps=2), print, places=places, group=group)
    assert len(set(drawn.values())) == 3


def test_normalisation_is_settled_alike_by_the_same_seed_and_not_where_there_is_none(monkeypatch):
    shape = {"tile": 32, "window": 2, "pooled_grid": 2}
    pool = build_pool([item("a"), item("b", seed=1)], 4, NetworkConfig(**shape), seed=0, crops=1)
    monkeypatch.setattr("inference.mediqa.pretraining.patches.NORMALISATION_STEPS", 3)
    config, cpu = PretrainingConfig(images_per_step=2), torch.device("cpu")

    def settled(seed: int) -> torch.Tensor:
        torch.manual_seed(0)
        network = Network(NetworkConfig(**shape))
        settle_normalisation(network, pool, replace(config, seed=seed), cpu)
        assert not network.training
        return network.encoder.layers[0][1].running_mean

    assert torch.equal(settled(0), settled(0))
    assert not torch.equal(settled(0), settled(1))
    paper = Network(replace(PROFILES["paper"], **shape, patch=16, widths=(16, 8), channels=8, taps=(0,)))
    monkeypatch.setattr(paper, "encode_slices", None)  # would fail if it were asked
    settle_normalisation(paper, pool, config, cpu)
    assert not paper.training


def test_the_state_of_another_training_is_refused(tmp_path):
    network = Network(NetworkConfig(tile=64, widths=(4, 8, 8, 16), channels=16, prompt_size=8, heads=2, window=2))
    state = TrainingState(network, torch.optim.AdamW(network.parameters()), np.random.default_rng(0))
    state.save(tmp_path / "state", {"seed": 0})
    with pytest.raises(CheckpointError, match="another training"):
        state.restore(tmp_path / "state", {"seed": 1})
    (tmp_path / "state").write_bytes(b"rubbish")
    with pytest.raises(CheckpointError, match="can't be read"):
        state.restore(tmp_path / "state", {"seed": 0})


def test_curves_are_drawn_for_every_loss(tmp_path):
    log = TrainingLog(tmp_path / "log.csv", ["quality", "severity"])
    for step in (1, 2, 3):
        log.add(step, 1e-3, 2.0 * step, {"quality": 1 / step, "severity": 0.5})
    picture = curves_svg(read_log(tmp_path / "log.csv"))
    root = ElementTree.fromstring(picture)
    assert len(root.findall("{http://www.w3.org/2000/svg}polyline")) == 3
    assert "quality: 1 to 0.333 in 3 steps" in picture
