"""The supervision loop: one thread reads every child's output, starts again what dies, and stops in order."""

import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from mediqa_platform.supervisor.child import Child, ChildSpec
from mediqa_platform.supervisor.errors import SupervisorError
from mediqa_platform.supervisor.logs import LogStream
from mediqa_platform.supervisor.records import forget_process, record_process

PUMP_SECONDS = 0.2
HURRIED_SECONDS = 3.0
REMIND_SECONDS = 20.0


@dataclass(frozen=True)
class Backoff:
    """How long to wait before a child is started again: doubled each time, forgotten once it ran stably."""

    first_seconds: float = 0.5
    longest_seconds: float = 30.0
    stable_seconds: float = 30.0

    def delay(self, failures: int) -> float:
        """Seconds to wait after this many failures in a row (1 is the first)."""
        return min(self.longest_seconds, self.first_seconds * 2.0 ** min(failures - 1, 20))


class StopRequested(Exception):
    """Somebody asked the supervisor to stop (Ctrl-C, SIGTERM)."""


class Supervisor:
    """Runs children for one data folder, from the main thread: signals and children's lives hang on it."""

    def __init__(self, home: Path, log: LogStream, backoff: Backoff | None = None) -> None:
        self.home = home
        self.log = log
        self.backoff = backoff or Backoff()
        self.children: list[Child] = []
        self._selector = selectors.DefaultSelector()
        self._stop_requests = 0
        self._is_stopping = False

    def start(self, spec: ChildSpec) -> Child:
        """Start a child and keep it running until `stop`."""
        child = Child(spec)
        self.children.append(child)
        self._launch(child)
        return child

    def run(self, spec: ChildSpec) -> Child:
        """Run a one-shot to its end, while the others go on. Its `exit_code` tells how it went."""
        child = self.start(spec)
        self.wait_for(lambda: child.exit_code is not None)
        return child

    def wait_until_ready(self, child: Child, is_ready: Callable[[], bool]) -> None:
        """Wait until a child does its work. Raises SupervisorError with the reason if it ends before that."""
        remind_at = time.monotonic() + REMIND_SECONDS
        while not (child.failures or is_ready()):
            self.pump(PUMP_SECONDS / 4)
            if time.monotonic() > remind_at:
                self.log.say(f"still waiting for {child.spec.name}")
                remind_at += REMIND_SECONDS
        if child.failures:
            raise SupervisorError(child.last_reason)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Keep everything going until the condition holds. Raises StopRequested when asked to stop."""
        while not condition():
            self.pump(PUMP_SECONDS / 4)

    def run_forever(self) -> None:
        """Keep everything going until asked to stop. Raises StopRequested."""
        while True:
            self.pump(PUMP_SECONDS)

    def pump(self, seconds: float) -> None:
        """Do what there is to do: pass on output, notice ends, start again what is due."""
        if self._stop_requests and not self._is_stopping:
            raise StopRequested
        for key, _ in self._selector.select(self._patience(seconds)):
            if isinstance(key.data, Child):
                self._pass_on(key.data)
            else:
                os.read(key.fd, 512)
        for child in list(self.children):
            self._attend(child)

    def stop(self) -> None:
        """Stop the children rank by rank: asked first, then killed; a second request shortens the wait."""
        self._is_stopping = True
        for child in self.children:
            child.starts_at = None
        for rank in sorted({child.spec.stop_rank for child in self.children}):
            self._stop_rank([child for child in self.children if child.spec.stop_rank == rank])

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Take SIGINT, SIGTERM and SIGHUP as requests to stop while this lasts."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(reader, selectors.EVENT_READ)
        wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        # A handler for SIGCHLD, however idle, makes Python write the wake-up byte when a child ends.
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
        previous = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(wakeup)
            self._selector.unregister(reader)
            os.close(reader)
            os.close(writer)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self._stop_requests += 1

    def _launch(self, child: Child) -> None:
        try:
            child.start()
        except (OSError, SupervisorError) as error:
            self._schedule(child, str(error))
            return
        if child.pid is not None and child.output is not None:
            record_process(self.home, child.spec.name, child.pid)
            self._selector.register(child.output, selectors.EVENT_READ, child)

    def _pass_on(self, child: Child) -> None:
        for line in child.read_lines():
            if line.strip() and not child.spec.is_noise(line):
                self.log.write(child.spec.name, line)

    def _attend(self, child: Child) -> None:
        if child.has_ended():
            self._bury(child)
        elif child.starts_at is not None and time.monotonic() >= child.starts_at:
            self._launch(child)

    def _bury(self, child: Child) -> None:
        self._pass_on(child)
        if child.output is not None:
            self._selector.unregister(child.output)
        uptime = time.monotonic() - child.started_at
        code = child.reap()
        forget_process(self.home, child.spec.name)
        if self._is_stopping:
            return
        if child.spec.is_one_shot:
            child.spec.on_exit(code)
            return
        if uptime >= self.backoff.stable_seconds:
            child.failures = 0
        self._schedule(child, f"{child.spec.name} {_ending(code)}")

    def _schedule(self, child: Child, reason: str) -> None:
        if child.spec.is_one_shot:
            child.exit_code = 1
            self.log.say(f"{child.spec.name}: {reason}")
            child.spec.on_exit(1)
            return
        child.last_reason = reason
        child.failures += 1
        delay = self.backoff.delay(child.failures)
        child.starts_at = time.monotonic() + delay
        self.log.say(f"{reason}; starting {child.spec.name} again in {delay:g} s")

    def _patience(self, seconds: float) -> float:
        due = [child.starts_at - time.monotonic() for child in self.children if child.starts_at is not None]
        return max(0.0, min([seconds, *due]))

    def _stop_rank(self, children: Sequence[Child]) -> None:
        running = [child for child in children if child.is_running]
        if not running:
            return
        self.log.say("stopping " + ", ".join(child.spec.name for child in running))
        asked_at = time.monotonic()
        for child in running:
            child.signal(child.spec.stop_signal)
        killed: set[Child] = set()
        while any(child.is_running for child in running):
            self.pump(PUMP_SECONDS)
            waited = time.monotonic() - asked_at
            for child in running:
                if child.is_running and child not in killed and waited > self._stop_seconds(child):
                    self.log.say(f"{child.spec.name} does not stop; killing it")
                    child.kill_group()
                    killed.add(child)

    def _stop_seconds(self, child: Child) -> float:
        seconds = child.spec.stop_seconds
        return min(HURRIED_SECONDS, seconds) if self._stop_requests > 1 else seconds


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
