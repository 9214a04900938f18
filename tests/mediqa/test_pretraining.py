from pathlib import Path

import numpy as np
import pytest
import torch
from pydicom.data import get_testdata_file

from inference.mediqa import Predictor
from inference.mediqa.__main__ import main
from inference.mediqa.network import Judgement, NetworkConfig
from inference.mediqa.physics.degradations import BY_NAME
from inference.mediqa.pretraining import pretraining_loss
from inference.mediqa.simulation import build_pool, draw_severities, quality_of
from inference.mediqa.sources import SourceSlice, read_sources, split_sources
from inference.mediqa.types import Prompt

from .conftest import phantom


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


def test_sources_are_sub_folders_and_equal_pixels_count_once(folders):
    slices = read_sources([folders])
    assert [(one.source, one.prompt.modality) for one in slices] == [("first", "CT"), ("first", "NM"), ("second", "MR")]
    assert slices[0].pixels.min() < 0  # HU, not stored values


def test_a_folder_that_is_not_there_is_named(tmp_path, capsys):
    assert main(["pretrain", str(tmp_path / "gone"), "--output", str(tmp_path / "x")]) == 2
    assert "is no folder" in capsys.readouterr().out


def test_sources_that_share_a_patient_are_never_split():
    slices = [item("a", "P1"), item("b", "P1"), item("b", "P2"), item("c", "P2"), item("d"), item("e")]
    training, held_out = split_sources(slices, held_out=["c"])
    assert {one.source for one in held_out} == {"a", "b", "c"}
    assert {one.source for one in training} == {"d", "e"}


def test_a_drawn_split_holds_whole_sources_and_repeats():
    slices = [item(f"s{number}", seed=copy) for number in range(40) for copy in range(2)]
    training, held_out = split_sources(slices, seed=1)
    assert not {one.source for one in training} & {one.source for one in held_out}
    assert 2 <= len({one.source for one in held_out}) <= 16
    assert split_sources(slices, seed=1)[1] == held_out


def test_severities_fit_the_modality_and_quality_falls_with_each():
    rng = np.random.default_rng(0)
    for modality in ("CT", "MR", "XR", "US", "unknown"):
        for _ in range(50):
            assert all(BY_NAME[name].fits(modality) for name in draw_severities(modality, rng))
    assert quality_of([]) == 1.0
    assert quality_of([0.5, 0.5]) == pytest.approx(0.25)


def test_a_pool_repeats_with_its_seed_and_masks_foreign_kinds():
    config = NetworkConfig(tile=32)
    first, again = (build_pool([item("a"), item("b", seed=1)], 3, config, seed=0, crops=2) for _ in range(2))
    assert torch.equal(first.tiles, again.tiles)
    assert first.tiles.shape == (len(first), 3, 2, 32, 32)
    assert not (first.severities[~first.is_known] > 0).any()
    assert first.quality.max() == 1.0


def test_the_loss_prefers_the_right_order_within_an_image_and_ignores_other_images():
    quality = torch.tensor([0.9, 0.1])
    severities, known = torch.zeros(2, 1), torch.ones(2, 1, dtype=torch.bool)

    def loss(predicted: list[float], image: list[int]) -> float:
        judgement = Judgement(torch.tensor(predicted), torch.zeros(2), torch.zeros(2, 1))
        return float(pretraining_loss(judgement, quality, severities, known, torch.tensor(image)))

    assert loss([0.6, 0.4], [0, 0]) < loss([0.4, 0.6], [0, 0])
    same, apart = loss([0.4, 0.6], [0, 0]), loss([0.4, 0.6], [0, 1])
    assert same > apart


def test_masked_kinds_do_not_count():
    judgement = Judgement(torch.zeros(2), torch.zeros(2), torch.tensor([[0.0, 0.9], [0.0, 0.9]]))
    known = torch.tensor([[True, False], [True, False]])
    zero = torch.zeros(2)
    both = pretraining_loss(judgement, zero, torch.zeros(2, 2), ~known | known, zero)
    masked = pretraining_loss(judgement, zero, torch.zeros(2, 2), known, zero)
    assert masked < both


def test_the_command_trains_evaluates_and_repeats(folders, tmp_path, capsys):
    digests = []
    for name in ("one", "two"):
        arguments = ["pretrain", str(folders), "--output", str(tmp_path / name), "--steps", "1", "--threads", "1"]
        assert main([*arguments, "--hold-out", "second", "--volumes", "20", "--copies", "2"]) == 0
        digests.append(Predictor.load(tmp_path / name).sha256)
    text = capsys.readouterr().out
    assert "SROCC" in text
    assert digests[0] == digests[1]
    training = Predictor.load(tmp_path / "one").training
    assert (training["sources"], training["held_out"]) == (["first"], ["second"])
    assert str(tmp_path) not in str(training)
    assert main(["evaluate", str(folders), "--checkpoint", str(tmp_path / "one"), "--only", "second"]) == 0
    assert "PLCC" in capsys.readouterr().out


def test_nothing_to_train_on_is_said(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["pretrain", str(tmp_path / "empty"), "--output", str(tmp_path / "x")]) == 2
    assert "No image" in capsys.readouterr().out
