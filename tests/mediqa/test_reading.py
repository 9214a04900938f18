import os
from pathlib import Path

import data_store
import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from inference.mediqa.errors import UnreadableFile
from inference.mediqa.reading import ReadImage, Refused, read_path, read_paths


def sample_file(name: str) -> Path:
    return Path(str(get_testdata_file(name)))


def images_of(*paths: Path) -> list[ReadImage]:
    """What is found under the paths, of which nothing is refused."""
    found = list(read_paths(paths))
    assert all(isinstance(one, ReadImage) for one in found), found
    return [one for one in found if isinstance(one, ReadImage)]


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
    (read,) = images_of(tmp_path)
    image = read.image
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
    assert sorted(len(one.image.pixels) for one in images_of(tmp_path)) == [1, 2, 2]


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


def test_slices_of_different_sizes_are_images_of_their_own(tmp_path):
    write_series(tmp_path, [0, 1])
    dataset = dcmread(tmp_path / "00.dcm")
    dataset.Rows //= 2
    dataset.PixelData = dataset.PixelData[: len(dataset.PixelData) // 2]
    dataset.save_as(tmp_path / "00.dcm")
    assert sorted(one.image.pixels.shape for one in images_of(tmp_path)) == [(1, 64, 128), (1, 128, 128)]


def test_projections_of_a_series_are_images_of_their_own(tmp_path):
    """Four views of a mammography are no volume of four slices."""
    write_series(tmp_path, [0, 0, 0])
    for path in tmp_path.iterdir():
        dataset = dcmread(path)
        dataset.Modality = "MG"
        dataset.save_as(path)
    found = images_of(tmp_path)
    assert [(one.image.prompt.dimension, one.image.prompt.modality) for one in found] == [("2D", "MG")] * 3
    assert len({one.name for one in found}) == 3


@pytest.mark.parametrize(("name", "slices"), [("CT_small.dcm", 1), ("emri_small.dcm", 10)])
def test_an_object_that_lies_in_a_folder_twice_is_two_images(tmp_path, name, slices):
    for copy in ("a.dcm", "b.dcm"):
        (tmp_path / copy).write_bytes(sample_file(name).read_bytes())
    found = images_of(tmp_path)
    assert [one.name for one in found] == [str(tmp_path / "a.dcm"), str(tmp_path / "b.dcm")]
    assert [len(one.image.pixels) for one in found] == [slices, slices]


def test_a_damaged_slice_is_refused_by_itself(tmp_path):
    write_series(tmp_path, [0, 1, 2])
    content = (tmp_path / "01.dcm").read_bytes()
    (tmp_path / "01.dcm").write_bytes(content[:-1000])
    refused, read = read_paths([tmp_path])
    assert isinstance(refused, Refused)
    assert refused.name == str(tmp_path / "01.dcm")
    assert refused.reason.startswith("The pixel data end after")
    assert isinstance(read, ReadImage)
    assert read.image.pixels[:, 0, 0].tolist() == [0, 2]


def test_an_enhanced_object_is_read_through_its_functional_groups():
    """Of a CT whose rescale stands there alone, air is at -1024 HU."""
    store = Path(next(iter(data_store.__path__))) / "data" / "eCT_Supplemental.dcm"
    image = read_path(store).image
    assert image.pixels.min() == -1024
    assert image.spacing_mm is not None


def test_an_inverse_presentation_is_inverted(tmp_path):
    dataset = dcmread(sample_file("MR_small.dcm"))
    dataset.PresentationLUTShape = "INVERSE"
    dataset.save_as(tmp_path / "a.dcm")
    assert read_path(tmp_path / "a.dcm").image.is_inverted
    assert not read_path(sample_file("MR_small.dcm")).image.is_inverted


def test_a_picture_whose_zero_is_white_is_turned_round(tmp_path):
    pixels = np.tile(np.arange(32, dtype=np.uint8), (32, 1))
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite")
    np.testing.assert_array_equal(read_path(tmp_path / "a.tif").image.pixels[0], 255.0 - pixels)


def test_only_a_window_of_the_header_is_a_window(tmp_path):
    """A measured one, which a reader is shown where the header has none, says nothing that the pixels don't."""
    dataset = dcmread(sample_file("MR_small.dcm"))
    dataset.WindowCenter, dataset.WindowWidth = 600, 1600
    dataset.save_as(tmp_path / "with.dcm")
    del dataset.WindowCenter, dataset.WindowWidth
    dataset.save_as(tmp_path / "without.dcm")
    assert read_path(tmp_path / "with.dcm").image.window == (600, 1600)
    assert read_path(tmp_path / "without.dcm").image.window is None


def test_objects_without_identifiers_are_read_all_the_same(tmp_path):
    """Nothing is stored under them here."""
    for name in ("a.dcm", "b.dcm"):
        dataset = dcmread(sample_file("CT_small.dcm"))
        del dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID
        dataset.save_as(tmp_path / name)
    assert len(images_of(tmp_path)) == 2


def test_time_points_are_images_and_a_path_names_the_first(tmp_path):
    volume = np.stack([np.full((8, 8, 3), value, dtype=np.int16) for value in (1, 2)], axis=-1)
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), tmp_path / "a.nii")
    found = images_of(tmp_path)
    assert [one.name for one in found] == [str(tmp_path / "a.nii"), f"{tmp_path / 'a.nii'} [2]"]
    assert [float(one.image.pixels.max()) for one in found] == [1, 2]
    assert read_path(tmp_path / "a.nii").image.pixels.max() == 1


def test_a_header_that_cannot_be_read_is_a_matter_of_its_own_file(tmp_path):
    write_series(tmp_path, [0, 1])
    dataset = dcmread(sample_file("CT_small.dcm"))
    dataset.add_new("NumberOfFrames", "IS", "1")
    dataset["NumberOfFrames"]._value = "1A"
    dataset.save_as(tmp_path / "z.dcm")
    read, refused = read_paths([tmp_path])
    assert isinstance(read, ReadImage)
    assert len(read.image.pixels) == 2
    assert refused == Refused(str(tmp_path / "z.dcm"), "The tag NumberOfFrames is not a whole number.")


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
        read_path(path)
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


def test_links_are_followed_and_hidden_files_are_not_looked_at(tmp_path):
    (tmp_path / "patient").mkdir()
    write_series(tmp_path / "patient", [0])
    (tmp_path / "patient" / "round").symlink_to(tmp_path / "patient", target_is_directory=True)
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "linked").symlink_to(tmp_path / "patient", target_is_directory=True)
    (tmp_path / "set" / "._a.png").write_bytes(b"what another system says of a.png")
    (read,) = images_of(tmp_path / "set")
    assert read.name == str(tmp_path / "set" / "linked" / "00.dcm")


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "a.dcm")
    with pytest.raises(UnreadableFile, match="no file"):
        read_path(tmp_path / "a.dcm")
