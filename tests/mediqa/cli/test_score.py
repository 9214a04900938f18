import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image as PillowImage
from pydicom.data import get_testdata_file

from inference.mediqa.__main__ import main
from inference.mediqa.prompt import VOCABULARY
from tests.mediqa.conftest import phantom


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    waves = 120 + 60 * np.sin(np.arange(80) / 5)[None, :] + rng.normal(0, 5, (80, 80))
    PillowImage.fromarray(waves.astype(np.uint8)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


CT = str(get_testdata_file("CT_small.dcm"))


def test_every_image_gets_quality_interval_prompt_and_parameters(picture, tmp_path, capsys):
    output = tmp_path / "scores.json"
    assert main(["score", CT, str(picture), "--json", str(output), "--threads", "1"]) == 0
    document = json.loads(output.read_text())
    ct, other = document["scored"]
    assert document["refused"] == []
    score = ct["scores"]["quality"]
    assert 0 <= score["lower"] <= score["quality"] <= score["upper"] <= 1
    assert ct["prompt"]["modality"] == {"word": "CT", "from": "dicom", "confidence": 1.0}
    assert other["prompt"]["dimension"] == {"word": "2D", "from": "file", "confidence": 1.0}
    assert other["prompt"]["modality"]["from"] in {"unknown", "classifier"}  # a picture has no header
    assert (other["prompt"]["modality"]["from"] == "classifier") == (other["prompt"]["modality"]["confidence"] >= 0.9)
    assert 0 < ct["physical"]["relative_dose"]["value"] <= 1
    assert ct["physical"]["relative_dose"]["unit"] == ""
    printed = capsys.readouterr().out
    assert "90% interval" in printed
    assert "modality CT (dicom)" in printed
    assert "low dose" in printed


def test_a_bad_file_is_listed_and_the_rest_are_scored(picture, tmp_path, capsys):
    (tmp_path / "bad.dcm").write_bytes(b"nothing")
    PillowImage.fromarray(np.zeros((64, 64), np.uint8)).save(tmp_path / "blank.png")
    output = tmp_path / "scores.json"
    assert main(["score", str(tmp_path), "--json", str(output)]) == 3
    document = json.loads(output.read_text())
    assert [Path(one["image"]).name for one in document["scored"]] == ["a.png"]
    reasons = {Path(one["image"]).name: one["reason"] for one in document["refused"]}
    assert set(reasons) == {"bad.dcm", "blank.png"}
    assert reasons["blank.png"] == "Every pixel has the same value."
    assert "bad.dcm: refused" in capsys.readouterr().err


def test_the_user_may_say_what_a_picture_shows(picture, tmp_path):
    output = tmp_path / "scores.json"
    said = ["--dimension", "3D", "--modality", "XR", "--region", "chest", "--image-type", "lateral"]
    assert main(["score", str(picture), *said, "--json", str(output)]) == 0
    prompt = json.loads(output.read_text())["scored"][0]["prompt"]
    words = {"dimension": "3D", "modality": "XR", "region": "chest", "image_type": "lateral"}
    assert prompt == {factor: {"word": word, "from": "override", "confidence": 1.0} for factor, word in words.items()}


def test_words_are_taken_in_any_case_and_a_modality_by_the_code_of_a_header(picture, tmp_path):
    output = tmp_path / "scores.json"
    assert main(["score", str(picture), "--modality", "dx", "--region", "CHEST", "--json", str(output)]) == 0
    prompt = json.loads(output.read_text())["scored"][0]["prompt"]
    assert (prompt["modality"]["word"], prompt["region"]["word"]) == ("XR", "chest")


def test_a_dimension_that_is_said_leaves_a_volume_whole(tmp_path):
    nibabel.save(nibabel.Nifti1Image(phantom(6, side=64).transpose(2, 1, 0), np.eye(4)), tmp_path / "a.nii")
    output = tmp_path / "scores.json"
    assert main(["score", str(tmp_path), "--dimension", "2D", "--json", str(output)]) == 0
    (one,) = json.loads(output.read_text())["scored"]
    assert (one["slices"], one["prompt"]["dimension"]["word"]) == (6, "2D")


def test_nothing_to_score_is_an_error(tmp_path, capsys):
    assert main(["score", str(tmp_path)]) == 2
    assert "no image" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["X-ray", "", " ", "3D"])
