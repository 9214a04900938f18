"""A program under test: started as its user starts it, its output followed line by line."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from mediqa_platform.supervisor.frontend import SOURCE_ROOT
from mediqa_platform.supervisor.launching import Account, guarded_command
from tests.platform.deadlines import eventually

OURS = ("MEDIQA_", "DJANGO_", "DATABASE_URL", "BROKER_URL")


class Running:
    """A Python program whose output goes to a file that can be waited on."""

    def __init__(
        self,
        arguments: Sequence[str],
        output: Path,
        environment: dict[str, str] | None = None,
        account: Account | None = None,
    ) -> None:
        self.output = output
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        with output.open("wb") as stream:
            self.process = subprocess.Popen(
                guarded_command([sys.executable, *arguments], account=account),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={**inherited, "PYTHONPATH": str(SOURCE_ROOT), **(environment or {})},
            )

    def text(self) -> str:
        """All that was written so far."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    def count(self, pattern: str) -> int:
        """How often a pattern was written so far."""
        return len(re.findall(pattern, self.text()))

    def wait_for(self, pattern: str, *, seconds: float = 60) -> re.Match[str]:
        """Wait until a pattern was written. Fails with the output when the program ends or time is up."""

        def found() -> re.Match[str] | None:
            match = re.search(pattern, self.text())
            assert match or self.process.poll() is None, f"ended without {pattern!r}:\n{self.text()}"
            return match

        return eventually(found, seconds=seconds, what=f"{pattern!r} in the output\n{self.text()[-3000:]}\n")

    def end(self, number: signal.Signals = signal.SIGTERM, *, seconds: float = 60) -> int:
        """Send a signal and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=seconds)
