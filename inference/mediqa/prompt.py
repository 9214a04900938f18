"""The automatic prompt: four factors from a DICOM header, each with an "unknown" word and a provenance.

The published code ships three classifiers and a table of 64 codes that is not in its repository; the
factored tables here are our own. Tags: DICOM PS3.3 C.7.3.1 (Modality, Body Part Examined), C.7.6.1
(Image Type), C.8.3.1 (MR), C.8.2.1 (CT), C.8.13.3.1 (enhanced MR); DICOM's own terms: ``dicom_terms.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from inference.mediqa.dicom_terms import TYPE_OF_CONTRAST, VIEW_OF_POSITION, region_of
from inference.mediqa.types import Features, Prompt

UNKNOWN = "unknown"
CLASSIFIER = "classifier"  # the provenance of what the network itself found
DIMENSIONS = (UNKNOWN, "2D", "3D")
MODALITIES = (UNKNOWN, "CT", "MR", "XR", "MG", "US", "PT", "NM", "OP", "OPT", "XA", "OTHER")
REGIONS = (
    UNKNOWN, "head", "neck", "chest", "breast", "heart", "abdomen", "pelvis", "spine", "limb", "eye",
    "whole_body", "phantom", "other",
)  # fmt: skip
IMAGE_TYPES = (
    UNKNOWN, "t1", "t2", "flair", "pd", "diffusion", "t2star", "perfusion", "field_map", "angiography",
    "soft_kernel", "sharp_kernel", "localizer", "frontal", "lateral", "derived", "other",
)  # fmt: skip
VOCABULARY: Mapping[str, tuple[str, ...]] = {
    "dimension": DIMENSIONS,
    "modality": MODALITIES,
    "region": REGIONS,
    "image_type": IMAGE_TYPES,
}
MODALITY = list(VOCABULARY).index("modality")  # its place among the factors of a prompt

MODALITY_OF_CODE: Mapping[str, str] = {
    "CT": "CT", "MR": "MR", "CR": "XR", "DX": "XR", "RG": "XR", "DR": "XR", "IO": "XR", "PX": "XR",
    "MG": "MG", "US": "US", "IVUS": "US", "PT": "PT", "NM": "NM", "ST": "NM", "OP": "OP", "OPT": "OPT",
    "XA": "XA", "RF": "XA", "XR": "XR",
}  # fmt: skip

# The first expression that matches wins; specific words stand before general ones.
REGION_WORDS: tuple[tuple[str, str], ...] = (
    (r"whole ?body|wholebody", "whole_body"),
    (r"phantom|\bacr\b", "phantom"),
    (r"head ?neck|neck|larynx|thyroid|carotid|hals\b", "neck"),
    (r"[ctl] ?spine|spine|vertebra|lumbar|cervical|sacrum|wirbel|rachis", "spine"),
    (r"heart|cardiac|coronary|\bcor\b|herz", "heart"),
    (r"breast|mamm[ao]", "breast"),
    (r"chest|thorax|lung|\brib|sternum|clavicle|poumon", "chest"),
    (r"head|brain|skull|cranium|neuro|sinus|schaedel|cereb|hirn", "head"),
    (r"abdomen|abd\b|liver|kidney|pancreas|spleen|bowel|gallbladder|aorta|bauch", "abdomen"),
    (r"pelvis|prostate|bladder|uterus|rectum|becken", "pelvis"),
    (r"eye|retina|fundus|orbit|macula", "eye"),
    (
        r"extremity|\barm\b|forearm|\bleg\b|knee|\bhand\b|foot|ankle|wrist|elbow|shoulder|\bhip\b"
        r"|femur|tibia|humerus|finger|\btoe",
        "limb",
    ),
)
MR_TYPE_WORDS: tuple[tuple[str, str], ...] = (
    (r"localizer|scout|survey|3 ?plane", "localizer"),
    (r"flair|tirm|dark ?fluid", "flair"),
    (r"field ?map|fmap|gre_field|b0 ?map|topup", "field_map"),
    (r"dwi|dti|diff|\badc\b|trace|\bhardi\b|noddi", "diffusion"),
    (r"\basl\b|pcasl|pasl|perf|\bcbf\b|dsc|dce", "perfusion"),
    (r"angio|\btof\b|\bmra\b", "angiography"),
    (r"bold|fmri|\bepi\b|rest|t2 ?\*|t2star|swi|\bswan\b|hemo", "t2star"),
    (r"mprage|mp2rage|spgr|bravo|\bt1|flash3d|\bvibe\b|fspgr|\btfe\b", "t1"),
    (r"\bt2|\btse\b|haste|space|\bfse\b", "t2"),
    (r"\bpd\b|proton", "pd"),
)
SHARP_KERNELS = re.compile(
    r"^(b[5-9]\d|br[5-9]\d|bl5[5-9]|h[6-9]\d|hr[6-9]\d|u[5-9]\d|bone|lung|edge|sharp|ya|yb|yc|fc[3-8]\d|d$|l$|e$)",
    re.I,
)
DESCRIPTIONS = ("SeriesDescription", "ProtocolName", "StudyDescription")
# What of a header is looked at, beside EchoTime and RepetitionTime (ms) and ConvolutionKernel.
SERIES_KEYWORDS = ("Modality", "BodyPartExamined", "SeriesDescription", "StudyDescription")
ACQUISITION_KEYWORDS = (
    "ProtocolName", "ImageType", "ScanningSequence", "SequenceName", "ViewPosition", "AcquisitionContrast",
)  # fmt: skip
CODE_SEQUENCES = ("AnatomicRegionSequence", "ViewCodeSequence")  # by the meaning of each code


def prompt_from_header(
    header: Mapping[str, Any], *, override: Mapping[str, str] | None = None
) -> tuple[Prompt, dict[str, str]]:
    """Return the prompt and, for each factor, ``override``, ``dicom`` or ``unknown``.

    header: DICOM keyword -> value, whatever is known; ``dimension`` ("2D" or "3D") or ``slices`` may
    stand in it too, since they belong to the stack and not to one object. A project's setting wins over
    the header. Raises ValueError for an override outside ``VOCABULARY``.
    """
    _check_override(override or {})
    modality = _modality(header)
    found = {
        "dimension": _dimension(header),
        "modality": modality,
        "region": _region(header, modality),
        "image_type": _image_type(header, modality),
    }
    provenance = {name: UNKNOWN if word == UNKNOWN else "dicom" for name, word in found.items()}
    for name, word in (override or {}).items():
        found[name], provenance[name] = word, "override"
    return Prompt(**found), provenance


def vocabulary_word(factor: str, text: str) -> str:
    """Return the word of a factor in its own spelling, from any case, of a modality from DICOM's code too.

    Raises ValueError with the words that exist.
    """
    known = {word.upper(): word for word in VOCABULARY[factor]}
    if factor == "modality":
        known |= MODALITY_OF_CODE
    if text.upper() not in known:
        raise ValueError(_no_word(factor, text))
    return known[text.upper()]


def prompt_codes(prompt: Prompt) -> tuple[int, int, int, int]:
    """Return the factors as indices in their tables; a word that the tables lack becomes unknown (0)."""

    def code(factor: str, word: str) -> int:
        words = VOCABULARY[factor]
        return words.index(word) if word in words else 0

    return (
        code("dimension", prompt.dimension),
        code("modality", prompt.modality),
        code("region", prompt.region),
        code("image_type", prompt.image_type),
    )


def completed_prompt(
    prompt: Prompt, provenance: Mapping[str, str], codes: Iterable[int]
) -> tuple[Prompt, dict[str, str]]:
    """Return the prompt and its provenance, unknown factors as the network was told: ``Features.prompt_codes``."""
    words, origins = asdict(prompt), dict(provenance)
    for (factor, table), code in zip(VOCABULARY.items(), codes, strict=True):
        if words[factor] == UNKNOWN and code > 0:
            words[factor], origins[factor] = table[code], CLASSIFIER
    return Prompt(**words), origins


def completed_prompts(prompts: Sequence[Prompt], features: Sequence[Features]) -> list[Prompt]:
    """Return the prompts of images as the network was told them."""
    pairs = zip(prompts, features, strict=True)
    return [completed_prompt(prompt, {}, one.prompt_codes)[0] for prompt, one in pairs]


def _check_override(override: Mapping[str, str]) -> None:
    for factor, word in override.items():
        if factor not in VOCABULARY:
            raise ValueError(f"No prompt factor {factor!r}; there are {', '.join(VOCABULARY)}.")
        if word not in VOCABULARY[factor]:
            raise ValueError(_no_word(factor, word))


def _no_word(factor: str, text: str) -> str:
    return f"{text!r} is no {factor}; use one of {', '.join(VOCABULARY[factor])}."


def _words(header: Mapping[str, Any], keys: Iterable[str]) -> str:
    """Join text values, separators of technicians' spellings turned into spaces, lower case."""
    parts: list[str] = []
    for key in keys:
        value = header.get(key)
        if isinstance(value, str):
            parts.append(value)
        elif isinstance(value, Iterable):
            parts.extend(str(part) for part in value)
    return re.sub(r"[_\-./\\^,;:()]+", " ", " ".join(parts)).lower()


