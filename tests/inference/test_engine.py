"""From stored frames to what the model sees."""

from dataclasses import replace
from pathlib import Path

import data_store
import numpy as np
import pytest
from django.core.files.storage import default_storage
from pydicom import dcmread
from pydicom.data import get_testdata_file

from annotations.dicom.archives import walk_sources
from annotations.dicom.frames import decode_stored
from annotations.models import Image, PhysicalParameters
from annotations.services.ingestion import ingest_sources
from inference import engine
from inference.engine import Engine, _image_array, engine_for, read_frames
from inference.mediqa.errors import UnscorableImage
from inference.mediqa.network import Network
from inference.mediqa.network.profiles import NetworkConfig
from inference.mediqa.predictor import Predictor
from inference.mediqa.reading import read_path
from inference.mediqa.types import SCREEN
from inference.services.registry import features_version_of
from inference.sources import image_sources
from tests.inference.images import baseline, make_stored_image, phantom, store_frame
from tests.mediqa.conftest import ultrasound

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("objects")]


def looking_across(loaded: Engine) -> Predictor:
    """A predictor of the same heads around a network that looks across slices."""
    shipped = loaded._predictor
    return Predictor(Network(NetworkConfig(looks_across=True)), shipped.prior, shipped.ood, device="cpu")


def source_of(image):
    return image_sources([image.pk], features_version="none")[0]


def test_pixels_come_in_modality_units_and_stack_order(project):
    image = make_stored_image(project, slices=3)
    pixels = read_frames(source_of(image).frames)
    expected = np.stack([phantom(20, index).astype(np.float32) - 1024 for index in range(3)])
    assert pixels.dtype == np.float32
    np.testing.assert_array_equal(pixels, expected)


def test_colours_become_luminance(project):
    image = make_stored_image(project)
    colour = np.zeros((64, 64, 3), dtype=np.uint8)
    colour[..., 1] = 100
    store_frame(image, 0, colour)
    pixels = read_frames(source_of(image).frames)
    assert pixels.shape == (1, 64, 64)
    assert pixels.max() == pytest.approx(58.7, abs=0.1)  # ITU-R BT.601: 0.587 of green


def real_file(name: str) -> Path:
    store = Path(next(iter(data_store.__path__))) / "data"
    return store / name if (store / name).is_file() else Path(str(get_testdata_file(name)))


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm", "MR_small.dcm", "examples_palette.dcm", "examples_rgb_color.dcm", "OBXXXX1A_rle.dcm",
        "RG1_J2KI.dcm", "US1_J2KR.dcm", "eCT_Supplemental.dcm", "emri_small_jpeg_ls_lossless.dcm",
    ],
)  # fmt: skip
def test_a_file_is_the_same_to_the_platform_and_to_the_command_line(project, name):
    path = real_file(name)
    ingest_sources(project=project, sources=walk_sources([path]))
    image = Image.objects.in_project(project).get()
    stored, read = source_of(image), read_path(path)
    ours = _image_array(stored, read_frames(stored.frames))
    np.testing.assert_array_equal(ours.pixels, read.image.pixels)
    assert replace(ours, pixels=read.image.pixels) == read.image
    assert stored.provenance == read.provenance


@pytest.mark.parametrize("element", [{}, {"BitsStored": 7, "HighBit": 6}, {"PresentationLUTShape": "INVERSE"}])
def test_an_ultrasound_without_a_window_is_the_same_to_both(project, tmp_path, element):
    """A reader is shown a measured window, which the model, having learnt without, is not."""
    ultrasound(np.tile(np.arange(128, dtype=np.uint8), (64, 1)), **element).save_as(tmp_path / "a.dcm")
    ingest_sources(project=project, sources=walk_sources([tmp_path]))
    stored, read = source_of(Image.objects.in_project(project).get()), read_path(tmp_path / "a.dcm").image
    ours = _image_array(stored, read_frames(stored.frames))
    assert ours.window is None
    assert replace(ours, pixels=read.pixels) == read


@pytest.mark.parametrize(
    ("dtype", "rescale", "screen"),
    [("u1", (1, 0), SCREEN), ("u1", (2, 0), None), ("u1", (1, -9), None), ("u2", (1, 0), None)],
)
def test_only_bytes_that_stand_for_nothing_else_are_as_a_screen_showed_them(project, dtype, rescale, screen):
    image = make_stored_image(project)
    store_frame(image, 0, np.eye(64, dtype=dtype), slope=rescale[0], intercept=rescale[1])
    assert _image_array(source_of(image), np.ones((1, 64, 64), np.float32)).screen == screen


