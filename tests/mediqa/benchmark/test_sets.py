from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.mediqa.benchmark.material import gather
from inference.mediqa.benchmark.sets import BadSet, CsvSet, Sample, make_splits
from inference.mediqa.reading import Refused
from inference.mediqa.types import Scale
from tests.mediqa.benchmark.conftest import write_picture, write_table


def write_set(folder: Path, columns: str, rows: list[list[object]]) -> Path:
    return write_table(folder / "SET.csv", columns.split(","), rows)


@given(st.lists(st.integers(0, 8), min_size=2, max_size=60), st.integers(2, 6), st.integers(0, 3))
def test_folds_never_split_a_group_and_judge_every_image_once(numbers, folds, seed):
    groups = [f"group {number}" for number in numbers]
    if len(set(groups)) < 2:
        return
    splits = make_splits(groups, [""] * len(groups), folds=folds, seed=seed)
    judged = np.concatenate([split.test for split in splits])
    assert sorted(judged.tolist()) == list(range(len(groups)))
    for split in splits:
        assert not {groups[row] for row in split.train} & {groups[row] for row in split.test}
        assert len(split.train) + len(split.test) == len(groups)


def test_the_same_seed_gives_the_same_folds():
    groups, words = [f"{row // 3}" for row in range(60)], [""] * 60
    first, again, other = (make_splits(groups, words, folds=4, seed=seed) for seed in (1, 1, 2))
    assert [split.test.tolist() for split in first] == [split.test.tolist() for split in again]
    assert [split.test.tolist() for split in first] != [split.test.tolist() for split in other]


def test_labels_bound_what_is_learnt_from_and_not_what_is_judged():
    groups = [f"{row // 2}" for row in range(60)]
    splits = make_splits(groups, [""] * 60, folds=3, seed=0, labels=15)
    assert [len(split.train) for split in splits] == [15, 15, 15]
    assert sum(len(split.test) for split in splits) == 60


def test_images_that_are_for_training_are_never_judged():
    groups = [f"{row // 2}" for row in range(40)]
    words = ["train"] * 20 + [""] * 20
    splits = make_splits(groups, words, folds=2, seed=0)
    assert sorted(np.concatenate([split.test for split in splits]).tolist()) == list(range(20, 40))
    assert all(set(range(20)) <= set(split.train.tolist()) for split in splits)


def test_a_set_that_names_its_test_images_has_one_split():
    (split,) = make_splits(["a", "b", "c", "d"], ["train", "test", "train", "test"], folds=5, seed=0)
    assert (split.train.tolist(), split.test.tolist()) == ([0, 2], [1, 3])


@pytest.mark.parametrize(
    ("groups", "words", "message"),
    [
        (["a", "a"], ["train", "test"], "in train and in test"),
        (["a", "a"], ["", ""], "nothing to hold out|no group to hold out"),
        (["a", "b"], ["test", "test"], "nothing to learn"),
        (["a", "b"], ["train", "train"], "no group to hold out"),
    ],
)
def test_what_would_leak_or_hold_nothing_out_is_refused(groups, words, message):
    with pytest.raises(BadSet, match=message):
        make_splits(groups, words, folds=5, seed=0)


def test_a_bad_file_is_listed_with_its_reason_and_the_rest_go_on(tmp_path):
    for name in ("a.png", "b.jpg", "c.tif"):
        write_picture(tmp_path / name, seed=len(name))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    names = [
        "a.png",
        "broken.png",
        "missing.png",
        "n" * 300,
        "b.jpg",
        "c.tif",
    ]  # the long name is one that no system takes
    path = write_set(tmp_path, "path,score", [[name, row] for row, name in enumerate(names)])
    found = list(CsvSet.read(path))
    assert [one.name for one in found if isinstance(one, Sample)] == ["a.png", "b.jpg", "c.tif"]
    refused = {one.name: one.reason for one in found if isinstance(one, Refused)}
    assert refused["missing.png"] == "There is no such file."
    assert refused["n" * 300] == "It can't be read (OSError)."
    assert refused["broken.png"] == "This is neither DICOM nor PNG, JPEG, TIFF or NIfTI."


def test_what_the_table_knows_of_an_image_wins_over_its_header(tmp_path):
    write_picture(tmp_path / "a.png")
    path = write_set(
        tmp_path,
        "path,score,group,modality,region,split",
        [["a.png", 1, "g", "XR", "chest", "train"], ["a.png", 2, "g", "", "", ""]],
    )
    first, second = CsvSet.read(path)
    assert (first.image.prompt.modality, first.image.prompt.region) == ("XR", "chest")
    assert (first.group, first.split, second.image.prompt.modality) == ("g", "train", "unknown")


def test_without_a_group_the_patient_then_the_folder_then_the_stem_keeps_images_together(tmp_path):
    from pydicom.data import get_testdata_file

    dicom = Path(str(get_testdata_file("CT_small.dcm")))
    (tmp_path / "x.dcm").write_bytes(dicom.read_bytes())
    for name in ("p1/a.png", "p1/b.png", "s2_left.png", "s2_right.png"):
        write_picture(tmp_path / name)
    names = ["x.dcm", "p1/a.png", "p1/b.png", "s2_left.png", "s2_right.png"]
    path = write_set(tmp_path, "path,score", [[name, row] for row, name in enumerate(names)])
    assert [one.group for one in CsvSet.read(path)] == ["1CT1", "p1", "p1", "s2", "s2"]