def _code(header: Mapping[str, Any], key: str) -> str:
    """The first value of an element of defined terms, however the header came: text, list or pydicom's MultiValue."""
    value = header.get(key) or ""
    if not isinstance(value, str):
        value = next(iter(value), "") if isinstance(value, Iterable) else value
    return str(value).strip().upper()


def _number(header: Mapping[str, Any], key: str) -> float | None:
    try:
        return float(header[key])
    except (KeyError, TypeError, ValueError):
        return None


def _first(table: tuple[tuple[str, str], ...], text: str) -> str:
    return next((word for pattern, word in table if re.search(pattern, text)), UNKNOWN)


def _dimension(header: Mapping[str, Any]) -> str:
    if header.get("dimension") in DIMENSIONS:
        return str(header["dimension"])
    for key in ("slices", "NumberOfFrames"):
        count = _number(header, key)
        if count is not None:
            return "3D" if count > 1 else "2D"
    return UNKNOWN


def _modality(header: Mapping[str, Any]) -> str:
    code = _code(header, "Modality")
    return MODALITY_OF_CODE.get(code, "OTHER" if code else UNKNOWN)


def _region(header: Mapping[str, Any], modality: str) -> str:
    body_parts = [str(header.get("BodyPartExamined") or ""), *_meanings(header, "AnatomicRegionSequence")]
    if given := [part for part in body_parts if part.strip()]:
        return _region_of_words(given)
    fixed = {"MG": "breast", "OP": "eye", "OPT": "eye"}.get(modality)
    return fixed or _first(REGION_WORDS, _words(header, DESCRIPTIONS))


