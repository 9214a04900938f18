"""Tables that people wrote: comma-separated UTF-8, names of columns in any case and with spaces around them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inference.mediqa.benchmark.errors import BadSet

EXPECTED = "A comma-separated UTF-8 file is expected"
SHOWN_COLUMNS = 12
SHOWN_CHARACTERS = 40


@dataclass(frozen=True)
class Line:
    """words: by the name of their column in lower case, without spaces around; number: in the file, from 1."""

    file: str
    number: int
    words: Mapping[str, str]

    @property
    def place(self) -> str:
        """For messages."""
        return f"{self.file}, line {self.number}"


@dataclass(frozen=True)
class Table:
    """columns: in lower case, in the order of the file."""

    file: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def found(self) -> str:
        """A sentence for messages: which columns there are, and what a table is."""
        shown = ", ".join(repr(name[:SHOWN_CHARACTERS]) for name in self.columns[:SHOWN_COLUMNS] if name)
        more = " ..." if len(self.columns) > SHOWN_COLUMNS else ""
        return f"Its first line names {shown or 'none'}{more}. {EXPECTED}, whose first line names the columns."


def read_table(path: Path, *required: str) -> Table:
    """Read a table whose first line names its columns.

    Raises BadSet for what is no such table or lacks a required column (lower case), OSError.
    """
    text = _text(path)
    try:
        names, *cells = _numbered(text) or [(1, [])]
    except csv.Error as error:
        raise BadSet(f"{path.name} can't be read ({error}). {EXPECTED}.") from error
    columns = tuple(name.strip().lower() for name in names[1])
    lines = (Line(path.name, number, _words(columns, row)) for number, row in cells)
    table = Table(path.name, columns, tuple(lines))
    _check_columns(table, required)
    return table


def _text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadSet(f"{path.name} can't be read. {EXPECTED}.") from error
    if "\0" in text:
        raise BadSet(f"{path.name} can't be read. {EXPECTED}.")
    return text


def _numbered(text: str) -> list[tuple[int, list[str]]]:
    """Rows that are not blank, each with the number of its last line."""
    reader = csv.reader(io.StringIO(text, newline=""))
    return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]


def _check_columns(table: Table, required: Sequence[str]) -> None:
    missing = [name for name in required if name not in table.columns]
    if missing:
        raise BadSet(f"{table.file} lacks the column {', '.join(missing)}. {table.found}")
    twice = [name for name in required if table.columns.count(name) > 1]
    if twice:
        raise BadSet(f"{table.file} has the column {', '.join(twice)} twice.")


def _words(columns: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    """Cells without a column are left out; columns without a cell are empty."""
    cells = [*row, *[""] * (len(columns) - len(row))]
    return {name: cell.strip() for name, cell in zip(columns, cells, strict=False) if name}
