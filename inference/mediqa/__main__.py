"""Command line: ``python -m inference.mediqa`` ``score``, ``benchmark``, ``import-set``, ``pretrain``, ``evaluate``."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from inference.mediqa.checkpoint import DEFAULT_CHECKPOINT
from inference.mediqa.cli.benchmark import add_benchmark
from inference.mediqa.cli.pretrain import add_pretraining_arguments, add_source_arguments, run_pretraining
from inference.mediqa.cli.score import add_score
from inference.mediqa.errors import MediqaError
from inference.mediqa.predictor import Predictor
from inference.mediqa.simulation.evaluation import (
    evaluate_predictor,
    parameter_correlations,
    parameter_lines,
    prompt_accuracy,
    prompt_lines,
)
from inference.mediqa.simulation.sources import read_sources, split_sources

STOPPED, CUT_OFF = 130, 141  # as shells call what SIGINT and SIGPIPE end


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code: 2 for an error, which is told on standard error."""
    options = _parser().parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    try:
        return int(options.run(options))
    except BrokenPipeError:
        return CUT_OFF
    except (MediqaError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 2
    except KeyboardInterrupt:
        print(f"stopped. {options.when_stopped}", file=sys.stderr, flush=True)
        return STOPPED


def run() -> int:
    """Run the command of the command line. Names of files are printed whatever the terminal can show."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    code = main()
    if code == CUT_OFF:  # nobody reads on: nothing more is written, at the end of the program either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m inference.mediqa", description=__doc__)
    parser.set_defaults(threads=0, when_stopped="Nothing was kept.")
    commands = parser.add_subparsers(required=True)
    add_score(commands)
    add_benchmark(commands)
    training = commands.add_parser("pretrain", help="train on simulated degradation of real images")
    add_pretraining_arguments(training)
    add_source_arguments(training)
    training.set_defaults(run=_pretrain, when_stopped="With --work FOLDER the same command goes on where it stood.")
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
    for line in prompt_lines(prompt_accuracy(predictor, slices)):
        _say(line)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(run())
