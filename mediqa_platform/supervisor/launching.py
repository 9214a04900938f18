"""How a child is started so that it cannot outlive us, and as whom."""

import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launcher.py")


@dataclass(frozen=True)
class Account:
    """The unprivileged user that a server runs as when we are root.

    `reads_everything` lets it keep CAP_DAC_READ_SEARCH, so that neither the data folder nor a virtual
    environment below root's home has to be opened to others.
    """

    name: str
    uid: int
    gid: int
    reads_everything: bool


def guarded_command(
    command: Sequence[str], *, death_signal: signal.Signals = signal.SIGKILL, account: Account | None = None
) -> list[str]:
    """Return the command that runs `command` and sends it `death_signal` when this process dies (Linux).

    Start it from the main thread: Linux ties a child's life to the thread that started it.
    """
    conditions: dict[str, int | bool] = {"parent": os.getpid(), "signal": int(death_signal)}
    if account is not None:
        conditions |= {"uid": account.uid, "gid": account.gid, "reads_everything": account.reads_everything}
    return [sys.executable, "-I", "-S", str(LAUNCHER), json.dumps(conditions), *command]
