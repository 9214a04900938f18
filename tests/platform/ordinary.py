"""Running Python as an ordinary user, also when the tests run as root."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

from mediqa_platform.supervisor.frontend import SOURCE_ROOT
from mediqa_platform.supervisor.launching import Account, guarded_command


def ordinary_account() -> Account | None:
    """`nobody` when we are root (able to read an interpreter below root's home), else None: ourselves."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account("nobody", nobody.pw_uid, nobody.pw_gid, reads_everything=True)


def folder_of_ordinary_user(parent: Path) -> Path:
    """A folder that belongs to the ordinary user."""
    folder = parent / "ordinary user"
    folder.mkdir()
    if (account := ordinary_account()) is not None:
        os.chown(folder, account.uid, account.gid)
    return folder


def run_as_ordinary_user(
    *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run this Python with these arguments, and the project importable."""
    return subprocess.run(
        guarded_command([sys.executable, *arguments], account=ordinary_account()),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(SOURCE_ROOT), "PYTHONDONTWRITEBYTECODE": "1", **(environment or {})},
    )
