"""One readable log stream for many processes: time, name, line."""

import sys
from contextlib import suppress
from datetime import datetime
from typing import TextIO

COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)
OWN_NAME = "mediqa"
NAME_WIDTH = 9
LONGEST_LINE = 4000


class LogStream:
    """Writes each line with the time and the name of the process it came from; in colour on a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._is_coloured = self._stream.isatty()
        self._colours: dict[str, int] = {}

    def say(self, text: str) -> None:
        """Write lines of our own."""
        for line in text.splitlines():
            self.write(OWN_NAME, line)

    def write(self, name: str, line: str) -> None:
        """Write one line of a process; a reader that went away must not end the product."""
        with suppress(OSError, ValueError):
            self._stream.write(f"{self._head(name)} {line[:LONGEST_LINE]}\n")
            self._stream.flush()

    def _head(self, name: str) -> str:
        head = f"{datetime.now().astimezone():%H:%M:%S} {name:<{NAME_WIDTH}}|"
        if not self._is_coloured:
            return head
        colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
        return f"\x1b[{colour}m{head}\x1b[0m"