def _region_of_words(body_parts: list[str]) -> str:
    """By DICOM's defined terms, else by the words that people type into the field."""
    for part in body_parts:
        if (region := region_of(part)) is not None:
            return region
    named = _first(REGION_WORDS, _words({"parts": body_parts}, ("parts",)))
    return "other" if named == UNKNOWN else named


def _meanings(header: Mapping[str, Any], key: str) -> list[str]:
    """Code meanings of a code sequence, as pydicom gives it or as texts."""
    items = header.get(key) or []
    return [item if isinstance(item, str) else str(getattr(item, "CodeMeaning", "") or "") for item in items]


def _image_type(header: Mapping[str, Any], modality: str) -> str:
    if re.search(r"\blocali[sz]er\b|\bscout\b", _words(header, ("ImageType",))):
        return "localizer"
    if modality == "MR":
        return _mr_type(header)
    if modality == "CT":
        return _ct_type(header)
    if modality in {"XR", "MG"}:
        return _view(header)
    return "derived" if re.match(r"derived\b", _words(header, ("ImageType",))) else UNKNOWN


def _mr_type(header: Mapping[str, Any]) -> str:
    contrast = TYPE_OF_CONTRAST.get(_code(header, "AcquisitionContrast"))
    if contrast is not None:
        return contrast
    named = _first(MR_TYPE_WORDS, _words(header, (*DESCRIPTIONS[:2], "SequenceName")))
    return named if named != UNKNOWN else _mr_type_from_times(header)


def _mr_type_from_times(header: Mapping[str, Any]) -> str:
    """Classify spin echo contrast by TE and TR in ms (the usual textbook limits)."""
    echo, repetition = _number(header, "EchoTime"), _number(header, "RepetitionTime")
    if echo is None or repetition is None:
        return UNKNOWN
    if "ep" in _words(header, ("ScanningSequence",)).split():
        return "t2star"
    if repetition < 1000:
        return "t1" if echo < 30 else UNKNOWN
    return "t2" if echo > 60 else "pd" if echo < 30 and repetition > 1800 else UNKNOWN


def _ct_type(header: Mapping[str, Any]) -> str:
    kernel = _code(header, "ConvolutionKernel")
    if not kernel:
        return UNKNOWN
    return "sharp_kernel" if SHARP_KERNELS.match(kernel) else "soft_kernel"


def _view(header: Mapping[str, Any]) -> str:
    position = _code(header, "ViewPosition")
    if position:
        return VIEW_OF_POSITION.get(position, "other")
    meaning = " ".join(_meanings(header, "ViewCodeSequence")).lower()
    if re.search(r"lateral|oblique", meaning):
        return "lateral"
    if re.search(r"postero.?anterior|antero.?posterior|cranio.?caudal", meaning):
        return "frontal"
    is_frontal = re.search(r"\b(pa|ap)\b", _words(header, DESCRIPTIONS))
    return "other" if meaning else "frontal" if is_frontal else UNKNOWN
