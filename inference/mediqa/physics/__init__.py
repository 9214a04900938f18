"""Forward models of how an acquisition degrades: upstream pre-training and the words of a prediction."""

from inference.mediqa.physics.degradations import (
    DEGRADATIONS,
    KINDS,
    Degradation,
    Subject,
    degrade,
    physical_parameters,
)

__all__ = ["DEGRADATIONS", "KINDS", "Degradation", "Subject", "degrade", "physical_parameters"]
