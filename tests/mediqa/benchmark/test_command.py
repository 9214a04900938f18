import json
import math
from argparse import ArgumentTypeError
from dataclasses import replace

import pytest

from inference.mediqa.__main__ import main
from inference.mediqa.benchmark.baselines import Constant
from inference.mediqa.benchmark.table import BenchmarkReport
from inference.mediqa.cli.options import writable_file
from inference.mediqa.network.profiles import PROFILES
from tests.mediqa.benchmark.conftest import read_table, write_picture, write_table

QUICK = ("pretrained-gp", "pretrained-ensemble", "random-closed-form", "pretrained+handmade")
CHEAP = ("snr", "brisque-like", "handmade-ridge", "handmade-gp", "pretrained", *QUICK)


def excluded() -> list[str]:
    return [word for name in QUICK for word in ("--exclude", name)]


def make_set(folder) -> str:
    names = [f"p{number // 2}_{number % 2}.png" for number in range(24)]
    for number, name in enumerate(names):
        write_picture(folder / name, seed=number)
    (folder / "bad.png").write_bytes(b"nothing")
    rows = [[name, (number % 7) / 2] for number, name in enumerate(names)]
    return str(write_table(folder / "SET.csv", ["path", "score"], [*rows, ["bad.png", 1]]))


def test_a_folder_of_pictures_with_scores_gives_the_table(tmp_path, capsys):
    output = tmp_path / "numbers.json"
    arguments = ["benchmark", make_set(tmp_path), "--folds", "3", "--json", str(output), "--threads", "1"]
    assert main([*arguments, *excluded(), "--include", "fine-tune", "--epochs", "1"]) == 3
    printed = capsys.readouterr().out
    assert "| handmade-gp" in printed
    assert "left out: bad.png" in printed
    document = json.loads(output.read_text())
    assert (document["images"], document["groups"], document["splits"]) == (24, 12, 3)
    assert {one["method"] for one in document["results"]} >= {"constant", "pretrained", "fine-tune"}
    assert [one["name"] for one in document["refused"]] == ["bad.png"]


def test_the_published_shape_is_trained_on_views_of_its_own(tmp_path, monkeypatch):
    narrow = replace(PROFILES["paper"], tile=64, widths=(32, 16), channels=16, taps=(1, 2), window=2, pooled_grid=2)
    monkeypatch.setattr("inference.mediqa.benchmark.baselines.PROFILES", {"paper": narrow})
    output = tmp_path / "numbers.json"
    arguments = ["benchmark", make_set(tmp_path), "--folds", "2", "--json", str(output), "--threads", "1"]
    assert main([*arguments, *excluded(), "--include", "paper", "--epochs", "1"]) == 3
    paper = {one["method"]: one for one in json.loads(output.read_text())["results"]}["paper"]
    assert math.isfinite(paper["measures"]["rmse"]["mean"])
    assert 0 < paper["measures"]["rmse"]["mean"] < 3


def test_the_simulated_set_is_run_by_its_name(tmp_path, capsys):
    from pathlib import Path
    from shutil import copy

    from pydicom.data import get_testdata_file

    for source in ("first", "second"):
        (tmp_path / source).mkdir()
    copy(str(get_testdata_file("CT_small.dcm")), tmp_path / "first")
    copy(str(get_testdata_file("MR_small.dcm")), tmp_path / "second")
    output = Path(tmp_path / "numbers.json")
    arguments = ["benchmark", "simulated", str(tmp_path), "--per-modality", "10", "--folds", "2", "--json", str(output)]
    assert main([*arguments, *excluded()]) == 0
    document = json.loads(output.read_text())
    assert document["images"] == 20
    assert document["ceiling"].startswith("SROCC")
    assert "no radiologists" in capsys.readouterr().out
    assert "relative_dose" in document["physical_correlation"]["CT"]


def test_several_draws_are_one_table_of_all_their_splits(tmp_path, capsys):
    output = tmp_path / "numbers.json"
    arguments = ["benchmark", make_set(tmp_path), "--folds", "3", "--json", str(output), "--threads", "1", *excluded()]
    arguments += ["--exclude", "pretrained"]
    alone = []
    for seed in ("4", "5"):
        assert main([*arguments, "--seed", seed]) == 3
        alone.append(json.loads(output.read_text()))
    assert main([*arguments, "--seed", "4", "--draws", "2"]) == 3
    together = json.loads(output.read_text())
    assert (together["draws"], together["seed"], together["images"]) == (2, "4; 5", 24)
    for first, second, both in zip(alone[0]["results"], alone[1]["results"], together["results"], strict=True):
        for name, values in both["measures"].items():
            if name != "seconds":
                assert values["splits"] == first["measures"][name]["splits"] + second["measures"][name]["splits"]
    assert [one["name"] for one in together["refused"]] == ["bad.png"]
    assert "| handmade-gp" in capsys.readouterr().out


