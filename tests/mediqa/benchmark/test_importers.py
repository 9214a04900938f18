import json

import numpy as np
import pytest
import tifffile

from inference.mediqa.__main__ import main
from inference.mediqa.benchmark.importers import IMPORTERS, imported_set, write_set
from inference.mediqa.benchmark.sets import BadSet, CsvSet, Sample
from inference.mediqa.reading import read_path
from inference.mediqa.types import Scale
from tests.mediqa.benchmark.conftest import read_table, write_picture, write_table


def imported(layout, folder):
    write_set(IMPORTERS[layout](folder), folder / "SET.csv")
    return read_table(folder / "SET.csv")


def test_ldctiqac_images_are_ct_in_hounsfield_units(tmp_path):
    (tmp_path / "image").mkdir()
    for number in range(2):
        values = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
        tifffile.imwrite(tmp_path / "image" / f"{number:04}.tif", values)
    (tmp_path / "train.json").write_text(json.dumps({"0000.tif": 1.2, "0001.tif": 3.4}))
    rows = imported("ldctiqac2023", tmp_path)
    assert [(row["path"], row["score"], row["modality"]) for row in rows] == [
        ("image/0000.tif", "1.2", "CT"), ("image/0001.tif", "3.4", "CT"),
    ]  # fmt: skip
    pixels = read_path(tmp_path / rows[0]["path"], override={"modality": "CT"}).image.pixels
    assert (pixels.min(), pixels.max()) == (-1000.0, 400.0)  # the window that the set was written with


def test_eyeq_turns_quality_round_and_keeps_the_eyes_of_a_patient_together(tmp_path):
    for name in ("10_left.jpeg", "10_right.jpeg", "13_left.jpeg"):
        write_picture(tmp_path / "images" / name)
    columns = ["", "image", "quality", "DR_grade"]
    write_table(tmp_path / "Label_EyeQ_train.csv", columns, [[0, "10_left.jpeg", 0, 0], [1, "10_right.jpeg", 2, 0]])
    write_table(tmp_path / "Label_EyeQ_test.csv", columns, [[0, "13_left.jpeg", 1, 1]])
    rows = imported("eyeq", tmp_path)
    assert [(row["score"], row["group"], row["split"]) for row in rows] == [
        ("2", "10", "train"), ("0", "10", "train"), ("1", "13", "test"),
    ]  # fmt: skip
    assert {row["modality"] for row in rows} == {"OP"}


def test_koniq_keeps_its_test_images(tmp_path):
    for name in ("1.jpg", "2.jpg", "3.jpg"):
        write_picture(tmp_path / "512x384" / name)
    write_table(
        tmp_path / "koniq10k_distributions_sets.csv",
        ["image_name", "c1", "MOS", "SD", "set"],
        [["1.jpg", 0, 60.5, 1, "training"], ["2.jpg", 0, 30, 1, "validation"], ["3.jpg", 0, 45, 1, "test"]],
    )
    rows = imported("koniq", tmp_path)
    assert [(row["path"], row["score"], row["split"]) for row in rows] == [
        ("512x384/1.jpg", "60.5", "train"), ("512x384/2.jpg", "30", "train"), ("512x384/3.jpg", "45", "test"),
    ]  # fmt: skip


def test_mriqc_takes_the_mean_of_the_raters_and_groups_by_site(tmp_path):
    import nibabel

    for subject in ("50001", "50002", "50003"):
        place = tmp_path / f"sub-{subject}" / "anat" / f"sub-{subject}_T1w.nii.gz"
        place.parent.mkdir(parents=True)
        volume = np.random.default_rng(0).normal(100, 10, (20, 24, 6)).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), place)
    write_table(
        tmp_path / "y_abide.csv",
        ["subject_id", "site", "rater_1", "rater_2", "rater_3"],
        [["50001", "A", 1, 0, ""], ["50002", "A", -1, -1, -1], ["50003", "B", "", "", ""], ["50004", "B", 1, 1, 1]],
    )
    rows = imported("mriqc", tmp_path)
    assert [(row["path"], row["score"], row["group"]) for row in rows] == [
        ("sub-50001/anat/sub-50001_T1w.nii.gz", "0.5", "A"), ("sub-50002/anat/sub-50002_T1w.nii.gz", "-1", "A"),
    ]  # fmt: skip
    assert all(isinstance(one, Sample) for one in CsvSet.read(tmp_path / "SET.csv"))


