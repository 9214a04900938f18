"""What sees: tiles and a prompt to tokens, and what the network itself says of them. No expert's score."""

from inference.mediqa.network.network import (
    WHOLE,
    Judgement,
    Network,
    SideJudgement,
    WholeJudgement,
    patch_weighted,
    summary,
    tile_kinds,
)

__all__ = [
    "WHOLE",
    "Judgement",
    "Network",
    "SideJudgement",
    "WholeJudgement",
    "patch_weighted",
    "summary",
    "tile_kinds",
]
