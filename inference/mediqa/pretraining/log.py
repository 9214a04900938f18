"""The course of a training: a CSV file, and its curves as one SVG picture."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

WIDTH, HEIGHT, GAP = 240, 130, 28


class TrainingLog:
    """Appends rows of step, learning rate, seconds and the loss of each task; rows after ``step`` are dropped."""

    def __init__(self, path: Path | None, tasks: Sequence[str], *, step: int = 0) -> None:
        self.path = path
        self.columns = ["step", "learning_rate", "seconds", *tasks]
        if path is None:
            return
        kept = [row for row in read_log(path) if row["step"] <= step] if path.is_file() else []
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(self.columns)
            writer.writerows([_shown(row[name]) for name in self.columns] for row in kept)

    def add(self, step: int, learning_rate: float, seconds: float, losses: Mapping[str, float]) -> None:
        """Write one row."""
        if self.path is not None:
            row = {"step": step, "learning_rate": learning_rate, "seconds": seconds, **losses}
            with self.path.open("a", newline="") as stream:
                csv.writer(stream, lineterminator="\n").writerow([_shown(row[name]) for name in self.columns])


def read_log(path: Path) -> list[dict[str, float]]:
    """Read the rows of a log."""
    with path.open(newline="") as stream:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]


def curves_svg(rows: Sequence[Mapping[str, float]], columns: int = 3) -> str:
    """Draw one small panel for each loss over the steps, its range written beside it."""
    names = [name for name in (rows[0] if rows else {}) if name not in {"step", "seconds"}]
    lines = -(-len(names) // columns)
    panels = [
        _panel(name, rows, 10 + index % columns * (WIDTH + GAP), 10 + index // columns * (HEIGHT + GAP))
        for index, name in enumerate(names)
    ]
    size = f'width="{columns * (WIDTH + GAP)}" height="{lines * (HEIGHT + GAP) + 10}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="#ffffff"/>', *panels, "</svg>", ""])


def _panel(name: str, rows: Sequence[Mapping[str, float]], left: float, top: float) -> str:
    steps, values = [row["step"] for row in rows], [row[name] for row in rows]
    low, high = min(values), max(values)
    across, down = max(steps[-1], 1), (high - low) or 1.0
    points = " ".join(
        f"{left + WIDTH * step / across:.1f},{top + HEIGHT - (HEIGHT - 20) * (value - low) / down:.1f}"
        for step, value in zip(steps, values, strict=True)
    )
    title = f"{name.replace('_', ' ')}: {values[0]:.3g} to {values[-1]:.3g} in {steps[-1]:.0f} steps"
    return (
        f'<text x="{left}" y="{top + 12}" fill="#222222">{title}</text>'
        f'<path d="M{left} {top + HEIGHT}h{WIDTH}" stroke="#999999"/>'
        f'<polyline points="{points}" fill="none" stroke="#1f5fa8" stroke-width="1.5"/>'
    )


def _shown(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) > 1 else f"{value:.6g}"
