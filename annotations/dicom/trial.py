"""A file opened in a process of its own first: a decoder that dies, or never ends, takes nothing else along.

Decoders are C. One that is led out of its memory by a damaged file ends the whole process, and no `except` sees it.
"""

from __future__ import annotations

import os
import select
import struct
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from annotations.dicom.frames import decode_frames, encode_frame, frame_format
from annotations.dicom.loading import load_datasets
from annotations.dicom.refusals import RefusalReason, RefusedFile, Sentence

COMMAND = (sys.executable, "-m", "annotations.dicom.trial")
LONGEST_SECONDS = 300.0
_LENGTH = struct.Struct("<Q")
_SURVIVED = b"."
_PACKAGES = str(Path(__file__).resolve().parents[2])


class Trial:
    """Opens files in a child process, which is started again after each that killed it. Not for several threads."""

    def __init__(self, *, command: Sequence[str] | None = None, longest_seconds: float = LONGEST_SECONDS) -> None:
        self._command = command or COMMAND
        self._longest_seconds = longest_seconds
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Trial:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def check(self, content: bytes) -> None:
        """Open the file once and decode all of it. Whatever is wrong with it otherwise is not told here.

        Raises:
            RefusedFile: the process died of it, or was ended after ``longest_seconds``.
        """
        child = self._child or self._start()
        if self._survives(child, content):
            return
        is_slow = child.poll() is None
        self._end()
        if is_slow:
            detail = Sentence("The file takes too long to decode; it is damaged, or made to do so.")
        else:
            detail = Sentence("The file makes the decoder crash; it is damaged, or made to do so.")
        raise RefusedFile(RefusalReason.UNDECODABLE, detail)

    def _start(self) -> subprocess.Popen[bytes]:
        path = os.pathsep.join(part for part in (_PACKAGES, os.environ.get("PYTHONPATH", "")) if part)
        self._child = subprocess.Popen(  # noqa: S603 - our own module
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": path},
        )
        return self._child

    def _survives(self, child: subprocess.Popen[bytes], content: bytes) -> bool:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write(_LENGTH.pack(len(content)) + content)
            child.stdin.flush()
        except BrokenPipeError:
            return False
        is_ready = select.select([child.stdout], [], [], self._longest_seconds)[0]
        if is_ready and child.stdout.read(1) == _SURVIVED:
            return True
        if is_ready:
            child.wait()
        return False

    def _end(self) -> None:
        if self._child is None:
            return
        self._child.kill()
        with suppress(BrokenPipeError):
            self._child.communicate()
        self._child = None


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """The child: open one file after another, and say so after each."""
    while header := requests.read(_LENGTH.size):
        content = requests.read(*_LENGTH.unpack(header))
        with suppress(Exception):  # refused with its reason when it is opened in earnest
            decode_all(content)
        answers.write(_SURVIVED)
        answers.flush()


def decode_all(content: bytes) -> None:
    """All that an ingest does with the pixels of a file."""
    for dataset in load_datasets(content):
        for frame in decode_frames(dataset, frame_format(dataset)):
            encode_frame(frame)


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