def test_generic_scores_keep_what_else_is_known(tmp_path):
    write_picture(tmp_path / "a" / "1.png")
    write_table(tmp_path / "scores.csv", ["Filename", "MOS", "group"], [["1.png", 3, "p"], ["gone.png", 2, "q"]])
    rows = imported("generic", tmp_path)
    assert [(row["path"], row["score"], row["group"]) for row in rows] == [
        ("a/1.png", "3", "p"),
        ("gone.png", "2", "q"),
    ]


@pytest.mark.parametrize("layout", sorted(IMPORTERS))
def test_another_layout_is_refused_with_a_sentence(layout, tmp_path):
    write_picture(tmp_path / "1.png")
    with pytest.raises(BadSet, match="folder holds"):
        IMPORTERS[layout](tmp_path)


def write_empty(folder, *places):
    """Files that an importer finds; none reads them."""
    for place in places:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(b"")


def places(rows):
    return [row["path"] for row in rows]


def test_images_of_one_name_are_told_by_their_paths(tmp_path):
    write_empty(tmp_path, "s1/im.png", "s2/im.png", "im.png", "s3/only.png")
    table = [["s1/im.png", 1], ["s2\\im", 2], ["./im.png", 3], ["elsewhere/only.png", 4]]
    write_table(tmp_path / "scores.csv", ["path", "score"], table)
    assert places(imported("generic", tmp_path)) == ["s1/im.png", "s2/im.png", "im.png", "s3/only.png"]


@pytest.mark.parametrize(
    ("layout", "table", "columns"),
    [
        ("generic", "scores.csv", ["image", "score"]),
        ("koniq", "koniq.csv", ["image_name", "MOS"]),
        ("eyeq", "Label_EyeQ_train.csv", ["image", "quality"]),
    ],
)
def test_a_name_that_several_images_have_is_refused(layout, table, columns, tmp_path):
    write_empty(tmp_path, "s1/im.png", "s2/im.png")
    write_table(tmp_path / table, columns, [["im.png", 1]])
    with pytest.raises(BadSet, match=r"im.png is the name of 2 images: s1/im.png, s2/im.png"):
        IMPORTERS[layout](tmp_path)


def test_one_image_is_not_taken_for_two_names(tmp_path):
    write_empty(tmp_path, "s1/im.png")
    write_table(tmp_path / "scores.csv", ["path", "score"], [["s1/im.png", 1], ["s2/im.png", 2]])
    with pytest.raises(BadSet, match=r"s1/im.png and s2/im.png would both be s1/im.png"):
        IMPORTERS["generic"](tmp_path)


def test_names_without_suffix_and_with_another_one_find_their_image(tmp_path):
    write_empty(tmp_path, "a/scan.01.png", "a/scan.02.png", "v.nii.gz", "b/d.jpg")
    table = [["scan.01", 1], ["a/scan.02", 2], ["v", 3], ["d.png", 4]]
    write_table(tmp_path / "scores.csv", ["name", "score"], table)
    assert places(imported("generic", tmp_path)) == ["a/scan.01.png", "a/scan.02.png", "v.nii.gz", "b/d.jpg"]


def heard(layout, folder):
    """Rows of an import and what it said."""
    said = []
    return IMPORTERS[layout](folder, said.append), said


def test_mriqc_takes_original_t1_weighted_volumes_by_number(tmp_path):
    write_empty(
        tmp_path,
        "sub-0050002/anat/sub-0050002_T1w.nii.gz",
        "sub-0050002/anat/sub-0050002_FLAIR.nii.gz",
        "derivatives/sub-0050002/anat/sub-0050002_T1w.nii.gz",
        "sub-50003/anat/sub-50003_bold.nii",
        "derivatives/sub-50004/sub-50004_T1w.nii",
    )
    write_table(
        tmp_path / "y.csv",
        ["participant_id", "rating"],
        [["50002", 1], ["sub-0050003", 0], ["50004", 1], ["50005", "n/a"]],
    )
    rows, said = heard("mriqc", tmp_path)
    assert places(rows) == ["sub-0050002/anat/sub-0050002_T1w.nii.gz", "sub-50003/anat/sub-50003_bold.nii"]
    assert [row["group"] for row in rows] == ["50002", "sub-0050003"]
    assert said == [
        "rows left out since there is no score: 1 (50005)", "rows left out since no image was found: 1 (50004)",
    ]  # fmt: skip


