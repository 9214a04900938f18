"""Features of many Images: what is under way while the caller keeps what it was given."""

import threading
from collections.abc import Sequence

import pytest

from inference.mediqa.errors import UnscorableImage
from inference.mediqa.types import Features, PreparedImage
from inference.services.features import feature_batches
from inference.sources import ImageSource
from tests.factories import make_image, make_project
from tests.platform.deadlines import eventually

pytestmark = pytest.mark.django_db


class WatchedEncoder:
    """Takes one Image at a time and notes which, and in which thread; those in `unscorable` are refused."""

    features_version = "watched"
    batch_size = 1

    def __init__(self, unscorable: Sequence[int] = ()) -> None:
        self.unscorable = unscorable
        self.prepared: list[int] = []
        self.encoded: list[int] = []
        self.threads: set[str] = set()

    def prepare(self, source: ImageSource) -> PreparedImage:
        self.prepared.append(source.image_id)
        if source.image_id in self.unscorable:
            raise UnscorableImage("constant", "All pixels have one value.")
        return source.image_id

    def encode(self, prepared: Sequence[PreparedImage]) -> list[Features]:
        self.encoded.extend(prepared)
        self.threads.add(threading.current_thread().name)
        return list(prepared)


@pytest.fixture
def image_ids() -> list[int]:
    project = make_project()
    return [make_image(project).pk for _ in range(5)]


def test_the_next_batch_is_encoded_and_the_one_after_it_read_while_the_caller_keeps_one(image_ids):
    encoder = WatchedEncoder()
    batches = feature_batches(image_ids=image_ids, encoder=encoder)
    (first,) = next(batches).encoded
    eventually(lambda: encoder.encoded == image_ids[:2], what="the second one encoded")
    eventually(lambda: encoder.prepared == image_ids[:3], what="the third one read")
    assert first[0].image_id == image_ids[0]
    assert encoder.threads.isdisjoint({threading.current_thread().name})
    batches.close()
    assert encoder.prepared == image_ids[:3]
    assert len(encoder.encoded) <= 3


def test_batches_come_in_the_order_asked_for_whatever_was_refused(image_ids):
    asked = image_ids[::-1]
    encoder = WatchedEncoder(unscorable=asked[1:2])
    batches = list(feature_batches(image_ids=asked, encoder=encoder))
    assert [[source.image_id for source, _ in (*one.known, *one.refused)] for one in batches] == [[i] for i in asked]
    assert [len(one.refused) for one in batches] == [0, 1, 0, 0, 0]
    assert encoder.encoded == [asked[0], *asked[2:]]