def test_slices_of_different_sizes_are_refused(project):
    image = make_stored_image(project, slices=2)
    store_frame(image, 1, np.zeros((32, 32), dtype=np.uint16))
    with pytest.raises(UnscorableImage):
        read_frames(source_of(image).frames)


def test_a_frame_with_a_rescale_of_its_own_uses_it(project):
    image = make_stored_image(project)
    store_frame(image, 0, phantom(0, 0), frame_rescales=((2.0, -5.0),))
    np.testing.assert_allclose(read_frames(source_of(image).frames)[0], phantom(0, 0) * 2.0 - 5.0)


def test_the_prompt_is_read_from_series_and_acquisition(project):
    image = make_stored_image(project, slices=2)
    image.series.modality, image.series.body_part_examined = "MR", "BRAIN"
    image.series.save()
    first = image.slices.get(index=0).instance
    PhysicalParameters.objects.create(instance=first, echo_time_ms=90.0, repetition_time_ms=4000.0)
    source = source_of(image)
    assert (source.prompt.dimension, source.prompt.modality, source.prompt.region) == ("3D", "MR", "head")
    assert source.prompt.image_type == "t2"
    assert set(source.provenance.values()) == {"dicom"}


def test_the_name_of_a_sequence_says_what_is_weighed_as_on_the_command_line(project, tmp_path):
    """Of an MR without descriptions or times."""
    dataset = dcmread(real_file("MR_small.dcm"))
    for keyword in ("SeriesDescription", "ProtocolName", "StudyDescription", "EchoTime", "RepetitionTime"):
        dataset.pop(keyword, None)
    dataset.SequenceName = "*tfl3d_flair"
    dataset.save_as(tmp_path / "a.dcm")
    ingest_sources(project=project, sources=walk_sources([tmp_path]))
    stored = source_of(Image.objects.in_project(project).get())
    assert stored.prompt.image_type == "flair"
    assert stored.prompt == read_path(tmp_path / "a.dcm").image.prompt


def test_a_volume_too_large_for_memory_is_scored_from_its_salient_slices(project, monkeypatch):
    image = make_stored_image(project, slices=40)
    image.slice_spacing_mm, image.row_spacing_mm, image.column_spacing_mm = 3.0, 1.0, 1.0
    image.save()
    loaded = Engine(looking_across(engine_for(baseline(project))))
    usual = loaded.prepare(source_of(image))
    monkeypatch.setattr(engine, "MOST_VOXELS", 64 * 64 * 10)
    reads = []
    monkeypatch.setattr(engine, "decode_stored", lambda content: reads.append(1) or decode_stored(content))
    long = loaded.prepare(source_of(image))
    chosen = {int(index) for index in long.slice_indices}
    with_those_beside = {index + step for index in chosen for step in (-1, 0, 1)} & set(range(40))
    assert len(reads) == 40 + len(with_those_beside) < 60
    np.testing.assert_array_equal(long.slice_indices, usual.slice_indices)
    np.testing.assert_array_equal(long.tiles, usual.tiles)
    assert usual.tiles[:, :, 2].any()
    assert len(long.salience) == 40


def test_a_network_that_sees_one_slice_at_a_time_reads_no_others_of_a_long_volume(project, monkeypatch):
    image = make_stored_image(project, slices=40)
    loaded = engine_for(baseline(project))
    assert not loaded._predictor.config.looks_across
    monkeypatch.setattr(engine, "MOST_VOXELS", 64 * 64 * 10)
    reads = []
    monkeypatch.setattr(engine, "decode_stored", lambda content: reads.append(1) or decode_stored(content))
    assert len(reads) == 0
    assert len(loaded.prepare(source_of(image)).slice_indices) == len(reads) - 40


def test_how_far_slices_lie_apart_is_told_to_the_model(project):
    image = make_stored_image(project, slices=3)
    loaded = Engine(looking_across(engine_for(baseline(project))))
    assert not loaded.prepare(source_of(image)).tiles[:, :, 2].any()  # nobody knows whether they are a stack
    image.slice_spacing_mm, image.row_spacing_mm, image.column_spacing_mm = 3.0, 1.0, 1.5
    image.save()
    assert source_of(image).spacing_mm == (3.0, 1.0, 1.5)
    assert loaded.prepare(source_of(image)).tiles[:, :, 2].any()


def test_a_model_is_loaded_once_in_a_process(project):
    version = baseline(project)
    loaded = engine_for(version)
    default_storage.delete(version.weights_name)
    assert engine_for(version) is loaded


def test_a_checkpoint_that_is_written_again_is_the_same_model(project):
    version = baseline(project)
    content = engine_for(version).checkpoint()
    assert features_version_of(content) == version.features_version
