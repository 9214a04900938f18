"""``benchmark``: one table of all methods on a scored set; ``import-set``: a SET.csv from a published layout."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from inference.mediqa.benchmark.baselines import FineTuned, chosen_methods, standard_methods
from inference.mediqa.benchmark.folders import SET_NAME
from inference.mediqa.benchmark.harness import leave_modalities_out, physical_correlations, run_methods
from inference.mediqa.benchmark.importers import IMPORTERS, imported_set, write_set
from inference.mediqa.benchmark.material import PRETRAINED, RANDOM, Material, gather, random_encoder
from inference.mediqa.benchmark.pseudo_experts import READERS, ceiling
from inference.mediqa.benchmark.sets import BenchmarkSet, CsvSet, Split, make_splits
from inference.mediqa.benchmark.simulated import SimulatedSet
from inference.mediqa.benchmark.table import BenchmarkReport
from inference.mediqa.checkpoint import DEFAULT_CHECKPOINT
from inference.mediqa.cli.options import add_threads, named_path, whole_number, writable_file
from inference.mediqa.cli.score import EXIT_SOME_REFUSED
from inference.mediqa.predictor import Predictor
from inference.mediqa.types import Scale

SIMULATED = "simulated"
WORDS = (*sorted(IMPORTERS), SIMULATED)  # that can stand in place of a SET.csv, before folders
EVERY = 100  # images between two lines of progress


def add_benchmark(commands: Any) -> None:
    """Add the commands to the parser's sub-commands."""
    _add_run(commands.add_parser("benchmark", help="compare methods on a scored set, groups held out"))
    importing = commands.add_parser("import-set", help="write a SET.csv for a published set")
    importing.add_argument("layout", choices=sorted(IMPORTERS))
    importing.add_argument("folder", type=named_path)
    importing.add_argument("--output", type=Path, help="SET.csv; without it, in the folder")
    importing.set_defaults(run=_import)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("set", metavar="SET", help=f"SET.csv, or {', '.join(WORDS)}")
    parser.add_argument(
        "sources", nargs="*", type=named_path, metavar="FOLDER",
        help=f"with {SIMULATED} folders of images, with a layout the one of the set",
    )  # fmt: skip
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--json", type=writable_file, metavar="FILE", help="write all numbers")
    parser.add_argument(
        "--scale", nargs=2, type=float, metavar=("MIN", "MAX"),
        help="of the scores; without it the layout's, else what they span",
    )  # fmt: skip
    _add_splits(parser)
    _add_methods(parser)
    _add_simulated(parser)
    add_threads(parser)
    parser.set_defaults(run=_benchmark)


def _add_splits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folds", type=whole_number(2), default=5)
    parser.add_argument("--labels", type=whole_number(1), help="scored images to learn from in each split, at most")
    parser.add_argument("--seed", type=whole_number(0), default=0)
    parser.add_argument("--draws", type=whole_number(1), default=1, help="run so often, seed by seed, and join")