def test_mriqc_groups_by_the_sites_folder_where_no_column_says_it(tmp_path):
    write_empty(
        tmp_path, "A/sub-1/anat/sub-1_T1w.nii", "A/sub-2/anat/sub-2_T1w.nii", "B/sub-3/ses-1/anat/sub-3_T1w.nii"
    )
    write_table(tmp_path / "y.csv", ["subject_id", "rater_1"], [["1", 1], ["2", 0], ["3", 1]])
    assert [row["group"] for row in heard("mriqc", tmp_path)[0]] == ["A", "A", "B"]


def test_mriqc_tells_subjects_of_one_number_by_their_site(tmp_path):
    write_empty(tmp_path, "A/sub-1/anat/sub-1_T1w.nii", "B/sub-01/anat/sub-01_T1w.nii", "B/sub-1/anat/sub-1_T1w.nii")
    write_table(tmp_path / "y.csv", ["subject_id", "site", "rating"], [["1", "A", 1], ["1", "B", 0]])
    assert places(heard("mriqc", tmp_path)[0]) == ["A/sub-1/anat/sub-1_T1w.nii", "B/sub-1/anat/sub-1_T1w.nii"]
    write_table(tmp_path / "y.csv", ["subject_id", "site", "rating"], [["01", "A", 1], ["01", "B", 0]])
    assert places(heard("mriqc", tmp_path)[0]) == ["A/sub-1/anat/sub-1_T1w.nii", "B/sub-01/anat/sub-01_T1w.nii"]
    write_table(tmp_path / "y.csv", ["subject_id", "rating"], [["1", 1]])
    with pytest.raises(BadSet, match="Subject 1 may be A/sub-1 or B/sub-1"):
        IMPORTERS["mriqc"](tmp_path)


@pytest.mark.parametrize("layout", ["koniq", "mriqc"])
def test_an_import_can_be_run_again(layout, tmp_path):
    write_empty(tmp_path, "1.jpg", "sub-1_T1w.nii")
    columns = ["image_name", "MOS", "subject_id", "rating"]
    write_table(tmp_path / "table.csv", columns, [["1.jpg", 1, "1", 1]])
    first = imported(layout, tmp_path)
    assert imported(layout, tmp_path) == first
    assert main(["import-set", layout, str(tmp_path), "--output", str(tmp_path / "other.csv")]) == 0
    assert imported(layout, tmp_path) == first


