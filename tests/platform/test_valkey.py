import signal
from collections.abc import Iterator

import kombu
import psutil
import pytest
import redis

from mediqa_platform.supervisor.valkey import EmbeddedValkey
from tests.platform.deadlines import eventually


@pytest.fixture
def broker(tmp_path) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(tmp_path / "with spaces") as broker:
        yield broker


def test_broker_has_no_port(broker):
    assert psutil.Process(broker.process().pid).net_connections(kind="inet") == []


def test_cache_is_apart_from_the_queues(broker):
    redis.Redis.from_url(broker.cache_url).flushdb()
    with kombu.Connection(broker.url) as connection:
        connection.SimpleQueue("kept").put("message")
        redis.Redis.from_url(broker.cache_url).flushdb()
        assert connection.SimpleQueue("kept").get(timeout=5).payload == "message"


def test_queued_messages_survive_a_killed_broker(broker):
    with kombu.Connection(broker.url) as connection:
        queue = connection.SimpleQueue("kept")
        for number in range(100):
            queue.put(number)
    broker.process().send_signal(signal.SIGKILL)
    eventually(lambda: not broker.is_running(), what="the end of the broker")
    broker.start()
    with kombu.Connection(broker.url) as connection:
        queue = connection.SimpleQueue("kept")
        assert [queue.get(timeout=5).payload for _ in range(100)] == list(range(100))


def test_two_brokers_run_side_by_side(broker, tmp_path):
    with EmbeddedValkey(tmp_path / "second") as second:
        redis.Redis.from_url(second.cache_url).set("name", "second")
        assert redis.Redis.from_url(broker.cache_url).get("name") is None


def test_stopped_broker_leaves_no_process(tmp_path):
    with EmbeddedValkey(tmp_path) as broker:
        process = broker.process()
    assert not process.is_running()
    assert not broker.is_running()