def test_the_scale_is_what_the_scores_span_unless_it_is_given(tmp_path):
    path = write_set(tmp_path, "path,score", [["a.png", 1], ["b.png", 3.5]])
    assert CsvSet.read(path).scale == Scale(1, 3.5)
    assert CsvSet.read(path, Scale(0, 4)).scale == Scale(0, 4)


@pytest.mark.parametrize(
    ("columns", "rows", "message"),
    [
        ("path,score", [["", 1]], "Line 2: there is no path"),
        ("path", [["a.png"]], "lacks the column score"),
        ("path,score", [["a.png", "good"]], "Line 2: 'good' is no score"),
        ("path,score,split", [["a.png", 1, "dev"]], "split is train, test or empty"),
        ("path,score", [["a.png", 1], ["b.png", 1]], "two different scores"),
    ],
)
def test_a_table_that_makes_no_sense_is_refused(tmp_path, columns, rows, message):
    with pytest.raises(BadSet, match=message):
        CsvSet.read(write_set(tmp_path, columns, rows))


def test_in_one_folder_the_stem_keeps_images_together(tmp_path):
    names = ["images/a_0.png", "images/a_1.png", "images/b0.png", "images/_c.png"]
    for name in names:
        write_picture(tmp_path / name)
    path = write_set(tmp_path, "path,score", [[name, row] for row, name in enumerate(names)])
    assert [one.group for one in CsvSet.read(path)] == ["a", "a", "b0", "_c"]


def test_without_anything_to_hold_out_a_column_group_is_advised():
    with pytest.raises(BadSet, match=r"no group to hold out.* Add a column group"):
        make_splits(["a", "a"], ["", ""], folds=5, seed=0)


def test_messages_hold_plain_words():
    with pytest.raises(BadSet, match="'g0' among them"):
        make_splits(["g0", "g0", "g1"], ["train", "test", "train"], folds=5, seed=0)


def test_columns_are_found_in_any_case_and_with_spaces(tmp_path):
    (row, _) = CsvSet.read(write_set(tmp_path, " Path,SCORE , Group", [["a.png", 1, "g"], ["b.png", 2, "h"]])).rows
    assert (row.path, row.score, row.group) == ("a.png", 1, "g")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"path;score\na.png;1\n", "lacks the column path, score. Its first line names 'path;score'"),
        (b"path\tscore\na.png\t1\n", "comma-separated UTF-8 file is expected"),
        ("path,score\na.png,1\n".encode("utf-16"), "SET.csv can't be read. A comma-separated UTF-8 file"),
        ("path,score\na.png,1\n".encode("utf-16-le"), "SET.csv can't be read. A comma-separated UTF-8 file"),
        ("path,score\nä.png,1\n".encode("latin-1"), "SET.csv can't be read. A comma-separated UTF-8 file"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "SET.csv can't be read. A comma-separated UTF-8 file"),
        (b"", "lacks the column path, score. Its first line names none"),
        (b"path,score,Score\na.png,1,2\n", "has the column score twice"),
        (b"path,score\n" + b"a" * 200_000 + b",1\n", "can't be read .*A comma-separated UTF-8 file"),
    ],
)
def test_what_is_no_comma_separated_table_is_refused_with_a_sentence(tmp_path, content, message):
    path = tmp_path / "SET.csv"
    path.write_bytes(content)
    with pytest.raises(BadSet, match=message):
        CsvSet.read(path)


def test_a_score_outside_the_given_scale_is_refused_with_its_line(tmp_path):
    path = write_set(tmp_path, "path,score", [["a.png", 1], ["b.png", 4.5]])
    with pytest.raises(BadSet, match=r"Line 3: 4\.5 lies outside the scale 0 to 4"):
        CsvSet.read(path, Scale(0, 4))


def test_words_of_the_prompt_are_known_in_any_case_and_modalities_by_their_code(tmp_path):
    words = [("ct", "HEAD"), ("CR", "chest"), ("dx", "Unknown"), ("Unknown", "")]
    path = write_set(tmp_path, "path,score,modality,region", [["a.png", row, *pair] for row, pair in enumerate(words)])
    assert [dict(row.factors) for row in CsvSet.read(path).rows] == [
        {"modality": "CT", "region": "head"}, {"modality": "XR", "region": "chest"},
        {"modality": "XR", "region": "unknown"}, {"modality": "unknown"},
    ]  # fmt: skip


@pytest.mark.parametrize(("column", "word"), [("modality", "X-ray"), ("region", "thorax")])
def test_an_unknown_word_is_refused_with_its_line_and_those_that_exist(tmp_path, column, word):
    path = write_set(tmp_path, f"path,score,{column}", [["a.png", 1, ""], ["b.png", 2, word]])
    with pytest.raises(BadSet, match=f"Line 3: '{word}' is no {column}; use one of unknown, "):
        CsvSet.read(path)


def test_where_no_image_can_be_read_the_first_reason_is_told(tmp_path, predictor):
    path = write_set(tmp_path, "path,score", [["a.png", 1], ["b.png", 2]])
    with pytest.raises(BadSet, match=r"2 were refused, the first, a.png: There is no such file."):
        gather(CsvSet.read(path), {"pretrained": predictor})