@pytest.mark.parametrize("factor", ["modality", "region", "image_type"])
def test_a_word_that_is_none_is_refused_with_those_that_exist(factor, word, picture, capsys, monkeypatch):
    monkeypatch.setattr("inference.mediqa.cli.score.Predictor.load", None)  # before any work
    with pytest.raises(SystemExit, match="2"):
        main(["score", str(picture), f"--{factor.replace('_', '-')}", word])
    words = ", ".join(VOCABULARY[factor])
    assert f"{word!r} is no {factor}; use one of {words}." in capsys.readouterr().err


def test_an_empty_path_is_not_the_folder_one_stands_in(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["score", ""])
    assert "an empty path" in capsys.readouterr().err


def test_of_a_volume_it_is_said_which_slices_were_looked_at(tmp_path, capsys):
    volume = phantom(40, side=96)
    volume[17] += np.random.default_rng(1).normal(0, 25, size=volume[17].shape)
    nibabel.save(nibabel.Nifti1Image(volume.transpose(2, 1, 0), np.eye(4)), tmp_path / "a.nii.gz")
    output = tmp_path / "scores.json"
    assert main(["score", str(tmp_path), "--json", str(output)]) == 0
    (one,) = json.loads(output.read_text())["scored"]
    assert one["files"] == [str(tmp_path / "a.nii.gz")]
    assert 17 in one["slice_indices"]
    assert len(one["slice_indices"]) == len(one["slice_weights"])
    printed = capsys.readouterr().out
    assert "slices looked at: " in printed
    assert "of 40" in printed


def test_values_beyond_all_bounds_are_refused(tmp_path, capsys):
    pixels = np.random.default_rng(0).uniform(0, 1e38, (64, 64))
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    assert main(["score", str(tmp_path / "a.tif")]) == 3
    assert "span more than can be computed with" in capsys.readouterr().err


def test_threads_are_those_that_were_asked_for(picture):
    before = torch.get_num_threads()
    try:
        assert main(["score", str(picture), "--threads", "1"]) == 0
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_a_map_is_drawn_of_each_image_and_named_in_the_document(picture, tmp_path, capsys):
    nibabel.save(nibabel.Nifti1Image(phantom(6, side=64).transpose(2, 1, 0), np.eye(4)), tmp_path / "volume.nii.gz")
    maps, output = tmp_path / "maps", tmp_path / "scores.json"
    assert (
        main(["score", str(picture), CT, str(tmp_path / "volume.nii.gz"), "--maps", str(maps), "--json", str(output)])
        == 0
    )
    names = [one["map"] for one in json.loads(output.read_text())["scored"]]
    assert names == [str(maps / name) for name in ("a.png", "CT_small.png", "volume.png")]
    assert all(PillowImage.open(name).format == "PNG" for name in names)
    assert f"map: {names[0]}" in capsys.readouterr().out


def test_without_maps_nothing_is_drawn(picture, tmp_path):
    output = tmp_path / "scores.json"
    assert main(["score", str(picture), "--json", str(output)]) == 0
    assert "map" not in json.loads(output.read_text())["scored"][0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "scores.json"]


def test_images_of_one_name_have_a_map_each_and_another_run_overwrites_none(picture, tmp_path):
    other = tmp_path / "b" / "a.png"
    other.parent.mkdir()
    PillowImage.open(picture).rotate(90).save(other)
    maps = tmp_path / "maps"
    for _ in range(2):
        assert main(["score", str(picture), str(other), "--maps", str(maps)]) == 0
    contents = [(maps / name).read_bytes() for name in ("a.png", "a-2.png", "a-3.png", "a-4.png")]
    assert contents[0] != contents[1]
    assert contents[:2] == contents[2:]


