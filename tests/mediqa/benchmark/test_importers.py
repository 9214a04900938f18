import json

import numpy as np
import pytest
import tifffile

from inference.mediqa.benchmark.importers import IMPORTERS, write_set
from inference.mediqa.benchmark.sets import BadSet, CsvSet, Sample
from inference.mediqa.reading import read_path
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
