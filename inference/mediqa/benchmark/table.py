"""The results as lines of text, and as JSON."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inference.mediqa.benchmark.harness import Numbers, Result, Strange, Summary, summarised
from inference.mediqa.reading import Refused

COLUMNS: Mapping[str, str] = {
    "plcc": "PLCC", "srocc": "SROCC", "krocc": "KROCC", "sum": "sum", "rmse": "RMSE", "mae": "MAE",
    "accuracy": "accuracy", "kappa": "kappa", "nominal_coverage": "90 % raw", "local_coverage": "90 % local",
    "ause": "AUSE", "seconds": "CPU s",
}  # fmt: skip
NONE = "-"


@dataclass(frozen=True)
class BenchmarkReport:
    """Everything that a run of the benchmark found."""

    facts: Mapping[str, Any]
    results: Sequence[Result]
    strange: Strange | None
    physical: Mapping[str, Numbers]
    refused: Sequence[Refused]

    @classmethod
    def joined(cls, draws: Sequence[BenchmarkReport]) -> BenchmarkReport:
        """Return what several draws found together. facts: each draw's own where they differ; a physical parameter's r
        is the mean of the draws that have one."""
        strange = [one.strange for one in draws if one.strange is not None]
        return cls(
            facts={"draws": len(draws), **_facts([one.facts for one in draws])},
            results=[Result.joined(same) for same in zip(*(one.results for one in draws), strict=True)],
            strange=Strange.joined(strange) if strange else None,
            physical=_means([one.physical for one in draws]),
            refused=tuple(dict.fromkeys(refused for one in draws for refused in one.refused)),
        )

    def to_document(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            **self.facts,
            "results": [result.to_document() for result in self.results],
            "out_of_distribution_auroc": self.strange.to_document() if self.strange else None,
            "physical_correlation": {name: _finite(values) for name, values in self.physical.items()},
            "refused": [{"name": one.name, "reason": one.reason} for one in self.refused],
        }

    def lines(self) -> list[str]:
        """Return the report as text, the tables in Markdown."""
        parts = [
            [f"{name}: {value}" for name, value in self.facts.items() if not isinstance(value, dict | list)],
            _main(self.results),
            _failures(self.results),
            _modalities(self.results),
            _strange(self.strange),
            _physical(self.physical),
            [f"left out: {one.name}: {one.reason}" for one in self.refused],
        ]
        return [line for part in parts if part for line in (*part, "")][:-1]


def _facts(draws: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        name: value if all(one[name] == value for one in draws) else "; ".join(str(one[name]) for one in draws)
        for name, value in draws[0].items()
    }


def _means(draws: Sequence[Mapping[str, Numbers]]) -> dict[str, Numbers]:
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for draw in draws:
        for modality, numbers in draw.items():
            for name, value in numbers.items():
                found[modality][name].append(value)
    return {
        modality: {name: summarised(values).mean for name, values in numbers.items()}
        for modality, numbers in found.items()
    }


def _main(results: Sequence[Result]) -> list[str]:
    columns = {key: title for key, title in COLUMNS.items() if any(result.summary(key).splits for result in results)}
    rows = [[result.method, *(_shown(result.summary(key), key) for key in columns)] for result in results]
    return markdown(["method", *columns.values()], rows)


def _failures(results: Sequence[Result]) -> list[str]:
    return [
        f"failed: {result.method} on {count} of {result.splits} splits: {reason}"
        for result in results
        for reason, count in Counter(result.failures).items()
    ]


def _modalities(results: Sequence[Result]) -> list[str]:
    names = sorted({name for result in results for name in result.modalities})
    if len(names) < 2:
        return []
    rows = [
        [result.method, *(_shown(summarised(result.modalities.get(name, ())), "srocc") for name in names)]
        for result in results
    ]
    return markdown(["SROCC by modality", *names], rows)


def _strange(strange: Strange | None) -> list[str]:
    if strange is None or not strange.with_prompt:
        return []
    rows = [
        [name, *(_shown(summarised(kind[name]), "auroc") for kind in (strange.with_prompt, strange.by_embedding))]
        for name in strange.with_prompt
    ]
    return markdown(["modality left out", "AUROC with prompt", "AUROC by embedding alone"], rows)


def _physical(physical: Mapping[str, Numbers]) -> list[str]:
    rows = [
        [modality, name, NONE if not math.isfinite(value) else f"{value:.2f}"]
        for modality, values in physical.items()
        for name, value in values.items()
    ]
    return markdown(["modality", "physical parameter", "r"], rows) if rows else []


def markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return an aligned Markdown table."""
    widths = [max(len(row[place]) for row in (titles, *rows)) for place in range(len(titles))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return [line(titles), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, rows)]


def _shown(summary: Summary, measure: str) -> str:
    if not summary.splits:
        return NONE
    digits = 1 if measure == "seconds" else 2 if measure == "auroc" else 3
    spread = f" ±{summary.std:.{digits}f}" if summary.splits > 1 else ""
    return f"{summary.mean:.{digits}f}{spread}"


def _finite(values: Numbers) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
