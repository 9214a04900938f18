"""One supervised process: how it is started, read, and ended."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mediqa_platform.supervisor.launching import Account, guarded_command

READ_SIZE = 65536
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def _nothing() -> None:
    return


def _is_never_noise(line: str) -> bool:
    return False


def _ignore(code: int) -> None:
    return


@dataclass(frozen=True)
class ChildSpec:
    """What to run, and how it is to be treated.

    `stop_rank`: lower ranks stop first, equal ranks together. `death_signal` is what the kernel sends it when
    the supervisor is killed. A one-shot is expected to end and
    is not started again; `on_exit` then learns its exit code. Lines that are noise are left out
    of the log.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    cwd: Path = Path("/")
    stop_rank: int = 0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    death_signal: signal.Signals = signal.SIGKILL
    before_start: Callable[[], None] = _nothing
    account: Callable[[], Account | None] = lambda: None
    is_one_shot: bool = False
    niceness: int = 0
    pass_fds: Sequence[int] = ()
    on_exit: Callable[[int], None] = _ignore
    is_noise: Callable[[str], bool] = _is_never_noise


def _lower_priority(pid: int, niceness: int) -> None:
    """Make a process nice; Linux weighs sessions against each other, so its session has to be nice too."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, niceness)
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness))


class Child:
    """A running (or ended) process of a spec, in a session of its own: a terminal's Ctrl-C passes it by."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.started_at = 0.0
        self.failures = 0
        self.starts_at: float | None = None
        self.exit_code: int | None = None
        self.last_reason = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._partial = b""

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process else None

    @property
    def output(self) -> int | None:
        """Readable end of its output, None when it is closed."""
        return self._process.stdout.fileno() if self._process and self._process.stdout else None

    @property
    def is_running(self) -> bool:
        """Whether a process was started and has not been reaped."""
        return self._process is not None

    def start(self) -> None:
        """Start the process. Raises SupervisorError from `before_start`, OSError if it cannot be started."""
        self.starts_at = None
        self.spec.before_start()
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            guarded_command(self.spec.command, death_signal=self.spec.death_signal, account=self.spec.account()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.spec.cwd,
            env=dict(self.spec.environment),
            start_new_session=True,
            pass_fds=self.spec.pass_fds,
        )
        os.set_blocking(self._require_output(), False)
        if self.spec.niceness:
            _lower_priority(self._process.pid, self.spec.niceness)
        self.started_at = time.monotonic()
        self.exit_code = None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def kill_group(self) -> None:
        """Kill the process and all that it started and did not move to a session of its own."""
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def has_ended(self) -> bool:
        """Whether the process has ended; what it left in its group is killed before its id is given up."""
        if self._process is None:
            return False
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        if os.waitid(os.P_PID, self._process.pid, flags) is None:
            return False
        self.kill_group()
        return True

    def reap(self) -> int:
        """Take the exit code of an ended process and close its output."""
        if self._process is None:
            raise RuntimeError(f"{self.spec.name} is not running")
        self.exit_code = self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._process = None
        return self.exit_code

    def read_lines(self) -> Iterator[str]:
        """Yield the complete lines readable without waiting; after the end, the last partial one too."""
        while True:
            try:
                chunk = os.read(self._require_output(), READ_SIZE)
            except BlockingIOError:
                return
            if not chunk:
                if self._partial:
                    yield self._decoded(self._partial)
                    self._partial = b""
                return
            *lines, self._partial = (self._partial + chunk).split(b"\n")
            yield from map(self._decoded, lines)

    def _require_output(self) -> int:
        if self.output is None:
            raise RuntimeError(f"{self.spec.name} is not running")
        return self.output

    @staticmethod
    def _decoded(line: bytes) -> str:
        text = ANSI.sub("", line.decode("utf-8", "replace")).rstrip("\r").rsplit("\r", 1)[-1]
        return "".join(character for character in text if character.isprintable() or character == "\t")
