"""What the two embedded servers have in common: start, wait until ready, take over, stop."""

import os
import re
import signal
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import psutil

from mediqa_platform.supervisor.errors import ServiceError
from mediqa_platform.supervisor.home import prepare_home, remove_empty_sockets_folder, run_folder
from mediqa_platform.supervisor.launching import Account, guarded_command
from mediqa_platform.supervisor.records import forget_process, is_alive, record_process, recorded_process

# A database that recovers after a crash replays its log first; as long as it lives, it is given this time.
READY_SECONDS = 600
STOP_SECONDS = 60
PAUSE_SECONDS = 0.02
LOG_TAIL = 2000


class EmbeddedService(ABC):
    """A server from a wheel, on a unix socket in the data folder.

    `start` and `stop` serve tests and commands. `up` supervises the same server through the parts that they
    are made of: `prepare`, `command`, `is_ready`, `finish`. Start it from the main thread: see
    `guarded_command`.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]
    noise: ClassVar[re.Pattern[str]]  # lines of every start and stop that tell nobody anything

    def __init__(self, home: Path) -> None:
        self.home = Path(home)
        self.account: Account | None = None
        self._child: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Address for the clients."""

    @abstractmethod
    def prepare(self) -> None:
        """Create folders and configuration, and clear what a killed server left. Raises ServiceError."""

    @abstractmethod
    def command(self) -> list[str]:
        """The server in the foreground, ready for `guarded_command`."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers clients now."""

    def finish(self) -> None:
        """What is left to do once it answers, such as creating a database."""
        return

    def process(self) -> psutil.Process | None:
        """The server's process, whoever started it, proven to serve this data folder."""
        return recorded_process(self.home, self.name)

    def is_running(self) -> bool:
        """Whether a server of this data folder runs (it may still be starting)."""
        return self.process() is not None

    def start(self) -> None:
        """Start the server and wait until it answers; one that already runs is taken over.

        Raises:
            ServiceError: it ends or does not answer; the message has the end of its log.
        """
        prepare_home(self.home)
        if not self.is_running():
            self.prepare()
            self._spawn()
        self._wait_until_ready()
        self.finish()

    def stop(self) -> None:
        """Stop the server in order, by force when it takes too long; nothing happens if none runs."""
        process = self.process()
        if process is not None:
            self._end(process)
        if self._child is not None:
            self._child.wait()
            self._child = None
        forget_process(self.home, self.name)
        remove_empty_sockets_folder(self.home)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end(self, process: psutil.Process) -> None:
        for number, seconds in ((self.stop_signal, STOP_SECONDS), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
            if self._has_ended(process, seconds):
                return
        raise ServiceError(f"The embedded {self.name} (process {process.pid}) does not stop.")

    def _has_ended(self, process: psutil.Process, seconds: float) -> bool:
        return any(not is_alive(process) for _ in _pauses(seconds))

    def _spawn(self) -> None:
        with self._log() as log:
            self._child = subprocess.Popen(  # noqa: S603 - our own command
                guarded_command(self.command(), death_signal=self.stop_signal, account=self.account),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                start_new_session=True,
                env=self.environment(),
            )
        record_process(self.home, self.name, self._child.pid)

    def environment(self) -> dict[str, str]:
        """The server's environment: ours without what would redirect it or its locale."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
        return kept | {"LC_ALL": "C", "MEDIQA_HOME": str(self.home)}

    def _wait_until_ready(self) -> None:
        for _ in _pauses(READY_SECONDS):
            if self.is_ready():
                return
            if self._child is not None and self._child.poll() is not None:
                forget_process(self.home, self.name)
                raise ServiceError(f"The embedded {self.name} ended while it started:\n{self._log_tail()}")
        raise ServiceError(f"The embedded {self.name} does not answer:\n{self._log_tail()}")

    @property
    def _log_path(self) -> Path:
        return run_folder(self.home) / f"{self.name}.log"

    @contextmanager
    def _log(self) -> Iterator[int]:
        descriptor = os.open(self._log_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _log_tail(self) -> str:
        try:
            return self._log_path.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:]
        except OSError:
            return "(no log)"


def _pauses(seconds: float) -> Iterator[None]:
    """Yield at once, then after each short pause, for this long."""
    pause = threading.Event()
    for _ in range(max(1, int(seconds / PAUSE_SECONDS))):
        yield
        pause.wait(PAUSE_SECONDS)
