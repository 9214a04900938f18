import socket

import pytest
import redis

from mediqa_platform.supervisor.checks import check_broker, check_storage, listen
from mediqa_platform.supervisor.errors import SettingError
from mediqa_platform.supervisor.home import valkey_socket
from mediqa_platform.supervisor.valkey import EmbeddedValkey


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("redis://127.0.0.1:9/0", "refused"),
        ("amqp://127.0.0.1:9//", "refused"),
        ("redis://127.0.0.1:port/0", "port"),
        ("redis+socket:///nowhere/valkey.sock", "No such file"),
    ],
)
def test_broker_that_cannot_be_reached_is_named(url, sentence):
    with pytest.raises(SettingError, match=f"BROKER_URL: .*{sentence}"):
        check_broker(url)


def test_broker_that_asks_for_a_password_is_named(tmp_path):
    with EmbeddedValkey(tmp_path) as broker:
        check_broker(broker.url)
        client = redis.Redis(unix_socket_path=str(valkey_socket(tmp_path)))
        client.config_set("requirepass", "right")
        with pytest.raises(SettingError, match=r"BROKER_URL: .*[Aa]uthentication required"):
            check_broker(broker.url)
        client.config_set("requirepass", "")


def test_storage_that_can_be_written_is_left_as_it_was(objects):
    objects.mkdir()
    check_storage()
    assert list(objects.iterdir()) == []


def test_storage_that_cannot_be_written_is_named(objects):
    objects.write_text("a file in the folder's place")
    with pytest.raises(SettingError, match="MEDIQA_STORAGE"):
        check_storage()


def test_port_that_was_asked_for_and_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingError, match=f"--port: {port} is taken on 127.0.0.1"):
            listen("127.0.0.1", port, default_port=8000)


def test_default_port_gives_way_to_the_next_free_one():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with listen("127.0.0.1", None, default_port=port) as listener:
            assert listener.getsockname()[1] > port


@pytest.mark.parametrize("port", [-1, 70000])
def test_number_that_is_no_port_is_named(port):
    with pytest.raises(SettingError, match=f"--port: {port} is no port number"):
        listen("127.0.0.1", port, default_port=8000)


def test_host_of_another_machine_is_named():
    with pytest.raises(SettingError, match=r"--host: 192\.0\.2\.1 is not an address of this machine"):
        listen("192.0.2.1", None, default_port=8000)  # RFC 5737: an address that nobody has
