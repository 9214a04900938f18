import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from pydicom.data import get_testdata_file

from inference.mediqa.__main__ import main


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
    assert main(["score", str(picture), "--modality", "XR", "--json", str(output)]) == 0
    prompt = json.loads(output.read_text())["scored"][0]["prompt"]
    assert prompt["modality"] == {"word": "XR", "from": "override", "confidence": 1.0}


def test_nothing_to_score_is_an_error(tmp_path, capsys):
    assert main(["score", str(tmp_path)]) == 2
    assert "no image" in capsys.readouterr().out
