"""What every method works on: the representations of all images of a set, taken in one pass."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from inference.mediqa.benchmark.errors import BadSet
from inference.mediqa.benchmark.features import MEASURED, measured_features, signal_to_noise
from inference.mediqa.benchmark.sets import BenchmarkSet, Sample
from inference.mediqa.errors import UnscorableImage
from inference.mediqa.network import Network
from inference.mediqa.predictor import Predictor
from inference.mediqa.preprocessing import PreprocessingConfig, prepare
from inference.mediqa.reading import Refused
from inference.mediqa.types import DoubleArray, Features, HalfArray, IndexArray, PreparedImage, Prompt

PRETRAINED, RANDOM = "pretrained", "random"
CHUNK = 16
OnImage = Callable[[int], None]


@dataclass(frozen=True)
class Material:
    """n images. features: encoder's name -> [n]; tiles: name of the method that trains on them -> float16
    [T, V, S, S] of each image's first salient slice."""

    names: tuple[str, ...]
    groups: tuple[str, ...]
    split: tuple[str, ...]
    prompts: tuple[Prompt, ...]
    target: DoubleArray  # [n]
    measured: DoubleArray  # [n, MEASURED]
    snr: DoubleArray  # [n]
    features: Mapping[str, Sequence[Features]]
    tiles: Mapping[str, Sequence[HalfArray]] = field(default_factory=dict)
    quality: DoubleArray | None = None  # [n], of simulated images
    severities: tuple[Mapping[str, float], ...] = ()
    refused: tuple[Refused, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.names)

    @property
    def modalities(self) -> tuple[str, ...]:
        return tuple(prompt.modality for prompt in self.prompts)

    def pick(self, rows: IndexArray) -> Material:
        """Return some of the images."""
        return replace(
            self,
            names=tuple(self.names[row] for row in rows),
            groups=tuple(self.groups[row] for row in rows),
            split=tuple(self.split[row] for row in rows),
            prompts=tuple(self.prompts[row] for row in rows),
            target=self.target[rows],
            measured=self.measured[rows],
            snr=self.snr[rows],
            features={name: [own[row] for row in rows] for name, own in self.features.items()},
            tiles={name: [own[row] for row in rows] for name, own in self.tiles.items()},
            quality=None if self.quality is None else self.quality[rows],
            severities=tuple(self.severities[row] for row in rows) if self.severities else (),
        )


def random_encoder(predictor: Predictor, seed: int = 0) -> Predictor:
    """Return the predictor with an encoder of the same shape that was never trained."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Network(predictor.config)
    return Predictor(network, predictor.prior, predictor.ood, device=predictor.device)


def gather(
    images: BenchmarkSet,
    encoders: Mapping[str, Predictor],
    *,
    keeps_tiles: Mapping[str, PreprocessingConfig] | None = None,
    on_image: OnImage | None = None,
) -> Material:
    """Read every image once and take all that the methods need; raises BadSet where none can be read."""
    gathering = _Gathering(encoders, keeps_tiles or {})
    for number, sample in enumerate(images, start=1):
        gathering.add(sample)
        if on_image is not None:
            on_image(number)
    return gathering.material()


class _Gathering:
    """Collects rows; images are encoded in chunks."""

    def __init__(self, encoders: Mapping[str, Predictor], keeps_tiles: Mapping[str, PreprocessingConfig]) -> None:
        self._encoders, self._keeps_tiles = encoders, keeps_tiles
        self._samples: list[Sample] = []
        self._refused: list[Refused] = []
        self._measured: list[DoubleArray] = []
        self._snr: list[float] = []
        self._waiting: list[PreparedImage] = []
        self._tiles: dict[str, list[HalfArray]] = {name: [] for name in keeps_tiles}
        self._features: dict[str, list[Features]] = {name: [] for name in encoders}

    def add(self, sample: Sample | Refused) -> None:
        if isinstance(sample, Refused):
            self._refused.append(sample)
            return
        try:
            prepared = next(iter(self._encoders.values())).prepare(sample.image)
            measured, snr = measured_features(sample.image), signal_to_noise(sample.image)
        except UnscorableImage as error:
            self._refused.append(Refused(sample.name, error.detail))
            return
        for name, config in self._keeps_tiles.items():
            self._tiles[name].append(prepare(sample.image, config).tiles[0])
        self._samples.append(
            replace(sample, image=replace(sample.image, pixels=np.zeros((1, 1, 1), np.float32), judged=None))
        )
        self._measured.append(measured)
        self._snr.append(snr)
        self._waiting.append(prepared)
        if len(self._waiting) == CHUNK:
            self._encode()

    def _encode(self) -> None:
        for name, encoder in self._encoders.items():
            self._features[name] += encoder.encode_prepared(self._waiting)
        self._waiting = []

    def material(self) -> Material:
        self._encode()
        samples = self._samples
        if not samples:
            raise BadSet(_none_read(self._refused))
        return Material(
            names=tuple(one.name for one in samples),
            groups=tuple(one.group for one in samples),
            split=tuple(one.split for one in samples),
            prompts=tuple(one.image.prompt for one in samples),
            target=np.array([one.score for one in samples]),
            measured=np.array(self._measured).reshape(-1, MEASURED),
            snr=np.array(self._snr),
            features=self._features,
            tiles=self._tiles,
            quality=_qualities(samples),
            severities=tuple(one.severities for one in samples if one.severities is not None),
            refused=tuple(self._refused),
        )


def _none_read(refused: Sequence[Refused]) -> str:
    if not refused:
        return "The set holds no image."
    first = refused[0]
    return f"No image of the set can be read: {len(refused)} were refused, the first, {first.name}: {first.reason}"


def _qualities(samples: Collection[Sample]) -> DoubleArray | None:
    known = [one.quality for one in samples if one.quality is not None]
    return np.array(known) if len(known) == len(samples) else None
