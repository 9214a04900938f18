"""Command line: ``python -m inference.mediqa`` ``score``, ``benchmark``, ``import-set``, ``pretrain``, ``evaluate``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from inference.mediqa.checkpoint import DEFAULT_CHECKPOINT
from inference.mediqa.cli.benchmark import add_benchmark
from inference.mediqa.cli.score import add_score
from inference.mediqa.errors import MediqaError
from inference.mediqa.evaluation import evaluate_predictor
from inference.mediqa.predictor import Predictor
from inference.mediqa.pretraining import PretrainingConfig, pretrain
from inference.mediqa.sources import read_sources, split_sources


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    options = _parser().parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        return int(options.run(options))
    except (MediqaError, OSError, ValueError) as error:
        _say(f"error: {error}")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m inference.mediqa", description=__doc__)
    commands = parser.add_subparsers(required=True)
    add_score(commands)
    add_benchmark(commands)
    training = commands.add_parser("pretrain", help="train on simulated degradation of real images")
    training.add_argument("--output", type=Path, required=True, help="FILE.safetensors; FILE.json goes beside it")
    length = training.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, default=1000, help="steps of training: the same on every machine")
    length.add_argument("--minutes", type=float, help="time for the training itself, instead of steps")
    training.add_argument(
        "--hold-out", action="append", default=[], metavar="NAME",
        help="source to hold out (a pattern; may be repeated); without it a fifth is drawn by the seed",
    )  # fmt: skip
    training.add_argument("--copies", type=int, default=6, help="degraded copies of each slice")
    training.add_argument("--volumes", type=int, default=1500, help="simulated images for the prior heads")
    training.set_defaults(run=_pretrain)
    evaluation = commands.add_parser("evaluate", help="evaluate a checkpoint on images it did not see")
    evaluation.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    evaluation.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="source to evaluate on (a pattern)"
    )
    evaluation.set_defaults(run=_evaluate)
    for command in (training, evaluation):
        command.add_argument("sources", nargs="+", type=Path, metavar="SOURCES", help="folder of images")
        command.add_argument("--seed", type=int, default=0)
        command.add_argument("--threads", type=int, default=0, help="threads of torch; 0 leaves its default")
        command.add_argument("--per-series", type=int, default=8, help="slices taken from a series")
    return parser


def _pretrain(options: argparse.Namespace) -> int:
    slices = read_sources(options.sources, per_series=options.per_series)
    training, held_out = split_sources(slices, held_out=options.hold_out, seed=options.seed)
    _say(f"training on {len({item.source for item in training})} sources, {len(training)} slices")
    _say(f"held out: {', '.join(sorted({item.source for item in held_out})) or 'nothing'}")
    config = PretrainingConfig(
        seed=options.seed,
        steps=options.steps,
        minutes=options.minutes,
        copies=options.copies,
        volumes=options.volumes,
    )
    result = pretrain(training, held_out, config, command=_command(options), report=_say)
    files = result.predictor.save(options.output)
    _say(f"{result.steps} steps; wrote {files.weights.name} and {files.document.name}, sha256 {files.sha256}")
    for line in result.evaluation.lines() if result.evaluation else []:
        _say(line)
    return 0


def _command(options: argparse.Namespace) -> str:
    """Return the command without this machine's paths."""
    length = f"--minutes {options.minutes:g}" if options.minutes else f"--steps {options.steps}"
    held = "".join(f" --hold-out {name}" for name in options.hold_out)
    return (
        f"python -m inference.mediqa pretrain SOURCES... --output FILE --seed {options.seed} {length}"
        f" --per-series {options.per_series} --copies {options.copies} --volumes {options.volumes}"
        f" --threads {options.threads}{held}"
    )


def _evaluate(options: argparse.Namespace) -> int:
    predictor = Predictor.load(options.checkpoint)
    slices = read_sources(options.sources, per_series=options.per_series)
    if options.only:
        slices = split_sources(slices, held_out=options.only)[1]
    seen = {item.source for item in slices} & set(predictor.training.get("sources", []))
    if seen:
        _say(f"warning: the model was trained on {', '.join(sorted(seen))}")
    for line in evaluate_predictor(predictor, slices, seed=options.seed).lines():
        _say(line)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
