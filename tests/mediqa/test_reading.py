from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from inference.mediqa.errors import MediqaError
from inference.mediqa.reading import ImageFiles, UnreadableFile, find_images, read_image, read_path


def sample_file(name: str) -> Path:
    return Path(str(get_testdata_file(name)))


def write_series(folder: Path, positions: list[float]) -> None:
    """CT slices of one series whose file names are not in order of place; each holds its position as a value."""
    dataset = dcmread(sample_file("CT_small.dcm"))
    dataset.SeriesInstanceUID = generate_uid()
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    for number, position in enumerate(positions):
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.ImagePositionPatient = [0, 0, position]
        pixels = np.full((dataset.Rows, dataset.Columns), int(position), dtype=np.int16)
        dataset.PixelData = pixels.tobytes()
        dataset.save_as(folder / f"{number:02}.dcm")


def test_slices_of_a_series_are_one_volume_in_order_of_place(tmp_path):
    write_series(tmp_path, [30, 0, 20, 10])
    (files,) = find_images([tmp_path])
    image = read_image(files).image
    assert image.pixels[:, 0, 0].tolist() == [0, 10, 20, 30]
    assert image.prompt.dimension == "3D"
    assert image.spacing_mm is not None
    assert image.spacing_mm[0] == 10.0


def test_a_folder_gives_every_series_and_every_picture(tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        write_series(tmp_path / name, [0, 1])
    PillowImage.fromarray(np.eye(32, dtype=np.uint8) * 200).save(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("not an image")
    assert sorted(len(files.paths) for files in find_images([tmp_path])) == [1, 2, 2]


def test_dicom_comes_in_modality_units_with_its_prompt_window_and_patient():
    read = read_path(sample_file("CT_small.dcm"))
    dataset = dcmread(sample_file("CT_small.dcm"))
    expected = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    np.testing.assert_allclose(read.image.pixels[0], expected)
    assert (read.image.prompt.modality, read.provenance["modality"]) == ("CT", "dicom")
    assert read.patient == "1CT1"


@pytest.mark.parametrize("rescale", [(1, -1024), (2, 5), (0.37, -12.5), (1, 2**25)])
def test_modality_units_are_those_of_float64_rounded_once(tmp_path, rescale):
    dataset = dcmread(sample_file("CT_small.dcm"))
    dataset.RescaleSlope, dataset.RescaleIntercept = rescale
    dataset.save_as(tmp_path / "a.dcm")
    expected = (dataset.pixel_array.astype(np.float64) * rescale[0] + rescale[1]).astype(np.float32)
    np.testing.assert_array_equal(read_path(tmp_path / "a.dcm").image.pixels[0], expected)


def test_slices_of_different_sizes_are_no_volume(tmp_path):
    write_series(tmp_path, [0])
    paths = (tmp_path / "00.dcm", sample_file("MR_small.dcm"))
    with pytest.raises(MediqaError):
        read_image(ImageFiles("both", paths))


def test_a_header_that_cannot_be_read_is_a_matter_of_its_own_file(tmp_path):
    write_series(tmp_path, [0, 1])
    dataset = dcmread(sample_file("CT_small.dcm"))
    dataset.add_new("NumberOfFrames", "IS", "1")
    dataset["NumberOfFrames"]._value = "1A"
    dataset.save_as(tmp_path / "z.dcm")
    assert sorted(len(files.paths) for files in find_images([tmp_path])) == [1, 2]


def test_colour_becomes_luminance_in_every_format(tmp_path):
    green = np.zeros((32, 32, 3), dtype=np.uint8)
    green[..., 1] = 100
    PillowImage.fromarray(green).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", green, photometric="rgb")
    for name in ("a.png", "a.tif"):
        pixels = read_path(tmp_path / name).image.pixels
        assert pixels.shape == (1, 32, 32)
        assert pixels.max() == pytest.approx(58.7, abs=0.1)  # ITU-R BT.601: 0.587 of green


def test_nifti_slices_run_from_feet_to_head_with_the_front_up(tmp_path):
    volume = np.zeros((8, 10, 4), dtype=np.float32)
    volume[:, :, 3] = 5.0  # the uppermost slice, in RAS
    volume[:, 9, 0] = 7.0  # the front of the lowest
    nibabel.save(nibabel.Nifti1Image(volume, np.diag([1.0, 2.0, 3.0, 1.0])), tmp_path / "a.nii.gz")
    image = read_path(tmp_path / "a.nii.gz").image
    assert image.pixels.shape == (4, 10, 8)
    assert (image.pixels[3] == 5).all()
    assert (image.pixels[0, 0] == 7).all()
    assert image.spacing_mm == (3.0, 2.0, 1.0)


def test_what_the_user_knows_wins_over_the_header():
    read = read_path(sample_file("CT_small.dcm"), override={"region": "head"})
    assert (read.image.prompt.region, read.provenance["region"]) == ("head", "override")


@pytest.mark.parametrize("name", ["broken.dcm", "broken.png", "broken.nii.gz", "broken.tif", "missing.dcm"])
def test_a_file_that_cannot_be_read_says_so_without_naming_itself(tmp_path, name):
    path = tmp_path / name
    if "missing" not in name:
        path.write_bytes(b"this is no image at all, whatever its name says")
    with pytest.raises(UnreadableFile) as refused:
        read_image(ImageFiles(str(path), (path,)))
    assert "broken" not in str(refused.value)
    assert str(refused.value).endswith(".")


def test_a_dicom_object_without_an_image_is_refused(tmp_path):
    path = sample_file("rtplan.dcm")
    with pytest.raises(UnreadableFile, match="no image"):
        read_path(path)


def test_a_path_that_names_several_images_is_refused_as_one(tmp_path):
    for name in ("a.png", "b.png"):
        PillowImage.fromarray(np.eye(32, dtype=np.uint8) * 200).save(tmp_path / name)
    with pytest.raises(UnreadableFile, match="holds 2 images"):
        read_path(tmp_path)
