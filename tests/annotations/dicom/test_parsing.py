"""What is read, and what is refused with which reason."""

import zlib

import pytest

from annotations.dicom.frames import decode_frames
from annotations.dicom.loading import load_datasets
from annotations.dicom.parsing import RefusalReason, RefusedFile, read_dataset
from tests.annotations.dicom.builders import PYDICOM_FILES, make_dataset, real_files, to_bytes


def refusal_of(content: bytes) -> RefusedFile:
    with pytest.raises(RefusedFile) as caught:
        load_datasets(content)
    return caught.value


def test_read_dataset_takes_a_file_without_preamble_and_meta_header() -> None:
    content = to_bytes(make_dataset())
    assert read_dataset(content[content.index(b"\x08\x00\x16\x00") :]).Rows == 8


def test_read_dataset_takes_a_meta_header_without_preamble() -> None:
    assert read_dataset(to_bytes(make_dataset())[128:]).Rows == 8


def test_read_dataset_reads_deflated_elements() -> None:
    dataset = read_dataset((PYDICOM_FILES / "image_dfl.dcm").read_bytes())
    assert next(decode_frames(dataset)).shape == (512, 512)


def test_read_dataset_refuses_deflated_elements_that_unfold_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotations.dicom.parsing.MAXIMUM_INFLATED_BYTES", 2**20)
    content = (PYDICOM_FILES / "image_dfl.dcm").read_bytes()
    start = content.index(b"1.2.840.10008.1.2.1.99")
    compressor = zlib.compressobj(wbits=-15)
    bomb = compressor.compress(bytes(2**24)) + compressor.flush()
    header = content[: start + 22 + content[start:].index(b"\x02\x00\x12\x00") - 22]
    assert refusal_of(header + bomb).reason == RefusalReason.ARCHIVE_BOMB


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
def test_read_dataset_names_the_missing_uid(keyword: str) -> None:
    content = to_bytes(make_dataset())
    dataset = read_dataset(content)
    del dataset[keyword]
    stripped = dataset_bytes(dataset)
    refused = refusal_of(stripped)
    assert refused.reason == RefusalReason.MISSING_TAG
    assert keyword in refused.detail


def dataset_bytes(dataset: object) -> bytes:
    """Written as it is, without pydicom's own checks."""
    from io import BytesIO

    import pydicom

    stream = BytesIO()
    pydicom.dcmwrite(stream, dataset, enforce_file_format=False)
    return stream.getvalue()


@pytest.mark.parametrize("value", ["../../etc/passwd", "1.2.x", "1" * 65, "1..2"])
def test_read_dataset_refuses_invalid_uids(value: str) -> None:
    refused = refusal_of(to_bytes(make_dataset(SeriesInstanceUID=value)))
    assert refused.reason == RefusalReason.INVALID_UID
    assert value not in refused.detail


@pytest.mark.parametrize("keyword", ["Rows", "Columns"])
def test_read_dataset_names_the_missing_image_tag(keyword: str) -> None:
    refused = refusal_of(dataset_bytes(make_dataset(**{keyword: None})))
    assert refused.reason == RefusalReason.MISSING_TAG
    assert keyword in refused.detail


def test_read_dataset_refuses_truncated_pixels() -> None:
    refused = refusal_of(to_bytes(make_dataset())[:-10])
    assert refused.reason == RefusalReason.TRUNCATED


def test_read_dataset_refuses_huge_declared_sizes_before_allocating() -> None:
    huge = make_dataset(Rows=65535, Columns=65535, NumberOfFrames=20_000)
    assert refusal_of(to_bytes(huge)).reason == RefusalReason.TOO_LARGE


def test_read_dataset_refuses_more_declared_frames_than_there_are() -> None:
    assert refusal_of(to_bytes(make_dataset(NumberOfFrames=3))).reason == RefusalReason.TRUNCATED
    assert refusal_of(to_bytes(make_dataset(NumberOfFrames=10**7))).reason == RefusalReason.TOO_LARGE


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("test-SR.dcm", "Comprehensive SR"),
        ("rtstruct.dcm", "RT Structure Set"),
        ("rtplan.dcm", "RT Plan"),
        ("rtdose.dcm", "dose grid"),
        ("waveform_ecg.dcm", "ECG"),
        ("liver_1frame.dcm", "segmentation"),
    ],
)
def test_read_dataset_says_what_an_object_without_image_is(name: str, word: str) -> None:
    refused = refusal_of((PYDICOM_FILES / name).read_bytes())
    assert refused.reason == RefusalReason.NOT_DICOM_IMAGE
    assert word in refused.detail


def test_read_dataset_refuses_encapsulated_pdf() -> None:
    pdf = make_dataset(SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1", PixelData=None, Rows=None, Columns=None)
    refused = refusal_of(to_bytes(pdf))
    assert refused.reason == RefusalReason.NOT_DICOM_IMAGE
    assert "Encapsulated PDF" in refused.detail


def test_read_dataset_passes_a_dicomdir_over_silently() -> None:
    refused = refusal_of((PYDICOM_FILES / "dicomdirtests" / "DICOMDIR").read_bytes())
    assert refused.reason == RefusalReason.DICOMDIR
    assert refused.reason.is_silent


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 500, b"%PDF-1.4 ...", b"\x7fELF" + b"\1" * 300])
def test_load_datasets_refuses_other_files(content: bytes) -> None:
    assert refusal_of(content).reason in (RefusalReason.EMPTY, RefusalReason.NOT_AN_IMAGE_FILE)


def test_read_dataset_refuses_wrong_bits_and_samples() -> None:
    assert refusal_of(to_bytes(make_dataset(BitsStored=40))).reason == RefusalReason.UNSUPPORTED_PIXELS
    assert refusal_of(to_bytes(make_dataset(SamplesPerPixel=4))).reason == RefusalReason.UNSUPPORTED_PIXELS
    assert refusal_of(to_bytes(make_dataset(BitsAllocated=12))).reason == RefusalReason.UNSUPPORTED_PIXELS


def test_refusals_never_name_the_file_or_the_patient() -> None:
    details = {path.name: detail_of(path.read_bytes()) for path in real_files() if path.name != "DICOMDIR"}
    assert not [name for name, detail in details.items() if "^" in detail or name in detail]


def detail_of(content: bytes) -> str:
    try:
        load_datasets(content)
    except RefusedFile as refused:
        return refused.detail
    return ""
