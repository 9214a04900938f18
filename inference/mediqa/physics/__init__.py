"""Forward models of how an acquisition degrades: upstream pre-training and the words of a prediction."""

from inference.mediqa.physics.degradations import (
    BY_NAME,
    DEGRADATIONS,
    KINDS,
    Degradation,
    degrade,
    degrade_stack,
    kinds_for,
    physical_parameters,
)
from inference.mediqa.physics.subject import Subject

__all__ = [
    "BY_NAME",
    "DEGRADATIONS",
    "KINDS",
    "Degradation",
    "Subject",
    "degrade",
    "degrade_stack",
    "kinds_for",
    "physical_parameters",
]
