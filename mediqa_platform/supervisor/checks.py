"""Whether the stores that the settings name can be used; a wrong setting ends in one sentence that names it."""

import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import kombu
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import InvalidStorageError, default_storage
from django.db import DatabaseError, connection

from mediqa_platform.supervisor.errors import SettingError

CONNECT_SECONDS = 5
OLDEST_POSTGRES = 160000
PORTS_TRIED = 100
EXTENSION_QUERY = """
    SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector'),
           EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector'),
           (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
           current_setting('server_version_num')::int
"""


def check_database() -> None:
    """Connect to DATABASE_URL and see that it is new enough and has, or may have, pgvector.

    Raises:
        SettingError: it cannot be reached, refuses us, is too old, or lacks pgvector.
    """
    options = settings.DATABASES["default"].setdefault("OPTIONS", {})
    options.setdefault("connect_timeout", CONNECT_SECONDS)
    with _naming("DATABASE_URL: the database cannot be used", DatabaseError), connection.cursor() as cursor:
        cursor.execute(EXTENSION_QUERY)
        is_installed, is_available, is_superuser, version = cursor.fetchone()
    connection.close()
    if version < OLDEST_POSTGRES:
        raise SettingError(f"DATABASE_URL: PostgreSQL 16 or newer is needed, this is {version // 10000}.")
    if not is_available:
        raise SettingError("DATABASE_URL: this PostgreSQL has no pgvector; install the extension there.")
    if not is_installed and not is_superuser:
        raise SettingError(
            "DATABASE_URL: its role may not add pgvector; let a superuser run `CREATE EXTENSION vector` there."
        )


def check_broker(url: str) -> None:
    """Connect to BROKER_URL. Raises SettingError: it cannot be reached, or refuses us."""
    options = {"socket_connect_timeout": CONNECT_SECONDS} if "redis" in url.split(":", 1)[0] else {}
    # Exception: each transport raises errors of its own library.
    with _naming("BROKER_URL: the broker cannot be used", Exception):  # noqa: SIM117
        with kombu.Connection(url, connect_timeout=CONNECT_SECONDS, transport_options=options) as broker:
            broker.connect()


def check_storage() -> None:
    """Write, read and remove a small object in MEDIQA_STORAGE.

    Raises:
        SettingError: the folder or bucket cannot be written, or the extra for S3 is not installed.
    """
    name = f".mediqa-probe-{uuid.uuid4().hex}"
    try:
        stored = default_storage.save(name, ContentFile(b"probe"))
        with default_storage.open(stored) as found:
            found.read()
        default_storage.delete(stored)
    except (InvalidStorageError, ImportError) as error:
        raise SettingError("MEDIQA_STORAGE: S3 needs pip install 'mediqa-platform[s3]'.") from error
    except Exception as error:
        if not _is_refusal(error):
            raise
        raise SettingError(f"MEDIQA_STORAGE: it cannot be written ({_sentence(error)}).") from error


def _is_refusal(error: Exception) -> bool:
    """Whether the storage refused, rather than our code failed; botocore is there only with the extra."""
    library = type(error).__module__.partition(".")[0]
    return isinstance(error, OSError) or library in {"boto3", "botocore", "s3transfer"}


def listen(host: str, port: int | None, *, default_port: int) -> socket.socket:
    """Return a bound socket for the web server: on the port asked for, else on the first free one.

    It is bound here and handed on, so that no one can take the port in between.

    Raises:
        SettingError: the host is not ours, or the port that was asked for is taken.
    """
    family = _family(host)
    ports = range(default_port, default_port + PORTS_TRIED) if port is None else [port]
    for number in ports:
        try:
            return _bound(family, host, number)
        except PermissionError as error:
            raise SettingError(f"--port: {number} needs root; choose one above 1023.") from error
        except OverflowError as error:
            raise SettingError(f"--port: {number} is no port number.") from error
        except OSError:
            continue
    if port is None:
        raise SettingError(f"--port: none of {ports[0]} to {ports[-1]} is free on {host}.")
    raise SettingError(f"--port: {port} is taken on {host}; choose another one, or leave it out.")


def _family(host: str) -> socket.AddressFamily:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        raise SettingError(f"--host: {host} is not an address of this machine.") from error
    return family


def _bound(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except BaseException:
        listener.close()
        raise
    return listener


@contextmanager
def _naming(sentence: str, *broken: type[BaseException]) -> Iterator[None]:
    try:
        yield
    except broken as error:
        raise SettingError(f"{sentence} ({_sentence(error)}).") from error


def _sentence(error: BaseException) -> str:
    """The first line of an error, without its full stop."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
