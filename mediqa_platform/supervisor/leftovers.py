"""One `up` for each data folder, and the removal of what a killed one left behind."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from mediqa_platform.supervisor.errors import SupervisorError
from mediqa_platform.supervisor.home import run_folder, write_private
from mediqa_platform.supervisor.records import forget_process, recorded_names, recorded_process

TERMINATE_SECONDS = 5
RUN_VARIABLE = "MEDIQA_RUN"


@contextmanager
def exclusive_home(home: Path) -> Iterator[None]:
    """Hold the data folder for this process alone; the kernel gives it up however we end.

    Raises:
        SupervisorError: another `up` holds it; the sentence names its process and address.
    """
    path = run_folder(home) / "up.lock"
    with open(path, "a", opener=_private) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SupervisorError(f"MEDIQA_HOME: {home} is in use {_holder(home)}") from error
        try:
            yield
        finally:
            (run_folder(home) / "up.json").unlink(missing_ok=True)


def publish(home: Path, *, address: str) -> None:
    """Note who holds the data folder and where it answers, for people and for a second `up`."""
    write_private(run_folder(home) / "up.json", json.dumps({"pid": os.getpid(), "address": address}))


def new_run(home: Path) -> str:
    """Return a fresh token that marks every process of this run (in its environment) and store it."""
    token = secrets.token_hex(16)
    write_private(run_folder(home) / "run-token", token)
    return token


def clear_leftovers(home: Path, *, but_services: Sequence[str]) -> int:
    """End what an earlier, killed `up` of this data folder left, and return how many processes that were.

    The embedded services, `but_services`, are left to their own `stop`, which knows how to end them in order.

    Call it with the home held. A process counts as ours only if its environment names this data folder and
    either its id and time of creation were recorded, or it carries the earlier run's token.
    """
    processes = [process for process in _recorded(home, but_services) if _belongs(process, home)]
    processes += [process for process in _marked(home) if process not in processes]
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, alive = psutil.wait_procs(processes, timeout=TERMINATE_SECONDS)
    for process in alive:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=TERMINATE_SECONDS)
    for name in recorded_names(home):
        if recorded_process(home, name) is None:
            forget_process(home, name)
    return len(processes)


def _recorded(home: Path, but: Sequence[str]) -> list[psutil.Process]:
    found = (recorded_process(home, name) for name in recorded_names(home) if name not in but)
    return [process for process in found if process is not None]


def _marked(home: Path) -> list[psutil.Process]:
    with suppress(OSError):
        token = (run_folder(home) / "run-token").read_text(encoding="utf-8").strip()
        return [p for p in psutil.process_iter() if p.pid != os.getpid() and _carries(p, home, token)]
    return []


def _carries(process: psutil.Process, home: Path, token: str) -> bool:
    environment = _environment(process)
    return bool(token) and environment.get(RUN_VARIABLE) == token and environment.get("MEDIQA_HOME") == str(home)


def _belongs(process: psutil.Process, home: Path) -> bool:
    return _environment(process).get("MEDIQA_HOME") == str(home)


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}


def _holder(home: Path) -> str:
    try:
        holder = json.loads((run_folder(home) / "up.json").read_text(encoding="utf-8"))
        return f"by process {holder['pid']}, which answers at {holder['address']}."
    except (OSError, ValueError, KeyError):
        return "by another `up` that is just starting or stopping."


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