def test_a_source_can_be_learnt_from_only_so_that_checkpoints_are_judged_on_the_same_images(tmp_path):
    from shutil import copy

    from pydicom.data import get_testdata_file

    for source, name in {"first": "CT_small.dcm", "second": "MR_small.dcm", "third": "MR_small_RLE.dcm"}.items():
        (tmp_path / source).mkdir()
        copy(str(get_testdata_file(name)), tmp_path / source)
    copy(str(get_testdata_file("MR-SIEMENS-DICOM-WithOverlays.dcm")), tmp_path / "third")
    output = tmp_path / "numbers.json"
    arguments = ["benchmark", "simulated", str(tmp_path), "--per-modality", "10", "--folds", "3", "--json", str(output)]
    assert main([*arguments, *excluded(), "--exclude", "pretrained", "--learn-from", "first"]) == 0
    document = json.loads(output.read_text())
    assert document["judged groups"] == document["groups"] - 1


def test_sources_that_settings_were_chosen_on_are_judged_only_when_asked_for(tmp_path, predictor):
    from shutil import copy

    from pydicom.data import get_testdata_file

    named = {"first": "CT_small.dcm", "second": "MR_small.dcm", "mr_dcm_qa_nih": "MR-SIEMENS-DICOM-WithOverlays.dcm"}
    assert "mr_dcm_qa_nih" in predictor.training["development"]
    for source, name in named.items():
        (tmp_path / source).mkdir()
        copy(str(get_testdata_file(name)), tmp_path / source)
    judged = []
    for options in ([], ["--judge-development"]):
        output = tmp_path / "numbers.json"
        arguments = ["benchmark", "simulated", str(tmp_path), "--per-modality", "10", "--json", str(output)]
        assert main([*arguments, *excluded(), "--exclude", "pretrained", *options]) == 0
        judged.append(json.loads(output.read_text())["judged groups"])
    assert judged == [2, 3]


def make_eyeq(folder) -> None:
    for number in range(12):
        write_picture(folder / f"{number}_left.png", seed=number)
    for split, numbers in {"train": range(8), "test": range(8, 12)}.items():
        rows = [[f"{number}_left.png", number % 3] for number in numbers]
        write_table(folder / f"Label_EyeQ_{split}.csv", ["image", "quality"], rows)


def test_one_command_gives_the_table_of_a_published_layout_and_writes_nothing_there(tmp_path, capsys):
    folder, output = tmp_path / "set", tmp_path / "numbers.json"
    make_eyeq(folder)
    before = sorted(folder.iterdir())
    arguments = ["benchmark", "eyeq", str(folder), "--json", str(output), "--threads", "1"]
    assert main([*arguments, *(word for name in CHEAP for word in ("--exclude", name))]) == 0
    assert sorted(folder.iterdir()) == before
    document = json.loads(output.read_text())
    assert (document["set"], document["scale"], document["judged images"]) == ("eyeq", "0 to 2", 4)
    assert "| constant" in capsys.readouterr().out


