"""Statistics of batch normalisation for use, from many steps instead of the last few."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from inference.mediqa.network import Network


class SteadyStatistics:
    """Within it, the running statistics of a network become plain means over the batches that it is given.

    A step of training sees few images of few modalities, so running means that forget within ten steps say what the
    last ones held (Wu and Johnson, "Rethinking Batch in BatchNorm", 2021, section 3).
    """

    def __init__(self, network: Network, frozen: Sequence[nn.Module] = ()) -> None:
        """frozen: parts whose statistics stay as they are, since they were not trained."""
        self.network, self.frozen = network, frozen
        kept = {layer for part in frozen for layer in part.modules()}
        self.layers = [
            layer
            for layer in network.modules()
            if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)) and layer not in kept
        ]

    def __enter__(self) -> None:
        self.momenta = [layer.momentum for layer in self.layers]
        self.network.train()
        for part in self.frozen:
            part.eval()
        for layer in self.layers:
            layer.reset_running_stats()
            layer.momentum = None  # the cumulative mean

    def __exit__(self, *raised: object) -> None:
        for layer, momentum in zip(self.layers, self.momenta, strict=True):
            layer.momentum = momentum
        self.network.eval()
