"""Which processes belong to a data folder, found in the process table and not in our own records."""

from pathlib import Path

import psutil

from mediqa_platform.supervisor.records import is_alive


def processes_of(home: Path) -> list[psutil.Process]:
    """Living processes that carry the data folder in their environment, or work in it (PostgreSQL's)."""
    return [process for process in psutil.process_iter() if is_alive(process) and _belongs(process, home)]


def _belongs(process: psutil.Process, home: Path) -> bool:
    try:
        return process.environ().get("MEDIQA_HOME") == str(home) or Path(process.cwd()).is_relative_to(home)
    except (psutil.Error, OSError):
        return False
