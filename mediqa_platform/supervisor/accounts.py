"""Which account PostgreSQL runs as, since it refuses root, and whether that account reaches its files."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from mediqa_platform.supervisor.errors import ServiceError
from mediqa_platform.supervisor.launching import Account, guarded_command

CANDIDATES = ("postgres", "nobody")
PROBE_SECONDS = 30
ENTER_AND_RUN = 'cd "$1" && shift && exec "$0" "$@"'


def unprivileged_account(data_folder: Path, *, reads_everything: bool) -> Account | None:
    """Return the account for the server: None for ourselves, unless we are root.

    A data folder that already belongs to somebody keeps its owner, also if a `postgres` account comes later.
    """
    if os.geteuid() != 0:
        return None
    entry = _owner(data_folder) or _first_known()
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, reads_everything=reads_everything)


def _owner(folder: Path) -> pwd.struct_passwd | None:
    try:
        uid = folder.stat().st_uid
        return pwd.getpwuid(uid) if uid != 0 and any(folder.iterdir()) else None
    except (FileNotFoundError, KeyError):
        return None


def _first_known() -> pwd.struct_passwd:
    for name in CANDIDATES:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServiceError("PostgreSQL cannot run as root, and there is no account `postgres` or `nobody` to run it as.")


def can_run(binary: Path, *arguments: str, account: Account, cwd: Path) -> bool:
    """Whether this account can start the binary with that working folder, and it ends well."""
    probe = subprocess.run(  # noqa: S603 - our own command
        guarded_command(["/bin/sh", "-c", ENTER_AND_RUN, str(binary), str(cwd), *arguments], account=account),
        capture_output=True,
        timeout=PROBE_SECONDS,
        check=False,
        cwd="/",
    )
    return probe.returncode == 0


def copy_for_account(install: Path, libraries: Path, target: Path) -> Path:
    """Copy the server's binaries to where its account reaches them; return the copy's install folder.

    The wheel's relative layout stays: its binaries find `libraries` by $ORIGIN/../../../.
    """
    copy = target / install.parent.name / install.name
    if not (target / "complete").exists():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(install, copy, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, target / libraries.name, symlinks=True)
        (target / "complete").touch()
    return copy


def open_for_traversal(folder: Path) -> None:
    """Let others pass through a folder of ours without listing or reading it (0711)."""
    folder.chmod(folder.stat().st_mode | 0o011)
