"""Types of the command line's options: what makes no sense is refused by the parser, before any work."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from inference.mediqa.prompt import vocabulary_word


def named_path(text: str) -> Path:
    """Return the path; an empty word, as of an unset variable, would be the folder one stands in."""
    if not text:
        raise argparse.ArgumentTypeError("an empty path names nothing.")
    return Path(text)


def writable_file(text: str) -> Path:
    """Return the path of a file that can be written; raises ArgumentTypeError with a sentence that says why not."""
    path = Path(text)
    is_there = _is_there(path)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder; a file is expected.")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"There is no folder {str(path.parent)!r}.")
    if not os.access(path if is_there else path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"{text!r} can't be written.")
    return path


def writable_folder(text: str) -> Path:
    """Return the path of a folder that can be written in, or be made; raises ArgumentTypeError that says why not."""
    path = named_path(text)
    is_there = _is_there(path)
    if is_there and not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no folder.")
    if not is_there and not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"There is no folder {str(path.parent)!r}.")
    if not os.access(path if is_there else path.parent, os.W_OK | os.X_OK):
        raise argparse.ArgumentTypeError(f"{text!r} can't be written in.")
    return path


def _is_there(path: Path) -> bool:
    """Tell whether there is such a place; raises ArgumentTypeError where nobody can tell, as in a closed folder."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{str(path)!r} can't be looked at.") from error
    return True


def prompt_word(factor: str) -> Callable[[str], str]:
    """Return the type of the words that a factor of the prompt can be."""

    def checked(text: str) -> str:
        try:
            return vocabulary_word(factor, text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return checked


def add_threads(parser: argparse.ArgumentParser) -> None:
    """Declare ``--threads``, which `main` heeds before any command."""
    parser.add_argument(
        "--threads", type=whole_number(0), default=0, metavar="N", help="threads of torch; 0 leaves its default"
    )


def whole_number(least: int) -> Callable[[str], int]:
    """Return the type of whole numbers from ``least``."""

    def checked(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least}.")
        return number

    return checked
