"""A decoder that dies of a file as C code does, in the child process of a trial. Run as a module it is that child."""

import os
import signal
import sys
import time
from typing import Any

from annotations.dicom import trial
from annotations.dicom.loading import load_datasets

COMMAND = (sys.executable, "-m", "tests.annotations.dicom.killers")
KILLS = b"this file kills the decoder"
HANGS = b"this file never ends"


def deadly_load(content: bytes) -> Any:
    if content == KILLS:
        os.kill(os.getpid(), signal.SIGSEGV)
    while content == HANGS:
        time.sleep(1)
    return load_datasets(content)


if __name__ == "__main__":
    trial.load_datasets = deadly_load
    trial.serve(sys.stdin.buffer, sys.stdout.buffer)
