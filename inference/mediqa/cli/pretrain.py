"""The options of ``python -m inference.mediqa pretrain`` and of ``manage.py pretrain``, and what they do."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import torch

from inference.mediqa.cli.options import add_threads
from inference.mediqa.network import Network
from inference.mediqa.network.profiles import PROFILES
from inference.mediqa.predictor import Predictor
from inference.mediqa.pretraining.distributed import group_from_environment
from inference.mediqa.pretraining.log import curves_svg, read_log
from inference.mediqa.pretraining.settings import Places, PretrainingConfig
from inference.mediqa.pretraining.start import Start
from inference.mediqa.pretraining.training import Pretrained, pretrain
from inference.mediqa.reporting import Report
from inference.mediqa.simulation.evaluation import parameter_lines, prompt_lines
from inference.mediqa.simulation.sources import HELD_OUT, SourceSlice, read_sources, split_sources

DEFAULTS = PretrainingConfig()


def add_pretraining_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    _add_network_arguments(parser)
    _add_length_arguments(parser)
    _add_material_arguments(parser)
    _add_step_arguments(parser)


def _add_network_arguments(parser: argparse.ArgumentParser) -> None:
    """What is trained, and where it goes."""
    parser.add_argument("--output", type=Path, required=True, help="FILE.safetensors; FILE.json goes beside it")
    parser.add_argument("--profile", choices=sorted(PROFILES), default=DEFAULTS.profile, help="shape of the network")
    parser.add_argument(
        "--external-model", type=Path, metavar="FOLDER",
        help="of a local vision transformer (config.json and safetensors), for the profile external",
    )  # fmt: skip
    parser.add_argument(
        "--start", type=Path, metavar="FILE.safetensors", help="checkpoint whose weights the training starts from"
    )
    parser.add_argument(
        "--learn", action="append", metavar="PART", default=None,
        help="part of the network that learns, as neck.across (may be repeated, with --start); without it all of it",
    )  # fmt: skip


def _add_length_arguments(parser: argparse.ArgumentParser) -> None:
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, default=DEFAULTS.steps, help="steps of training: the same everywhere")
    parser.add_argument(
        "--whole-steps", type=int, default=None, metavar="STEPS",
        help="of what looks at slices as a whole, on statistics that are taken once; without it as --steps",
    )  # fmt: skip
    length.add_argument("--minutes", type=float, help="time for the training itself, instead of steps")


def _add_material_arguments(parser: argparse.ArgumentParser) -> None:
    """What is learnt from."""
    parser.add_argument(
        "--hold-out", action="append", metavar="NAME",
        help=f"source to hold out (a pattern; may be repeated); without it {', '.join(HELD_OUT)}",
    )  # fmt: skip
    parser.add_argument("--copies", type=int, default=DEFAULTS.copies, help="degraded copies of each slice")
    parser.add_argument("--per-modality", type=int, default=DEFAULTS.per_modality, help="real slices, at most")
    parser.add_argument("--generated", type=int, default=DEFAULTS.generated, help="images of each generated sort")
    parser.add_argument("--variants", type=int, default=DEFAULTS.variants, help="varied contents of each modality")
    parser.add_argument(
        "--develop", action="append", metavar="NAME", default=None,
        help="source that settings are chosen on (a pattern; may be repeated): neither trained on nor held out",
    )  # fmt: skip
    parser.add_argument("--volumes", type=int, default=DEFAULTS.volumes, help="simulated images for the prior heads")


def _add_step_arguments(parser: argparse.ArgumentParser) -> None:
    """How steps are taken, and where the training is kept meanwhile."""
    parser.add_argument("--learning-rate", type=float, default=DEFAULTS.learning_rate)
    parser.add_argument(
        "--images-per-step", type=int, default=DEFAULTS.images_per_step,
        help=f"of each {DEFAULTS.copies_per_image} copies; more on a GPU",
    )  # fmt: skip
    parser.add_argument(
        "--crops-per-step", type=int, choices=range(1, DEFAULTS.crops), default=DEFAULTS.crops_per_step,
        help=f"seen of the {DEFAULTS.crops} of each copy",
    )  # fmt: skip
    parser.add_argument("--workers", type=int, default=1, help="processes that degrade images (with --work)")
    parser.add_argument(
        "--work", type=Path, metavar="FOLDER",
        help="keep the degraded copies, the log and the state there, and take the training up from it",
    )  # fmt: skip


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what training and evaluation read."""
    parser.add_argument("sources", nargs="+", type=Path, metavar="SOURCES", help="folder of images")
    parser.add_argument("--seed", type=int, default=0)
    add_threads(parser)
    parser.add_argument("--per-series", type=int, default=24, help="slices taken from a series")


def run_pretraining(options: argparse.Namespace, say: Report) -> int:
    """Train, write the checkpoint, say what it reached; return the exit code."""
    if options.threads:
        torch.set_num_threads(options.threads)
    config, places = _config(options), _places(options)
    sides = _sides(options)
    say(f"training on {len({item.source for item in sides.training})} sources, {len(sides.training)} slices")
    say(f"held out: {', '.join(sorted({item.source for item in sides.held_out})) or 'nothing'}")
    start = _start(options)
    if start is not None:
        start.check_held_out({item.source for item in sides.held_out})
    with group_from_environment() as group:
        result = pretrain(
            sides.training, sides.held_out, config, command=command_of(options), report=say, places=places, group=group,
            network=start.network if start else _network(options), development=sides.development,
        )  # fmt: skip
    if result is None:
        return 0
    if start is not None:
        result.predictor.training = start.told_in(result.predictor.training)
    _write(result, options.output, say)
    _draw_curves(places)
    for line in _reached(result):
        say(line)
    return 0


