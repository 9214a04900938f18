"""Values of multi-frame objects that stand in functional groups: per frame first, else shared (PS3.3
C.7.6.16).
"""

from functools import cached_property

from pydicom import Dataset

from annotations.dicom import tags


class FunctionalGroups:
    """Look-up of the group macros of a Dataset; empty, and harmless, for a classic object."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    @cached_property
    def _per_frame(self) -> list[Dataset]:
        return tags.sequence(self._dataset, "PerFrameFunctionalGroupsSequence")

    @cached_property
    def _shared(self) -> Dataset | None:
        return tags.first(self._dataset, "SharedFunctionalGroupsSequence")

    def find(self, frame_index: int, macro: str) -> Dataset | None:
        """The first Dataset of the macro sequence `macro` that holds for the frame `frame_index` (from 0)."""
        if frame_index < len(self._per_frame):
            found = tags.first(self._per_frame[frame_index], macro)
            if found is not None:
                return found
        return tags.first(self._shared, macro)