def test_what_a_layout_leaves_out_is_said_once_whatever_the_draws(tmp_path, capsys):
    for number in range(6):
        write_picture(tmp_path / f"{number}.png", seed=number)
    rows = [[f"{number}.png", number if number else ""] for number in range(6)]
    write_table(tmp_path / "scores.csv", ["path", "score"], rows)
    arguments = ["benchmark", "generic", str(tmp_path), "--folds", "2", "--draws", "2", "--threads", "1"]
    assert main([*arguments, *(word for name in CHEAP for word in ("--exclude", name))]) == 0
    assert capsys.readouterr().err.count("rows left out since there is no score: 1 (0.png)") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["EyeQ", "set"], "There is no file 'EyeQ'. SET is a SET.csv, or one of eyeq, generic, koniq, "),
        (["none.csv"], "There is no file 'none.csv'."),
        ([""], "There is no file ''."),
        (["set"], "There is no file 'set'."),  # a folder
        (["eyeq"], "eyeq needs one folder, the set's; 0 are named."),
        (["eyeq", "set", "set"], "eyeq needs one folder, the set's; 2 are named."),
        (["eyeq", "none"], "There is no folder 'none'."),
        (["eyeq", "set"], "The folder holds no Label_EyeQ_train.csv."),
        (["SET.csv", "set"], "A SET.csv names its images; folders belong to eyeq, "),
        (["simulated"], "simulated needs folders of images."),
        (["simulated", "set", "--scale", "0", "4"], "The scores of simulated have their own scale"),
    ],
)
def test_a_set_that_is_none_is_refused_before_any_work_with_what_it_can_be(
    words, message, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("inference.mediqa.cli.benchmark.Predictor.load", None)
    (tmp_path / "set").mkdir()
    (tmp_path / "SET.csv").touch()
    assert main(["benchmark", *words]) == 2
    assert f"error: {message}" in capsys.readouterr().err


def test_an_import_from_no_folder_is_refused(tmp_path, capsys):
    assert main(["import-set", "generic", str(tmp_path / "none")]) == 2
    assert "There is no folder" in capsys.readouterr().err


def test_a_published_layout_is_imported_and_benchmarked_in_place(tmp_path):
    for number in range(3):
        write_picture(tmp_path / f"{number}.png", seed=number)
    write_table(tmp_path / "scores.csv", ["image", "score"], [[f"{number}.png", number] for number in range(3)])
    assert main(["import-set", "generic", str(tmp_path)]) == 0
    assert len(read_table(tmp_path / "SET.csv")) == 3


def test_what_makes_no_sense_is_said(tmp_path, capsys):
    assert main(["benchmark", make_set(tmp_path), "--include", "magic"]) == 2
    assert "No method magic" in capsys.readouterr().err


def test_a_set_that_is_read_in_full_ends_with_0(tmp_path):
    arguments = ["benchmark", make_set(tmp_path), *(word for name in CHEAP for word in ("--exclude", name))]
    assert main([*arguments, "--threads", "1"]) == 3
    rows = [[row["path"], row["score"]] for row in read_table(tmp_path / "SET.csv") if row["path"] != "bad.png"]
    write_table(tmp_path / "SET.csv", ["path", "score"], rows)
    assert main([*arguments, "--threads", "1"]) == 0


def test_a_method_that_failed_does_not_end_with_0(tmp_path, monkeypatch):
    arguments = ["benchmark", make_set(tmp_path), *(word for name in CHEAP for word in ("--exclude", name))]
    rows = [[row["path"], row["score"]] for row in read_table(tmp_path / "SET.csv") if row["path"] != "bad.png"]
    write_table(tmp_path / "SET.csv", ["path", "score"], rows)
    monkeypatch.setattr(Constant, "fit", None)
    output = tmp_path / "numbers.json"
    assert main([*arguments, "--threads", "1", "--json", str(output)]) == 3
    assert json.loads(output.read_text())["results"][0]["failures"]


def test_the_numbers_are_kept_where_the_table_cannot_be_printed(tmp_path, monkeypatch):
    def broken(report):
        raise BrokenPipeError

    monkeypatch.setattr(BenchmarkReport, "lines", broken)
    output = tmp_path / "numbers.json"
    arguments = ["benchmark", make_set(tmp_path), *(word for name in CHEAP for word in ("--exclude", name))]
    assert main([*arguments, "--threads", "1", "--json", str(output)]) == 141
    assert json.loads(output.read_text())["images"] == 24


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--folds", "1", "'1' is no whole number from 2."),
        ("--folds", "many", "'many' is no whole number from 2."),
        ("--labels", "0", "'0' is no whole number from 1."),
        ("--seed", "-1", "'-1' is no whole number from 0."),
        ("--epochs", "0", "'0' is no whole number from 1."),
        ("--per-series", "-1", "'-1' is no whole number from 1."),
        ("--draws", "0", "'0' is no whole number from 1."),
        ("--json", ".", "'.' is a folder; a file is expected."),
        ("--json", "none/numbers.json", "There is no folder 'none'."),
        ("--json", "SET.csv/numbers.json", "There is no folder 'SET.csv'."),
    ],
)
def test_options_that_make_no_sense_are_refused_before_any_work(option, value, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "SET.csv").touch()
    monkeypatch.setattr("inference.mediqa.cli.benchmark.Predictor.load", None)
    with pytest.raises(SystemExit) as ended:
        main(["benchmark", "SET.csv", f"{option}={value}"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"argument {option}: {message}")


def test_a_place_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    (tmp_path / "old.json").touch()
    assert writable_file(str(tmp_path / "new.json")) == tmp_path / "new.json"
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    for name in ("old.json", "new.json"):
        with pytest.raises(ArgumentTypeError, match="can't be written"):
            writable_file(str(tmp_path / name))