@dataclass(frozen=True)
class _Sides:
    """What is trained on, what is held out, and what settings are chosen on; they share no source."""

    training: list[SourceSlice]
    held_out: list[SourceSlice]
    development: list[SourceSlice]


def _sides(options: argparse.Namespace) -> _Sides:
    """Read the sources."""
    slices = read_sources(options.sources, per_series=options.per_series)
    training, held_out = split_sources(slices, held_out=options.hold_out or HELD_OUT, seed=options.seed)
    development: list[SourceSlice] = []
    if options.develop:
        training, development = split_sources(training, held_out=options.develop)
    return _Sides(training, held_out, development)


def _config(options: argparse.Namespace) -> PretrainingConfig:
    return PretrainingConfig(
        seed=options.seed,
        profile=options.profile,
        steps=options.steps,
        whole_steps=options.whole_steps,
        minutes=options.minutes,
        copies=options.copies,
        per_modality=options.per_modality,
        generated=options.generated,
        variants=options.variants,
        learning_rate=options.learning_rate,
        images_per_step=options.images_per_step,
        crops_per_step=options.crops_per_step,
        volumes=options.volumes,
        learns=tuple(options.learn or ()),
    )


def _places(options: argparse.Namespace) -> Places:
    if options.workers < 1:
        raise ValueError(f"workers is {options.workers}; it must be 1 or more.")
    work: Path | None = options.work
    if work is None:
        return Places()
    return Places(work / "pool", work / "state.safetensors", work / "training.csv", work / "whole.csv", options.workers)


def _start(options: argparse.Namespace) -> Start | None:
    if options.learn and options.start is None:
        raise ValueError("--learn needs --start: the other parts would never have learnt anything.")
    if options.start is None:
        return None
    return Start.of_checkpoint(options.start, PROFILES[options.profile], options.learn or ())


def _network(options: argparse.Namespace) -> Network | None:
    """Return the network of the profile external, which only its folder knows; None for the others."""
    if options.profile != "external":
        return None
    if options.external_model is None:
        raise ValueError("The profile external needs --external-model FOLDER.")
    if find_spec("transformers") is None:
        raise ValueError(
            "The profile external needs the transformers library: pip install 'mediqa-platform[external]'."
        )
    external = import_module("inference.mediqa.network.encoders.external")
    network = Network(replace(PROFILES["external"], external=external.external_settings(options.external_model)))
    external.load_weights(network.encoder, options.external_model)
    return network


def _write(result: Pretrained, output: Path, say: Report) -> None:
    """Write the checkpoint and the graph beside it."""
    files = result.predictor.save(output)
    _export(result.predictor, output.with_suffix(".onnx"), say)
    say(f"{result.steps} steps; wrote {files.weights.name} and {files.document.name}, sha256 {files.sha256}")


def _export(predictor: Predictor, path: Path, say: Report) -> None:
    """Write the graph for CPUs where that can be done; what is missing costs speed only."""
    if find_spec("onnx") is None:
        say("no graph for CPUs was written: pip install 'mediqa-platform[pretraining]', then train on")
        return
    try:
        import_module("inference.mediqa.pretraining.export").export_encoder(predictor, path)
    except RuntimeError as error:  # a foreign encoder may hold what the exporter does not know
        say(f"no graph for CPUs was written: {type(error).__name__}")
        return
    say(f"wrote {path.name}, which runs the encoder on CPUs")


def _draw_curves(places: Places) -> None:
    """Draw the logs that were kept, each beside itself."""
    for log in (places.log, places.whole_log):
        if log is not None and log.is_file():
            log.with_suffix(".svg").write_text(curves_svg(read_log(log)))


def _reached(result: Pretrained) -> Iterator[str]:
    """Yield in words what the model reached on what was held out."""
    training = result.predictor.training
    yield from result.evaluation.lines() if result.evaluation else ()
    yield from parameter_lines(training.get("parameters", {}))
    yield from prompt_lines(training.get("prompt", {}))


def command_of(options: argparse.Namespace) -> str:
    """Return the command without this machine's paths."""
    length = f"--minutes {options.minutes:g}" if options.minutes else f"--steps {options.steps}"
    length += f" --whole-steps {options.whole_steps}" if options.whole_steps is not None else ""
    rest = f" --start {options.start.name}" if options.start else ""
    rest += "".join(f" --learn {part}" for part in options.learn or ())
    rest += "".join(f" --hold-out {name}" for name in options.hold_out or ())
    rest += "".join(f" --develop {name}" for name in options.develop or ())
    return (
        f"python -m inference.mediqa pretrain SOURCES... --output FILE --profile {options.profile}"
        f" --seed {options.seed} {length}"
        f" --per-series {options.per_series} --per-modality {options.per_modality} --copies {options.copies}"
        f" --generated {options.generated} --variants {options.variants}"
        f" --learning-rate {options.learning_rate:g} --images-per-step {options.images_per_step}"
        f" --crops-per-step {options.crops_per_step} --volumes {options.volumes}"
        f" --threads {options.threads}{rest}"
    )