def _add_methods(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--include", action="append", default=[], metavar="METHOD", help="run a costly method too")
    parser.add_argument("--exclude", action="append", default=[], metavar="METHOD")
    parser.add_argument("--epochs", type=whole_number(1), default=3, help="of fine-tune and paper")


def _add_simulated(parser: argparse.ArgumentParser) -> None:
    simulated = parser.add_argument_group(f"with {SIMULATED}")
    simulated.add_argument("--per-series", type=whole_number(1), default=3, help="slices taken from a series")
    simulated.add_argument(
        "--per-modality", type=whole_number(1), default=300, help="images of a modality on each side"
    )
    simulated.add_argument(
        "--ignore-seen", action="store_true",
        help="judge on sources too that the encoder was pre-trained on (never on their scores)",
    )  # fmt: skip
    simulated.add_argument(
        "--judge-development", action="store_true",
        help="judge sources too that only settings were chosen on: more splits",
    )  # fmt: skip
    simulated.add_argument(
        "--learn-from", action="append", default=[], metavar="SOURCE",
        help="a source that is not judged either, so that checkpoints are compared on the same images",
    )  # fmt: skip


def _benchmark(options: argparse.Namespace) -> int:
    """Compare the methods; 0 all was judged, 3 some images were left out, or a method failed."""
    scored = _scored_set(options)
    predictor = Predictor.load(options.checkpoint)
    seeds = range(options.seed, options.seed + options.draws)
    draws = [_draw(options, scored or _simulated_set(options, predictor, seed), predictor, seed) for seed in seeds]
    report = draws[0] if len(draws) == 1 else BenchmarkReport.joined(draws)
    if options.json:
        options.json.write_text(json.dumps(report.to_document(), indent=1, allow_nan=False))
    for line in report.lines():
        print(line)
    return EXIT_SOME_REFUSED if report.refused or any(one.failures for one in report.results) else 0


def _draw(options: argparse.Namespace, images: BenchmarkSet, predictor: Predictor, seed: int) -> BenchmarkReport:
    """Run everything once, on the splits and fits of one seed."""
    methods = chosen_methods(
        standard_methods(predictor, images.scale, options.epochs), options.include, options.exclude
    )
    material = gather(
        images,
        {PRETRAINED: predictor, RANDOM: random_encoder(predictor, seed)},
        keeps_tiles={method.name: method.preprocessing for method in methods if isinstance(method, FineTuned)},
        on_image=_progress,
    )
    splits = make_splits(material.groups, material.split, folds=options.folds, seed=seed, labels=options.labels)
    results = run_methods(methods, material, splits, seed=seed, report=_tell)
    judged = np.unique(np.concatenate([split.test for split in splits]))
    return BenchmarkReport(
        facts=_facts(options, images, material, splits, seed),
        results=results,
        strange=leave_modalities_out(material, splits, images.scale, seed=seed),
        physical=physical_correlations(predictor, material, judged.tolist()),
        refused=material.refused,
    )


def _scored_set(options: argparse.Namespace) -> CsvSet | None:
    """Return the set that people have scored, of a SET.csv or in a published layout; None with ``SIMULATED``."""
    scale = Scale(*options.scale) if options.scale else None
    if options.set in IMPORTERS:
        return imported_set(options.set, _only_folder(options), scale, _tell)
    if options.set == SIMULATED:
        if not options.sources:
            raise ValueError(f"{SIMULATED} needs folders of images.")
        if scale:
            raise ValueError(f"The scores of {SIMULATED} have their own scale: leave out --scale.")
        return None
    if not options.set or not Path(options.set).is_file():
        raise ValueError(f"There is no file {options.set!r}. SET is a SET.csv, or one of {', '.join(WORDS)}.")
    if options.sources:
        raise ValueError(f"A SET.csv names its images; folders belong to {', '.join(WORDS)}.")
    return CsvSet.read(Path(options.set), scale)


def _only_folder(options: argparse.Namespace) -> Path:
    if len(options.sources) != 1:
        raise ValueError(f"{options.set} needs one folder, the set's; {len(options.sources)} are named.")
    return _folder(options.sources[0])


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise ValueError(f"There is no folder {str(path)!r}.")
    return path


def _simulated_set(options: argparse.Namespace, predictor: Predictor, seed: int) -> SimulatedSet:
    seen = _seen(predictor, options)
    return SimulatedSet.read(
        options.sources, seen=seen, per_series=options.per_series, per_modality=options.per_modality, seed=seed
    )


def _seen(predictor: Predictor, options: argparse.Namespace) -> list[str]:
    """Return the sources that are only learnt from."""
    if options.ignore_seen:
        return []
    development = [] if options.judge_development else predictor.training.get("development", [])
    return [*predictor.training.get("sources", []), *development, *options.learn_from]


def _facts(
    options: argparse.Namespace, images: BenchmarkSet, material: Material, splits: list[Split], seed: int
) -> dict[str, Any]:
    judged = np.unique(np.concatenate([split.test for split in splits]))
    names, counts = np.unique(np.array(material.modalities), return_counts=True)
    facts: dict[str, Any] = {
        "set": images.name,
        "checkpoint": options.checkpoint.name,
        "seed": seed,
        "images": len(material),
        "groups": len(set(material.groups)),
        "judged images": len(judged),
        "judged groups": len({material.groups[row] for row in judged}),
        "splits": len(splits),
        "learnt from": ", ".join(str(len(split.train)) for split in splits),
        "modalities": ", ".join(f"{name} {count}" for name, count in zip(names, counts, strict=True)),
        "scale": f"{images.scale.minimum:g} to {images.scale.maximum:g}",
        "left out": len(material.refused),
    }
    if material.quality is not None:
        facts["readers"] = f"3 pseudo-readers, biases {READERS.biases}, noise {READERS.noise_std:g}; no radiologists"
        facts["ceiling"] = f"SROCC {ceiling(material.quality.tolist(), material.target.tolist()):.3f}"
    return facts


def _import(options: argparse.Namespace) -> int:
    output = options.output or options.folder / SET_NAME
    if output.parent.absolute() != options.folder.absolute():
        raise ValueError("SET.csv must lie in the set's folder: its paths are relative.")
    rows = IMPORTERS[options.layout](_folder(options.folder), _tell)
    print(f"{write_set(rows, output)} images in {output}")
    return 0


def _progress(number: int) -> None:
    if number % EVERY == 0:
        _tell(f"{number} images read")


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
