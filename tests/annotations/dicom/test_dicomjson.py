"""Metadata as the stored frames are served."""

import json

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import JPEG2000

from annotations.dicom.dicomjson import dumps, metadata
from annotations.dicom.frames import frame_format
from annotations.dicom.loading import load_datasets
from annotations.dicom.refusals import RefusedFile
from tests.annotations.dicom.builders import make_dataset, real_files


def model_of(dataset: Dataset, **options: bool) -> dict[str, dict[str, object]]:
    return json.loads(dumps(metadata(dataset, frame_format(dataset), **options)))


def value(model: dict[str, dict[str, object]], tag: str) -> object:
    found = model[tag]["Value"]
    assert isinstance(found, list)
    return found[0]


def test_pixel_module_is_that_of_the_stored_frames() -> None:
    dataset = make_dataset(np.zeros((8, 8), np.int8), PlanarConfiguration=1)
    model = model_of(dataset)
    assert [value(model, tag) for tag in ("00280100", "00280101", "00280102", "00280103")] == [16, 16, 15, 1]
    assert value(model, "00083002") == "1.2.840.10008.1.2.4.202"
    assert "7FE00010" not in model


def test_colours_are_served_as_rgb() -> None:
    model = model_of(make_dataset(np.zeros((8, 8, 3), np.uint8), PhotometricInterpretation="YBR_FULL", WindowCenter=1))
    assert value(model, "00280004") == "RGB"
    assert "00281050" not in model


def test_identity_is_left_out_unless_asked_for() -> None:
    dataset = make_dataset(InstitutionName="HOSPITAL", PatientAge="050Y", AccessionNumber="A1")
    nested = Dataset()
    nested.PatientID, nested.OperatorsName = "SECRET-ID", "SECRET^NAME"
    dataset.ReferencedImageSequence = [nested]
    plain = dumps(metadata(dataset, frame_format(dataset)))
    assert not any(word in plain for word in ("SECRET", "HOSPITAL", "A1"))
    assert "050Y" in plain
    full = model_of(dataset, with_identity=True)
    assert value(full, "00100010") == {"Alphabetic": "SECRET^NAME"}


def test_numbers_that_json_cannot_hold_are_left_out() -> None:
    dataset = make_dataset(RescaleSlope="2")
    dataset.RevolutionTime = float("nan")
    dataset.add_new("FlipAngle", "LO", "abc")
    model = model_of(dataset)
    assert "Value" not in model["00189305"]
    assert value(model, "00281053") == 2


def test_rescale_of_moved_values_leads_to_modality_units() -> None:
    dataset = make_dataset(np.array([[100_000, 100_500]], np.int32), RescaleSlope="0.5", RescaleIntercept="1")
    model = model_of(dataset)
    assert (value(model, "00281053"), value(model, "00281052")) == (0.5, 50_001.0)


def test_every_real_file_gives_valid_json() -> None:
    for path in real_files():
        try:
            datasets = load_datasets(path.read_bytes())
            formats = [frame_format(dataset) for dataset in datasets]
        except RefusedFile:
            continue
        for dataset, stored_format in zip(datasets, formats, strict=True):
            model = json.loads(dumps(metadata(dataset, stored_format)))
            assert Dataset.from_json(model).SOPInstanceUID == dataset.SOPInstanceUID
            assert not any(tag.startswith(("7FE0", "60")) for tag in model)


def test_private_and_meta_elements_are_left_out() -> None:
    dataset = make_dataset()
    dataset.private_block(0x0011, "VENDOR", create=True).add_new(1, "LO", "SECRET")
    assert "SECRET" not in dumps(metadata(dataset, frame_format(dataset)))


@pytest.mark.parametrize("text", ["\ud800", "\0\1", "x" * 10_000])
def test_odd_text_is_valid_json(text: str) -> None:
    dataset = make_dataset()
    dataset.add_new("SeriesDescription", "LO", text)
    dumps(metadata(dataset, frame_format(dataset))).encode()


def test_transfer_syntax_of_the_file_does_not_appear() -> None:
    dataset = make_dataset()
    dataset.AvailableTransferSyntaxUID = JPEG2000
    assert value(model_of(dataset), "00083002") != JPEG2000
