"""Which processes are ours: kept in the run folder, so that the next start finds what the last one left."""

import json
from contextlib import suppress
from pathlib import Path

import psutil

from mediqa_platform.supervisor.home import run_folder, write_private

SAME_START_SECONDS = 0.05


def record_process(home: Path, name: str, pid: int) -> None:
    """Remember a running process by its id and its time of creation (a process id alone is reused)."""
    with suppress(psutil.NoSuchProcess):
        created = psutil.Process(pid).create_time()
        write_private(_path(home, name), json.dumps({"pid": pid, "create_time": created}))


def forget_process(home: Path, name: str) -> None:
    """Drop the record of a process that has ended."""
    _path(home, name).unlink(missing_ok=True)


def recorded_process(home: Path, name: str) -> psutil.Process | None:
    """Return the recorded process if that very process still runs."""
    try:
        record = json.loads(_path(home, name).read_text(encoding="utf-8"))
        process = psutil.Process(int(record["pid"]))
        is_same = abs(process.create_time() - float(record["create_time"])) < SAME_START_SECONDS
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None
    return process if is_same and is_alive(process) else None


def is_alive(process: psutil.Process) -> bool:
    """Whether a process still runs; one that ended and waits for its parent does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def recorded_names(home: Path) -> list[str]:
    """Names of all records, in order."""
    return sorted(path.name.removesuffix(".process.json") for path in run_folder(home).glob("*.process.json"))


def _path(home: Path, name: str) -> Path:
    return run_folder(home) / f"{name}.process.json"
