"""Slices to train on."""

from inference.mediqa.simulation.sources import SourceSlice
from inference.mediqa.types import Prompt
from tests.mediqa.conftest import phantom


def item(source: str, patient: str = "", seed: int = 0) -> SourceSlice:
    """A phantom as a slice of a source."""
    return SourceSlice(
        source,
        f"{source}-{seed}",
        patient,
        phantom(1, side=96, seed=seed)[0],
        Prompt("2D", "MR"),
        is_inverted=False,
        spacing_mm=1.0,
    )
