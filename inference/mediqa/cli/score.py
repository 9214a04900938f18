"""``score``: quality, interval, prompt and physical parameters of image files."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from inference.mediqa.checkpoint import DEFAULT_CHECKPOINT
from inference.mediqa.cli.maps import draw_map, keep_map, make_folder
from inference.mediqa.cli.options import add_threads, named_path, prompt_word, writable_file, writable_folder
from inference.mediqa.errors import MediqaError
from inference.mediqa.faults import Faults, faults_of, unit_of
from inference.mediqa.heads.uncertainty import INTERVAL_LEVEL
from inference.mediqa.predictor import PRIOR, Predictor
from inference.mediqa.prompt import CLASSIFIER, UNKNOWN, VOCABULARY, completed_prompt
from inference.mediqa.reading import ReadImage, Refused, read_paths, reason_of
from inference.mediqa.types import CriterionScore, Features, Scale, Scored

EXIT_SOME_REFUSED = 3


def add_score(commands: Any) -> None:
    """Add the command to the parser's sub-commands."""
    parser = commands.add_parser("score", help="score images: DICOM, PNG, JPEG, TIFF, NIfTI, and folders of them")
    parser.add_argument("paths", nargs="+", type=named_path, metavar="PATH")
    parser.add_argument("--json", type=writable_file, metavar="FILE", help="write all numbers")
    parser.add_argument("--maps", type=writable_folder, metavar="FOLDER", help="draw how much each patch counts")
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    _add_prompt(parser)
    add_threads(parser)
    parser.set_defaults(run=_score, when_stopped="What was scored is above.")


def _add_prompt(parser: argparse.ArgumentParser) -> None:
    prompt = parser.add_argument_group(
        "prompt",
        "What the header does not say, or says wrongly, of all images alike. The dimension is what the model is told; "
        "which slices are one image stays.",
    )
    for factor, words in VOCABULARY.items():
        option = f"--{factor.replace('_', '-')}"
        prompt.add_argument(option, type=prompt_word(factor), metavar="WORD", help=", ".join(words))


def _score(options: argparse.Namespace) -> int:
    """Score every image; 0 all were scored, 3 some were refused."""
    if options.maps:
        make_folder(options.maps, options.paths)
    predictor = Predictor.load(options.checkpoint)
    override = {factor: getattr(options, factor) for factor in VOCABULARY if getattr(options, factor)}
    scored: list[dict[str, Any]] = []
    refused: list[dict[str, str]] = []
    for read in read_paths(options.paths, override=override):
        one = _scored_or_refused(predictor, read, options.maps)
        if isinstance(one, Refused):
            refused.append({"image": one.name, "reason": one.reason})
            print(f"{one.name}: refused: {one.reason}", file=sys.stderr)
        else:
            scored.append(one)
            print("\n".join(lines_of(one)), flush=True)
    if not scored and not refused:
        raise ValueError("There is no image under these paths.")
    if options.json:
        document = {"checkpoint": predictor.sha256, "level": INTERVAL_LEVEL, "scored": scored, "refused": refused}
        options.json.write_text(json.dumps(document, indent=1, allow_nan=False))
    return EXIT_SOME_REFUSED if refused else 0


def _scored_or_refused(predictor: Predictor, read: ReadImage | Refused, maps: Path | None) -> dict[str, Any] | Refused:
    if isinstance(read, Refused):
        return read
    try:
        return _scored(predictor, read, maps)
    except MediqaError as error:
        return Refused(read.name, reason_of(error))


def _scored(predictor: Predictor, read: ReadImage, maps: Path | None) -> dict[str, Any]:
    scales = dict(predictor.heads.scales) if predictor.heads is not None else {PRIOR: Scale(0.0, 1.0)}
    (features,) = predictor.encode([read.image])
    (one,) = predictor.score([features], prompts=[read.image.prompt], scales=scales)
    document = described(one, read, features)
    if maps is not None:
        said, keeps_screen = [Path(read.name).name, *_opinions(document)], predictor.config.preprocessing.keeps_screen
        picture = draw_map(read.image, features, one, keeps_screen=keeps_screen, said=said)
        document["map"] = str(keep_map(picture, maps, read.name))
    return document


def described(one: Scored, read: ReadImage, features: Features) -> dict[str, Any]:
    """Return all that is said of an image, as JSON values."""
    prompt, provenance = completed_prompt(read.image.prompt, read.provenance, features.prompt_codes)
    return {
        "image": read.name,
        "scores": {key: asdict(score) for key, score in one.scores.items()},
        "prompt": {
            factor: {
                "word": getattr(prompt, factor),
                "from": provenance.get(factor, UNKNOWN),
                "confidence": float(sure),
            }
            for factor, sure in zip(VOCABULARY, features.prompt_confidence, strict=True)
        },
        "physical": {name: {"value": value, "unit": unit_of(name)} for name, value in one.physical.items()},
        "files": list(read.files),
        "slices": len(read.image.pixels),
        "slice_indices": [int(index) for index in features.slice_indices],
        "slice_weights": [float(weight) for weight in one.slice_weights],
        "ood_distance": one.ood_distance,
    }


def lines_of(document: dict[str, Any]) -> list[str]:
    """Return what ``described`` holds as text."""
    distance = f"{document['ood_distance']:.2f} (1 is the strangest twentieth of them)"
    said = [
        *_opinions(document),
        *_wrapped("hardly any: ", ", ".join(_faults(document).absent)),
        *_wrapped("slices looked at: ", _slices(document)),
        f"distance from the training images: {distance}",
        *_wrapped("map: ", document.get("map", "")),
    ]
    return [document["image"], *(f"  {line}" for line in said)]


def _opinions(document: dict[str, Any]) -> list[str]:
    """Quality, what the image was taken for, and the faults that are seen."""
    prompt = ", ".join(f"{factor} {one['word']} ({_origin(one)})" for factor, one in document["prompt"].items())
    return [
        *(f"{key}: {_shown(CriterionScore(**score))}" for key, score in document["scores"].items()),
        f"prompt: {prompt}",
        *_wrapped("faults: ", "; ".join(one.words for one in _faults(document).seen)),
    ]


def _faults(document: dict[str, Any]) -> Faults:
    return faults_of({name: one["value"] for name, one in document["physical"].items()})


def _slices(document: dict[str, Any]) -> str:
    """Of a volume: their numbers, from 1, with the share of the score that each has, the largest first."""
    if document["slices"] == 1:
        return ""
    pairs = zip(document["slice_weights"], document["slice_indices"], strict=True)
    ranked = sorted(pairs, key=lambda pair: -pair[0])
    return ", ".join(f"{index + 1} ({weight:.0%})" for weight, index in ranked) + f" of {document['slices']}"


def _shown(score: CriterionScore) -> str:
    origin = "simulation alone, no expert's score" if score.is_prior else "experts' scores"
    return f"{score.quality:.3f}, {INTERVAL_LEVEL:.0%} interval {score.lower:.3f} to {score.upper:.3f} (from {origin})"


def _origin(factor: dict[str, Any]) -> str:
    is_guess = factor["from"] == CLASSIFIER
    return f"{factor['from']}, {factor['confidence']:.0%} sure" if is_guess else str(factor["from"])


def _wrapped(start: str, text: str) -> list[str]:
    return [start + text] if text else []
