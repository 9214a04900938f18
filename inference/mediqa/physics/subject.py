"""A slice to be degraded, with what is dear to compute kept."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from inference.mediqa.physics import ct


@dataclass
class Subject:
    """[rows, columns] in modality units. neighbours: [n, rows, columns] at offsets_mm [n] across, without itself."""

    pixels: Tensor
    modality: str
    is_inverted: bool = False
    spacing_mm: float = 0.7
    low: float = 0.0  # the range that matters on a screen
    high: float = 1.0
    neighbours: Tensor | None = None
    offsets_mm: Tensor | None = None
    _paths: ct.RayPaths | None = field(default=None, repr=False)
    _scan: ct.Scan | None = field(default=None, repr=False)

    @property
    def span(self) -> float:
        return max(self.high - self.low, 1e-6)

    @property
    def has_neighbours(self) -> bool:
        return self.neighbours is not None and len(self.neighbours) > 0

    def paths(self) -> ct.RayPaths:
        """Line integrals through each pixel (CT)."""
        if self._paths is None:
            self._paths = ct.beyond_field(ct.ray_paths(self.pixels, self.spacing_mm), self.pixels)
        return self._paths

    def scan(self) -> ct.Scan:
        """The coarse sinogram (CT)."""
        if self._scan is None:
            self._scan = ct.scan_of(self.pixels, self.spacing_mm)
        return self._scan

    def beside(self, place: int) -> Subject:
        """Return neighbour ``place`` as a subject of its own, on the same screen, with this slice among its neighbours.

        Raises ValueError without neighbours.
        """
        if self.neighbours is None or self.offsets_mm is None:
            raise ValueError("The slice has no neighbours.")
        others = [other for other in range(len(self.neighbours)) if other != place]
        near = torch.cat((self.pixels[None], self.neighbours[others]))
        here = torch.zeros(1, device=self.offsets_mm.device)
        offsets_mm = torch.cat((here, self.offsets_mm[others])) - self.offsets_mm[place]
        return replace(
            self, pixels=self.neighbours[place], neighbours=near, offsets_mm=offsets_mm, _paths=None, _scan=None
        )

    def slab(self) -> tuple[Tensor, Tensor]:
        """Slices and their places across, ascending, this one at 0; raises ValueError without neighbours.

        At the end of a stack the body is taken to go on beyond it as it does within.
        """
        if self.neighbours is None or self.offsets_mm is None or len(self.neighbours) == 0:
            raise ValueError("A thicker slice needs neighbours.")
        near, offsets_mm = self.neighbours, self.offsets_mm
        if bool((offsets_mm > 0).all() | (offsets_mm < 0).all()):
            near, offsets_mm = torch.cat((near, near)), torch.cat((offsets_mm, -offsets_mm))
        slices = torch.cat((self.pixels[None], near))
        places = torch.cat((torch.zeros(1, device=offsets_mm.device), offsets_mm))
        order = torch.argsort(places)
        return slices[order], places[order]
