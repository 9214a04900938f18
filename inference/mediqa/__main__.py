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
from inference.mediqa.evaluation import evaluate_predictor, parameter_correlations, parameter_lines
from inference.mediqa.predictor import Predictor
from inference.mediqa.pretraining.command import add_pretraining_arguments, add_source_arguments, run_pretraining
from inference.mediqa.sources import read_sources, split_sources


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    options = _parser().parse_args(arguments)
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
    add_pretraining_arguments(training)
    add_source_arguments(training)
    training.set_defaults(run=_pretrain)
    evaluation = commands.add_parser("evaluate", help="evaluate a checkpoint on images it did not see")
    evaluation.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    evaluation.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="source to evaluate on (a pattern)"
    )
    add_source_arguments(evaluation)
    evaluation.set_defaults(run=_evaluate)
    return parser


def _pretrain(options: argparse.Namespace) -> int:
    return run_pretraining(options, _say)


def _evaluate(options: argparse.Namespace) -> int:
    if options.threads:
        torch.set_num_threads(options.threads)
    predictor = Predictor.load(options.checkpoint)
    slices = read_sources(options.sources, per_series=options.per_series)
    if options.only:
        slices = split_sources(slices, held_out=options.only)[1]
    seen = {item.source for item in slices} & set(predictor.training.get("sources", []))
    if seen:
        _say(f"warning: the model was trained on {', '.join(sorted(seen))}")
    for line in evaluate_predictor(predictor, slices, seed=options.seed).lines():
        _say(line)
    for line in parameter_lines(parameter_correlations(predictor, slices, seed=options.seed)):
        _say(line)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
