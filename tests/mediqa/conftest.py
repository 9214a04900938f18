"""Real images that come with pydicom and pydicom-data (MIT); nothing here needs Django."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.pixels.processing import apply_rescale
from pydicom.uid import ExplicitVRLittleEndian

from inference.mediqa import Features, ImageArray, Predictor, Prompt
from inference.mediqa.prompt import prompt_from_header
from inference.mediqa.simulation.sources import KEYWORDS, SourceSlice

HELD_OUT_FILES = ("CT_small.dcm", "693_UNCR.dcm", "MR2_UNCR.dcm", "MR-SIEMENS-DICOM-WithOverlays.dcm", "RG3_UNCR.dcm")


def read_slice(name: str) -> SourceSlice:
    """Read a grey 2-D file of pydicom or pydicom-data by its name."""
    path = get_testdata_file(name)
    assert path is not None, f"{name}: is pydicom-data installed?"
    dataset = dcmread(str(path))
    header = {key: dataset.get(key) for key in KEYWORDS if key in dataset} | {"dimension": "2D"}
    pixels = np.ascontiguousarray(apply_rescale(dataset.pixel_array, dataset), dtype=np.float32)
    return SourceSlice(
        source=Path(name).stem,
        series=name,
        patient=name,
        pixels=pixels,
        prompt=prompt_from_header(header)[0],
        is_inverted=dataset.PhotometricInterpretation == "MONOCHROME1",
        spacing_mm=0.7,
    )


@pytest.fixture(autouse=True)
def _one_thread():
    """The suite shares the machine, and sums in one thread are the same every time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    """The model that is shipped."""
    return Predictor.load(device="cpu")


@pytest.fixture(scope="session")
def held_out_slices() -> list[SourceSlice]:
    """CT, MR and X-ray of several bodies, none of them used in training."""
    return [read_slice(name) for name in HELD_OUT_FILES]


@pytest.fixture(scope="session")
def ct_slice(held_out_slices: list[SourceSlice]) -> SourceSlice:
    return held_out_slices[1]


def ultrasound(pixels: np.ndarray, **elements: object) -> Dataset:
    """One object of 8 bits without a window, [rows, columns]; elements are set last."""
    dataset = dcmread(str(get_testdata_file("CT_small.dcm")))
    for name in ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth"):
        if name in dataset:
            del dataset[name]
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.Modality, dataset.Rows, dataset.Columns = "US", *pixels.shape
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OB"
    for name, value in elements.items():
        setattr(dataset, name, value)
        if name.endswith("Descriptor"):
            dataset[name].VR = "US"
    return dataset


def phantom(slices: int = 1, side: int = 160, seed: int = 0) -> np.ndarray:
    """Return a smooth body with an inner structure and a little noise, float32 [slices, side, side]."""
    rng = np.random.default_rng(seed)
    ticks = np.linspace(-1, 1, side)
    radius = np.hypot(ticks[:, None], ticks[None, :])
    body = 100.0 * (radius < 0.8) + 40 * np.cos(9 * ticks)[None, :] * (radius < 0.6)
    return (body + rng.normal(0, 2, size=(slices, side, side))).astype(np.float32)


@pytest.fixture
def mr_volume() -> ImageArray:
    return ImageArray(pixels=phantom(12), prompt=Prompt("3D", "MR", "head", "t1"))


def random_features(
    count: int, *, slices: int = 1, tokens: int = 20, channels: int = 12, seed: int = 0
) -> list[Features]:
    """Return features with one hidden number each, ``tokens[..., 0]``, that a head can find."""
    rng = np.random.default_rng(seed)
    features = []
    for hidden in rng.uniform(-1, 1, size=count):
        values = rng.normal(0, 1, size=(slices, tokens, channels))
        values[..., 0] = 2 * hidden + rng.normal(0, 0.3, size=(slices, tokens))
        features.append(
            Features(
                embedding=np.concatenate([values.mean((0, 1)), values.std((0, 1))]).astype(np.float32),
                tokens=values.astype(np.float16),
                slice_indices=np.arange(slices),
                salience=np.ones(slices, dtype=np.float32),
                tile_boxes=np.zeros((slices, 1, 4), dtype=np.float32),
                prompt_codes=np.zeros(4, dtype=np.int64),
                prompt_confidence=np.zeros(4, dtype=np.float32),
            )
        )
    return features


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Two sources of real files, and rubbish beside them."""
    for source, names in {"first": ["CT_small.dcm", "JPEG2000_UNC.dcm"], "second": ["MR_small.dcm"]}.items():
        (tmp_path / source).mkdir()
        for name in names:
            (tmp_path / source / name).write_bytes(Path(str(get_testdata_file(name))).read_bytes())
    (tmp_path / "first" / "notes.txt").write_text("no image")
    (tmp_path / "second" / "again.dcm").write_bytes((tmp_path / "second" / "MR_small.dcm").read_bytes())
    return tmp_path