def test_colours_are_drawn_and_what_is_refused_is_not(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    images = tmp_path / "images"
    images.mkdir()
    PillowImage.fromarray(pixels).save(images / "rgb.png")
    PillowImage.fromarray(pixels[:1, :, 0]).save(images / "one_row.png")
    assert main(["score", str(images), "--maps", str(tmp_path / "maps")]) == 3
    assert os.listdir(tmp_path / "maps") == ["rgb.png"]


@pytest.mark.parametrize(
    ("folder", "message"),
    [("", "an empty path names nothing."), ("a.png", "is no folder."), ("none/maps", "There is no folder 'none'.")],
)
def test_a_folder_for_maps_that_cannot_be_is_refused_before_any_work(folder, message, picture, capsys, monkeypatch):
    monkeypatch.chdir(picture.parent)
    monkeypatch.setattr("inference.mediqa.cli.score.Predictor.load", None)
    with pytest.raises(SystemExit, match="2"):
        main(["score", "a.png", "--maps", folder])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--maps", "--json"])
def test_a_place_that_cannot_be_looked_at_is_refused_before_any_work(option, picture, capsys, monkeypatch):
    """A name that no system takes fails as a folder does that the user may not enter."""
    monkeypatch.setattr("inference.mediqa.cli.score.Predictor.load", None)
    with pytest.raises(SystemExit, match="2"):
        main(["score", str(picture), option, "n" * 300])
    assert f"'{'n' * 300}' can't be looked at." in capsys.readouterr().err


def test_an_image_that_cannot_be_looked_at_keeps_back_no_other(picture, tmp_path, capsys):
    assert main(["score", "n" * 300, str(picture), "--maps", str(tmp_path / "maps")]) == 3
    told = capsys.readouterr()
    assert "refused: It can't be read (OSError)." in told.err
    assert str(picture) in told.out


@pytest.mark.parametrize("folder", ["old", "new"])
def test_a_folder_that_cannot_be_written_in_is_refused(folder, picture, capsys, monkeypatch):
    monkeypatch.chdir(picture.parent)
    Path("old").mkdir()
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(SystemExit, match="2"):
        main(["score", "a.png", "--maps", folder])
    assert f"'{folder}' can't be written in." in capsys.readouterr().err


@pytest.mark.parametrize("folder", [".", "maps", "b/../maps"])
def test_maps_that_would_be_scored_as_images_are_refused(folder, picture, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("b").mkdir()
    assert main(["score", str(tmp_path), "--maps", folder]) == 2
    assert "The maps would be scored as images" in capsys.readouterr().err
    assert not (tmp_path / "maps").exists()


@pytest.mark.parametrize("command", ["score", "benchmark", "evaluate", "pretrain"])
def test_fewer_threads_than_none_are_refused(command, picture, capsys):
    with pytest.raises(SystemExit, match="2"):
        main([command, str(picture), "--threads", "-1"])
    assert "'-1' is no whole number from 0." in capsys.readouterr().err


def as_a_program(*arguments: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "inference.mediqa", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[3], **options,
    )  # fmt: skip


@pytest.fixture
def _heeds_interrupts():
    """What is started by a shell in the background ignores them, and so would the program that is started here."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_heeds_interrupts")
def test_stopped_by_hand_it_says_so_in_a_line(picture):
    with as_a_program("score", *[str(picture)] * 2000) as program:
        program.stdout.readline()
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=60)
    assert (program.returncode, said) == (130, "stopped. What was scored is above.\n")


def test_a_reader_that_leaves_ends_it_silently(picture):
    with as_a_program("score", *[str(picture)] * 200) as program:
        program.stdout.readline()
        program.stdout.close()
        said = program.stderr.read()
    assert (program.returncode, said) == (141, "")


def test_names_that_a_terminal_cannot_show_stop_nothing(picture, tmp_path):
    named = tmp_path / "straße.png"
    named.write_bytes(picture.read_bytes())
    with as_a_program("score", str(named), str(picture), env=os.environ | {"PYTHONIOENCODING": "ascii"}) as program:
        printed, _ = program.communicate(timeout=60)
    assert program.returncode == 0
    assert "stra\\xdfe.png" in printed
    assert str(picture) in printed
