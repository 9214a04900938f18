"""The Modality LUT Sequence (PS3.3 C.11.1): a table that replaces stored values by modality units."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from annotations.dicom import tags


@dataclass(frozen=True)
class ModalityTable:
    """`values[v - first]` is the modality value of the stored value v; values beyond either end take the
    last one.
    """

    first: int
    values: NDArray[np.uint16]
    unit: str

    def apply(self, frame: NDArray[Any]) -> NDArray[np.uint16]:
        positions = np.clip(frame.astype(np.int64) - self.first, 0, len(self.values) - 1)
        return self.values[positions]


def read_modality_table(dataset: Dataset) -> ModalityTable | None:
    """The table, or None when there is none that can be read."""
    module = tags.first(dataset, "ModalityLUTSequence")
    if module is None:
        return None
    found = read_table(module)
    if found is None:
        return None
    unit = tags.text(module, "ModalityLUTType")
    return ModalityTable(found[0], found[1], "" if unit.upper() == "US" else unit)


def read_table(module: Dataset) -> tuple[int, NDArray[np.uint16]] | None:
    """(first stored value, entries) of a LUT Descriptor and LUT Data (PS3.3 C.11.1.1); None when damaged."""
    descriptor = tags.numbers(module, "LUTDescriptor")
    if len(descriptor) != 3:
        return None
    entries = int(descriptor[0]) or 65536
    values = _entries(tags.raw_value(module, "LUTData"), entries)
    if values is None or len(values) < 2 or len(values) < entries:
        return None
    return int(descriptor[1]), values[:entries]


def _entries(stored: Any, count: int) -> NDArray[np.uint16] | None:
    try:
        if isinstance(stored, bytes):
            dtype = np.uint8 if len(stored) < 2 * count else np.dtype("<u2")
            return np.frombuffer(stored, dtype).astype(np.uint16)
        return np.asarray(list(stored), dtype=np.int64).astype(np.uint16)
    except (TypeError, ValueError, OverflowError):
        return None
