"""Features of many Images: from the cache where there are some, else from pixels.

Three batches are under way at a time: one is read by threads, one is encoded, one is with the caller.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from inference import storage
from inference.mediqa.errors import MediqaError, UnscorableImage
from inference.mediqa.types import Features, PreparedImage
from inference.models import Embedding
from inference.services.contracts import Encoder
from inference.sources import ImageSource, image_sources

T = TypeVar("T")

logger = logging.getLogger(__name__)

DECODERS = min(4, os.cpu_count() or 1)
BATCHES_AHEAD = 1  # at each stage


@dataclass(frozen=True)
class Refusal:
    """Why an Image has no features: a stable word, and a sentence without identifiers."""

    reason: str
    detail: str


@dataclass
class FeatureBatch:
    """Some Images with their features, some with a refusal; `encoded` are those whose features are new."""

    known: list[tuple[ImageSource, Features]] = field(default_factory=list)
    refused: list[tuple[ImageSource, Refusal]] = field(default_factory=list)
    encoded: list[tuple[ImageSource, Features]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.known) + len(self.refused)


Obtained = Features | PreparedImage | Refusal
Waiting = list[tuple[ImageSource, "Future[Obtained]"]]


def feature_batches(*, image_ids: Sequence[int], encoder: Encoder) -> Iterator[FeatureBatch]:
    """The Images' features, batch by batch, in the order asked for.

    Threads read a batch while another encodes the one before it and the caller keeps the one before that. Queries are
    the caller's thread's. New features are not kept yet: `cached_embeddings` and `save_embeddings` do that.
    """
    with _threads(DECODERS, "decode") as decoding, _threads(1, "encode") as encoding:
        starts = range(0, len(image_ids), encoder.batch_size)
        read = (_submit(decoding, image_ids[start : start + encoder.batch_size], encoder) for start in starts)
        encoded = (encoding.submit(_finish, waiting, encoder) for waiting in _ahead(read))
        for batch in _ahead(encoded):
            yield batch.result()


@contextmanager
def _threads(count: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """What has not begun when the caller leaves is dropped."""
    pool = ThreadPoolExecutor(max_workers=count, thread_name_prefix=name)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _ahead(begun: Iterable[T]) -> Iterator[T]:
    """The items in order, each after the next BATCHES_AHEAD ones have been begun."""
    waiting: deque[T] = deque()
    for item in begun:
        waiting.append(item)
        if len(waiting) > BATCHES_AHEAD:
            yield waiting.popleft()
    yield from waiting


def cached_embeddings(*, batch: FeatureBatch, features_version: str) -> list[Embedding]:
    """Put what was encoded into the object store, and return the rows that say so, for `save_embeddings`."""
    return [
        Embedding(
            image_id=source.image_id,
            features_version=features_version,
            vector=features.embedding.tolist(),
            features_name=storage.store_features(features, features_version=features_version),
            said=dict(source.said),
        )
        for source, features in batch.encoded
    ]


def save_embeddings(embeddings: Sequence[Embedding]) -> None:
    """Keep the rows; a row that was there (its features could not be read) is replaced."""
    Embedding.objects.bulk_create(
        embeddings,
        update_conflicts=True,
        unique_fields=["image", "features_version"],
        update_fields=["vector", "features_name", "said"],
    )


def _submit(pool: ThreadPoolExecutor, image_ids: Sequence[int], encoder: Encoder) -> Waiting:
    sources = image_sources(image_ids, features_version=encoder.features_version)
    return [(source, pool.submit(_obtain, source, encoder)) for source in sources]


def _obtain(source: ImageSource, encoder: Encoder) -> Obtained:
    """In a thread: cached features, else the Image prepared for the encoder, else why not."""
    return _cached(source) or _prepared(source, encoder)


def _cached(source: ImageSource) -> Features | None:
    if not source.features_name:
        return None
    try:
        return Features.from_bytes(storage.read(source.features_name))
    except (MediqaError, FileNotFoundError):
        logger.warning("image %s: cached features cannot be read; reading its pixels again", source.image_id)
        return None


def _prepared(source: ImageSource, encoder: Encoder) -> PreparedImage | Refusal:
    try:
        return encoder.prepare(source)
    except UnscorableImage as unscorable:
        return Refusal(unscorable.reason, unscorable.detail)
    except FileNotFoundError:
        return Refusal(
            "frame_missing",
            "A stored frame is missing. Restore the object store or ingest the image again, then pre-score.",
        )
    except ValueError:
        return Refusal("undecodable", "A stored frame cannot be decoded. Ingest the image again, then pre-score.")
    except OSError:
        raise  # the storage is unwell: a matter for another attempt, not of this Image
    except Exception as error:  # one bad Image never stops the rest
        logger.warning("image %s: not scored (%s)", source.image_id, type(error).__name__)
        return Refusal("unexpected", "It failed unexpectedly; the worker's log says more.")


def _finish(waiting: Waiting, encoder: Encoder) -> FeatureBatch:
    batch = FeatureBatch()
    prepared: list[tuple[ImageSource, PreparedImage]] = []
    for source, future in waiting:
        obtained = future.result()
        if isinstance(obtained, Refusal):
            batch.refused.append((source, obtained))
        elif isinstance(obtained, Features):
            batch.known.append((source, obtained))
        else:
            prepared.append((source, obtained))
    if prepared:
        results = _encoded([image for _, image in prepared], encoder)
        for (source, _), one in zip(prepared, results, strict=True):
            if isinstance(one, Refusal):
                batch.refused.append((source, one))
            else:
                batch.encoded.append((source, one))
        batch.known.extend(batch.encoded)
    return batch


def _encoded(images: Sequence[PreparedImage], encoder: Encoder) -> list[Features | Refusal]:
    """All at once; where that fails, one by one, so that only the culprit is refused."""
    try:
        return list(encoder.encode(images))
    except Exception as error:  # as for preparing: one bad Image never stops the rest
        logger.warning("%d images at once could not be encoded (%s); one by one", len(images), type(error).__name__)
        return [_encoded_alone(image, encoder) for image in images]


def _encoded_alone(image: PreparedImage, encoder: Encoder) -> Features | Refusal:
    try:
        return encoder.encode([image])[0]
    except Exception as error:
        logger.warning("an image could not be encoded (%s)", type(error).__name__)
        return Refusal("unexpected", "It failed unexpectedly in the network; the worker's log says more.")
