"""Damaged files lead to stored frames or to a refusal, never to anything else."""

import contextlib
import gzip
from io import BytesIO

import nibabel
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from annotations.dicom.refusals import RefusedFile
from tests.annotations.dicom.builders import DATA_STORE_FILES, PYDICOM_FILES, ingest

NAMES = (
    "CT_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "SC_rgb_dcmtk_+eb+cy+s4.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "JPGExtended.dcm",
    "image_dfl.dcm",
    "emri_small.dcm",
    "emri_small_jpeg_2k_lossless.dcm",
    "mlut_18.dcm",
)


def make_files() -> dict[str, bytes]:
    files = {}
    for name in NAMES:
        folder = PYDICOM_FILES if (PYDICOM_FILES / name).exists() else DATA_STORE_FILES
        files[name] = (folder / name).read_bytes()
    values = np.random.default_rng(0).integers(0, 65535, (3, 20, 30)).astype(np.uint16)
    for kind, picture in (("PNG", values[0]), ("JPEG", (values[0] >> 8).astype(np.uint8))):
        stream = BytesIO()
        Image.fromarray(picture).save(stream, kind)
        files[kind] = stream.getvalue()
    stream = BytesIO()
    tifffile.imwrite(stream, values, photometric="minisblack")
    files["TIFF"] = stream.getvalue()
    files["NIfTI"] = gzip.compress(nibabel.Nifti1Image(values.astype(np.int32), np.eye(4)).to_bytes())
    return files


FILES = make_files()
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from(["flip", "set", "cut", "insert"]), st.integers(0, 255)),
    min_size=1,
    max_size=8,
)


def damage(content: bytes, edits: list[tuple[float, str, int]], reach: float) -> bytes:
    """Edits at places within the first `reach` of the content."""
    found = bytearray(content)
    for place, edit, value in edits:
        at = int(place * reach * max(len(found) - 1, 0))
        if edit == "flip":
            found[at : at + 1] = bytes(byte ^ (1 << value % 8) for byte in found[at : at + 1])
        elif edit == "set":
            found[at : at + 1] = bytes([value])
        elif edit == "cut":
            del found[at : at + value % 9]
        else:
            found[at:at] = bytes([value]) * (value % 5)
    return bytes(found)


def attempt(content: bytes) -> None:
    """Anything but a refusal goes up and fails the test."""
    with contextlib.suppress(RefusedFile):
        ingest(content)


@pytest.mark.parametrize("name", sorted(FILES))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(edits=EDITS, reach=st.sampled_from([0.02, 0.2, 1.0]))
def test_damaged_files_are_taken_or_refused(name: str, edits: list[tuple[float, str, int]], reach: float) -> None:
    attempt(damage(FILES[name], edits, reach))


@pytest.mark.parametrize("name", sorted(FILES))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(share=st.floats(0, 1))
def test_truncated_files_are_taken_or_refused(name: str, share: float) -> None:
    attempt(FILES[name][: int(share * len(FILES[name]))])


@given(content=st.binary(max_size=400))
@settings(max_examples=100, deadline=None)
def test_noise_is_refused(content: bytes) -> None:
    attempt(content)
    attempt(bytes(128) + b"DICM" + content)
