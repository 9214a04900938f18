"""Reading of DICOM elements that never raises: what cannot be read is as good as absent.

pydicom converts values when they are first looked at, so that any access to a damaged Dataset may raise.
"""

import math
from collections.abc import Iterable
from functools import cache
from typing import Any

from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import BaseTag, Tag


def raw_value(dataset: Dataset, keyword: str) -> Any:
    """The value of an element, or None when it is absent, empty or damaged.

    Most that is asked for is absent, which pydicom takes thirty times as long to tell by the keyword as by the tag.
    """
    tag = _tag(keyword)
    try:
        value = dataset[tag].value if tag in dataset else None
    except Exception:
        return None
    return None if value is None or value == "" else value


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """All values of an element as stripped text."""
    value = raw_value(dataset, keyword)
    if value is None or isinstance(value, (bytes, DicomSequence)):
        return ()
    values = value if isinstance(value, (MultiValue, list, tuple)) else [value]
    return tuple(_text(one) for one in values)


def text(dataset: Dataset, keyword: str) -> str:
    """The single value of an element as stripped text; "" when absent; several values joined by a
    backslash.
    """
    return "\\".join(texts(dataset, keyword))


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """All values as finite numbers; () as soon as one of them is not a finite number."""
    found = [_number(one) for one in _values(dataset, keyword)]
    return () if None in found else tuple(one for one in found if one is not None)


def number(dataset: Dataset, keyword: str) -> float | None:
    """The value as a finite number; None when absent, text, or several values."""
    found = numbers(dataset, keyword)
    return found[0] if len(found) == 1 else None


def integer(dataset: Dataset, keyword: str) -> int | None:
    """The value as a whole number; None when it is not exactly one."""
    found = number(dataset, keyword)
    return int(found) if found is not None and found == int(found) else None


def sequence(dataset: Dataset | None, keyword: str) -> list[Dataset]:
    """The Datasets within a sequence element; [] when absent or damaged."""
    if dataset is None:
        return []
    value = raw_value(dataset, keyword)
    if not isinstance(value, DicomSequence):
        return []
    try:
        return [one for one in value if isinstance(one, Dataset)]
    except Exception:
        return []


def first(dataset: Dataset | None, keyword: str) -> Dataset | None:
    """The first Dataset within a sequence element, or None."""
    found = sequence(dataset, keyword)
    return found[0] if found else None


@cache
def _tag(keyword: str) -> BaseTag:
    return Tag(keyword)


def _values(dataset: Dataset, keyword: str) -> Iterable[Any]:
    value = raw_value(dataset, keyword)
    if value is None or isinstance(value, (bytes, DicomSequence)):
        return ()
    return value if isinstance(value, (MultiValue, list, tuple)) else (value,)


def _text(value: Any) -> str:
    try:
        return str(value).strip(" \0\t\r\n")
    except Exception:
        return ""


def _number(value: Any) -> float | None:
    try:
        found = float(str(value).strip(" \0"))
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None