def test_what_an_import_leaves_out_is_said_on_standard_error(tmp_path, capsys):
    write_empty(tmp_path, "1.png")
    write_table(tmp_path / "scores.csv", ["path", "score"], [["1.png", 1], ["2.png", ""], ["3.png", "N/A"]])
    assert main(["import-set", "generic", str(tmp_path)]) == 0
    assert "rows left out since there is no score: 2 (2.png, 3.png)" in capsys.readouterr().err
    assert [row["score"] for row in read_table(tmp_path / "SET.csv")] == ["1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a.tif": null}', "score of a.tif is no number: null"),
        ('{"a.tif": [1]}', r"score of a.tif is no number: \[1\]"),
        ('{"a.tif": "1"}', "score of a.tif is no number"),
        ('{"a.tif": true}', "score of a.tif is no number"),
        ('{"a.tif": NaN}', "score of a.tif is no number"),
        ('{"a.tif": 1,\n"b.tif" 2}', "train.json, line 2: this is no JSON"),
        ("\xff", "train.json is no JSON"),
        ("[1]", "train.json is no table"),
    ],
)
def test_a_broken_train_json_is_refused_with_its_place(text, message, tmp_path):
    (tmp_path / "train.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(BadSet, match=message):
        IMPORTERS["ldctiqac2023"](tmp_path)


@pytest.mark.parametrize(
    ("layout", "table", "columns"),
    [
        ("eyeq", "Label_EyeQ_train.csv", ["image", "quality"]),
        ("koniq", "koniq.csv", ["image_name", "MOS"]),
        ("generic", "scores.csv", ["name", "score"]),
        ("mriqc", "y.csv", ["subject_id", "rating"]),
    ],
)
def test_a_word_for_a_score_is_refused_with_its_line(layout, table, columns, tmp_path):
    write_table(tmp_path / table, columns, [["1", 1], ["2", "good"]])
    with pytest.raises(BadSet, match=f"{table}, line 3: {columns[1].lower()} is no number: 'good'"):
        IMPORTERS[layout](tmp_path)


def test_koniq_reads_the_set_in_any_case_and_keeps_all_digits(tmp_path):
    columns = [" Image_Name", "mos ", "Set"]
    table = [["1.jpg", "60.123456789", "Test"], ["2.jpg", "1234567.5", "TRAINING"]]
    write_table(tmp_path / "koniq.csv", columns, table)
    rows = imported("koniq", tmp_path)
    assert [(row["score"], row["split"]) for row in rows] == [("60.123456789", "test"), ("1234567.5", "train")]


def test_a_table_in_the_folder_itself_comes_before_one_below_it(tmp_path):
    write_table(tmp_path / "a" / "scores.csv", ["path", "score"], [["old.png", 1]])
    write_table(tmp_path / "scores.csv", ["path", "score"], [["new.png", 2]])
    assert places(imported("generic", tmp_path)) == ["new.png"]


def test_a_table_without_the_columns_says_what_it_has(tmp_path):
    write_table(tmp_path / "scores.csv", ["who", "stars"], [["1.png", 1]])
    with pytest.raises(BadSet, match=r"scores.csv needs one of path, .* Its first line names 'who', 'stars'"):
        IMPORTERS["generic"](tmp_path)


THREE = range(3)
TABLES = {
    "eyeq": {
        "Label_EyeQ_train.csv": (["image", "quality"], [["0.tif", 0], ["1.tif", 1]]),
        "Label_EyeQ_test.csv": (["image", "quality"], [["2.tif", 2]]),
    },
    "koniq": {"k.csv": (["image_name", "MOS", "set"], [[f"{n}.tif", 1.5 + n, "test" if n else "x"] for n in THREE])},
    "mriqc": {"y.csv": (["subject_id", "rating"], [[n, n - 1] for n in THREE])},
    "generic": {"scores.csv": (["path", "score", "modality"], [[f"{n}.tif", n, "cr"] for n in THREE])},
}


def write_layout(layout, folder):
    """Three scored images, as the layout has them."""
    write_empty(folder, *(f"{n}.tif" for n in THREE), *(f"sub-{n}_T1w.nii" for n in THREE))
    (folder / "train.json").write_text(json.dumps({f"{n}.tif": 1.1 * n for n in THREE}))
    for name, (columns, rows) in TABLES.get(layout, {}).items():
        write_table(folder / name, columns, rows)


@pytest.mark.parametrize("layout", sorted(IMPORTERS))
def test_a_set_read_in_place_is_what_its_import_would_be_and_nothing_is_written(layout, tmp_path):
    write_layout(layout, tmp_path)
    before = sorted(tmp_path.iterdir())
    found = imported_set(layout, tmp_path)
    assert sorted(tmp_path.iterdir()) == before
    write_set(IMPORTERS[layout](tmp_path), tmp_path / "SET.csv")
    assert found.rows == CsvSet.read(tmp_path / "SET.csv").rows
    assert (len(found.rows), found.name, found.folder) == (3, layout, tmp_path)


@pytest.mark.parametrize(
    ("layout", "scale"),
    [("ldctiqac2023", (0, 4)), ("eyeq", (0, 2)), ("koniq", (1.5, 3.5)), ("mriqc", (-1, 1)), ("generic", (0, 2))],
)
def test_the_scale_is_the_layouts_else_what_the_scores_span_and_a_given_one_wins(layout, scale, tmp_path):
    write_layout(layout, tmp_path)
    assert imported_set(layout, tmp_path).scale == Scale(*scale)
    assert imported_set(layout, tmp_path, Scale(-5, 5)).scale == Scale(-5, 5)


def test_a_score_outside_the_layouts_scale_is_refused_with_its_image(tmp_path):
    write_empty(tmp_path, "0.tif", "1.tif")
    (tmp_path / "train.json").write_text(json.dumps({"0.tif": 1, "1.tif": 4.5}))
    with pytest.raises(BadSet, match=r"1.tif: 4.5 lies outside the scale 0 to 4."):
        imported_set("ldctiqac2023", tmp_path)


def test_a_layout_without_any_score_is_refused_in_place_too(tmp_path):
    write_table(tmp_path / "scores.csv", ["path", "score"], [["1.png", ""]])
    with pytest.raises(BadSet, match="No score belongs to an image"):
        imported_set("generic", tmp_path)
