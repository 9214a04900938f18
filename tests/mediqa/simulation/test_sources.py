"""Slices that are read from folders, and their split by source and patient."""

import nibabel
import numpy as np
from PIL import Image

from inference.mediqa.physics import kinds_for
from inference.mediqa.simulation.copies import subject_of
from inference.mediqa.simulation.sources import _neighbours, read_sources, split_sources
from tests.mediqa.conftest import phantom
from tests.mediqa.pretraining.slices import item


def test_sources_are_sub_folders_and_equal_pixels_count_once(folders):
    slices = read_sources([folders])
    assert [(one.source, one.prompt.modality) for one in slices] == [("first", "CT"), ("first", "NM"), ("second", "MR")]
    assert slices[0].pixels.min() < 0  # HU, not stored values


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
