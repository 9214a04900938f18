"""The data folder: where it is, what lies in it, its secrets, and the addresses of the embedded services.

Pure Python: the settings import it. Reading an address or a folder's name creates nothing; only
`prepare_home` and `load_secrets` write.
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from mediqa_platform.supervisor.errors import HomeError

FOLDERS = ("postgres", "valkey", "objects", "static", "run")
SECRET_NAMES = ("SECRET_KEY", "PATIENT_KEY_SECRET")
SOCKET_NAMES = (".s.PGSQL.5432", "valkey.sock")
DATABASE = "mediqa"
DATABASE_ROLE = "mediqa"

# sun_path holds 104 bytes on macOS and 108 on Linux, the closing zero included.
LONGEST_SOCKET_PATH = 103
# PostgreSQL reads its socket folder as a comma-separated list, kombu reads a URL: keep to plain characters.
PLAIN_PATH = re.compile(r"[\w/.@+ -]+", re.ASCII)
# Not tempfile.gettempdir(): TMPDIR differs between the shells of one user, and the address must not.
SHORT_ROOT = Path("/tmp")  # noqa: S108 - `own_folder` refuses links and folders of others


def resolve_home(environ: Mapping[str, str] | None = None) -> Path:
    """Return the absolute data folder: MEDIQA_HOME, else /var/lib/mediqa for root, else one for each user."""
    environ = os.environ if environ is None else environ
    if chosen := environ.get("MEDIQA_HOME"):
        return Path(os.path.abspath(os.path.expanduser(chosen)))
    if os.geteuid() == 0:
        return Path("/var/lib/mediqa")
    shared = environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return Path(os.path.abspath(shared)) / "mediqa"


def prepare_home(home: Path) -> Path:
    """Create the data folder and its sub-folders, mode 0700 where they are new.

    Raises:
        HomeError: it cannot be created or written, or it belongs to another user.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_owner(home)
        for name in FOLDERS:
            (home / name).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise HomeError(f"MEDIQA_HOME: {home} cannot be used as data folder ({error.strerror}).") from error
    if not os.access(home, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise HomeError(f"MEDIQA_HOME: {home} is not writable.")
    return home


def _check_owner(home: Path) -> None:
    owner = home.stat().st_uid
    if os.geteuid() not in (0, owner):
        raise HomeError(f"MEDIQA_HOME: {home} belongs to another user; choose a folder of your own.")


def load_secrets(home: Path) -> dict[str, str]:
    """Return the installation's secrets; those still missing are made and stored (secrets.json, 0600).

    Raises:
        HomeError: the file is damaged, or the folder cannot be written.
    """
    path = home / "secrets.json"
    known = _read_secrets(path)
    if all(name in known for name in SECRET_NAMES):
        return known
    prepare_home(home)
    with open(home / "run" / "secrets.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = {name: secrets.token_urlsafe(50) for name in SECRET_NAMES} | _read_secrets(path)
        write_private(path, json.dumps(known, indent=2) + "\n")
    return known


def _read_secrets(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): str(value) for name, value in content.items()}
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise HomeError(f"MEDIQA_HOME: {path} belongs to another user; choose a folder of your own.") from error
    except OSError as error:
        raise HomeError(f"MEDIQA_HOME: {path.parent} cannot be used as data folder ({error.strerror}).") from error
    except (ValueError, AttributeError) as error:
        raise HomeError(f"{path} is damaged: restore it from a backup, or remove it to sign everyone out.") from error


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)


def objects_folder(home: Path) -> Path:
    """Where DICOM objects, frames and checkpoints lie when MEDIQA_STORAGE names nothing else."""
    return home / "objects"


def static_folder(home: Path) -> Path:
    """Where `collectstatic` gathers what the browser loads."""
    return home / "static"


def texts_folder(home: Path) -> Path:
    """The compiled texts of other languages."""
    return home / "texts"


def run_folder(home: Path) -> Path:
    """Locks, logs and the records of running processes."""
    return home / "run"


def sockets_folder(home: Path) -> Path:
    """Return the folder that holds one sub-folder of sockets for each service.

    It lies in the data folder, but a unix socket's path is short by nature: a long or odd path gets a folder
    of its own under /tmp, named after the data folder's path.
    """
    own = home / "run"
    longest = max(len(os.fsencode(own / "postgres" / name)) for name in SOCKET_NAMES)
    if longest <= LONGEST_SOCKET_PATH and PLAIN_PATH.fullmatch(str(own)):
        return own
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return SHORT_ROOT / f"mediqa-{os.geteuid()}-{digest}"


def remove_empty_sockets_folder(home: Path) -> None:
    """Tidy up under /tmp once nothing listens there any more; folders in use are left alone."""
    folder = sockets_folder(home)
    if folder.parent == SHORT_ROOT:
        for path in (folder / "postgres", folder / "valkey", folder):
            with suppress(OSError):
                path.rmdir()


def postgres_socket_folder(home: Path) -> Path:
    """The folder of the database's socket; whoever can enter it may use the database."""
    return sockets_folder(home) / "postgres"


def valkey_socket(home: Path) -> Path:
    """The broker's unix socket."""
    return sockets_folder(home) / "valkey" / "valkey.sock"


def own_folder(path: Path, *, owner: int | None = None, group: int = -1, mode: int = 0o700) -> Path:
    """Create a folder, or take it over if it is ours, with exactly this owner and mode.

    Raises:
        HomeError: it is a link, no folder, or belongs to someone else: another user laid it there.
    """
    owner = os.geteuid() if owner is None else owner
    with suppress(FileExistsError):
        path.mkdir(mode=0o700, parents=False)
    descriptor = _open_folder(path)
    try:
        found = os.fstat(descriptor)
        if found.st_uid not in (os.geteuid(), owner):
            raise HomeError(f"{path} belongs to another user; remove it.")
        if found.st_uid != owner:
            os.fchown(descriptor, owner, group)
        if stat.S_IMODE(found.st_mode) != mode:
            os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)
    return path


def _open_folder(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise HomeError(f"{path} is not a folder of ours ({error.strerror}); remove it.") from error


def embedded_database_url(home: Path) -> str:
    """Address of the embedded PostgreSQL: a unix socket, no password, no TCP port."""
    folder = quote(str(postgres_socket_folder(home)), safe="")
    return f"postgresql://{DATABASE_ROLE}@/{DATABASE}?host={folder}&port=5432"


def embedded_broker_url(home: Path) -> str:
    """Address of the embedded Valkey as Celery reads it."""
    return "redis+socket://" + quote(str(valkey_socket(home)))


def embedded_cache_url(home: Path) -> str:
    """Address of the embedded Valkey as redis-py and Django's cache read it (database 1)."""
    return "unix://" + quote(str(valkey_socket(home))) + "?db=1"
