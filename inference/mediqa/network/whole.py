"""What a slice tells as a whole: its spectrum, whether it is its own ghost, borders, shading, and spread of textures.

Faults of acquisition lie where the scanner measured, in k-space, or are spread over the image, and no patch shows them
by itself. S is the side of a view, K = S / 2 + 1 the columns of its spectrum; frequencies are shares of the highest.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from inference.mediqa.network.encoders.filters import TEXTURES
from inference.mediqa.network.profiles import NetworkConfig
from inference.mediqa.prompt import MODALITY

FLOOR = 1e-8  # share of the power in one place of the spectrum that counts as nothing
EDGES = (0.0, 1 / 32, 1 / 16, 1 / 8, 7 / 32, 11 / 32, 1 / 2, 11 / 16, 1.01)  # between bands along an axis
RINGS = ((0.05, 0.125), (0.125, 0.25), (0.25, 0.44), (0.44, 0.7), (0.7, 1.01))
SECTORS, SECTOR_RINGS = 12, ((0.1, 0.3), (0.3, 0.6), (0.6, 1.01))
LINE_BANDS = ((0.01, 0.1), (0.1, 0.25), (0.25, 0.63))  # of the frequencies that a line is averaged over
LINE_PLACES = ((0.06, 0.25), (0.25, 0.63), (0.63, 1.01))  # of the lines themselves
SHIFTS = (2, 4)  # ghosts appear a half or a quarter of the field away
DARK, BRIGHT = 1.0, 0.12  # below this share of the mean, above this value
BORDER = 3 / 128  # of the side
COARSE = 2  # pixels on a side that are averaged before the field is looked at
BLOCKS = 4  # along a side, in which shading is compared
LIMIT = 5.0  # of a normalised number
EQUAL = 0.5  # what it counts for where nothing else is known
DROPPED = (0.2, 0.1)  # share of the hidden numbers, and of those that are told, while they learn
OUT_OF_REACH = 100.0  # beyond all logarithms of a power


class Spectrum(nn.Module):
    """log10 of the share of the power at each frequency: [B, S, S] -> [B, S, K], rows from the lowest to the highest.

    By two matrices of the Fourier transform, since that runs, and is the same, wherever a product of matrices does.
    """

    along_cos: Tensor
    along_sin: Tensor
    down_cos: Tensor
    down_sin: Tensor

    def __init__(self, side: int) -> None:
        super().__init__()
        places = torch.arange(side, dtype=torch.float64)
        along = torch.arange(side // 2 + 1, dtype=torch.float64)
        down = places - side // 2
        for name, frequencies in (("along", along), ("down", down)):
            angles = 2 * torch.pi * torch.outer(places, frequencies) / side
            self.register_buffer(f"{name}_cos", angles.cos().float(), persistent=False)
            self.register_buffer(f"{name}_sin", angles.sin().float(), persistent=False)
        self.rows = (2 * down / side).float()  # [S], -1 to 1
        self.columns = (2 * along / side).float()  # [K], 0 to 1

    def forward(self, views: Tensor) -> Tensor:
        centred = views - views.mean(dim=(1, 2), keepdim=True)
        cosine, sine = centred @ self.along_cos, centred @ self.along_sin
        real = self.down_cos.T @ cosine - self.down_sin.T @ sine
        imaginary = self.down_sin.T @ cosine + self.down_cos.T @ sine
        power = real.square() + imaginary.square()
        share = power / power.sum(dim=(1, 2), keepdim=True).clamp(min=1e-9)
        return torch.log10(share + FLOOR)


class SpectrumStatistics(nn.Module):
    """[B, S, K] logarithms of power -> [B, FEATURES].

    Bands of both axes (blur, noise, zero-filling), sectors of rings (missing views), what stands out of a ring
    (spikes), and how rough it is from line to line (motion, ghosts, lines that were left out).
    """

    bands_down: Tensor
    bands_along: Tensor
    rings: Tensor
    sectors: Tensor
    lines_down: Tensor
    lines_along: Tensor
    places_down: Tensor
    places_along: Tensor

    FEATURES = (len(EDGES) - 1) ** 2 + 2 * len(RINGS) + 3 * len(SECTOR_RINGS) + 4 * len(LINE_BANDS) * len(LINE_PLACES)

    def __init__(self, spectrum: Spectrum) -> None:
        super().__init__()
        down, along = spectrum.rows.abs(), spectrum.columns
        radius = torch.hypot(spectrum.rows[:, None], along[None]).flatten()
        angle = (torch.atan2(along[None], spectrum.rows[:, None]) / torch.pi).flatten()  # 0 to 1
        bands = list(pairwise(EDGES))
        sectors = [
            _within(radius, *ring) * _within(angle, number / SECTORS, (number + 1) / SECTORS)
            for ring in SECTOR_RINGS
            for number in range(SECTORS)
        ]
        masks = {
            "bands_down": torch.stack([_within(down, *band) for band in bands]),
            "bands_along": torch.stack([_within(along, *band) for band in bands]),
            "rings": torch.stack([_within(radius, *ring) for ring in RINGS]),
            "sectors": torch.stack(sectors),
            "lines_down": torch.stack([_within(down, *band) for band in LINE_BANDS]),
            "lines_along": torch.stack([_within(along, *band) for band in LINE_BANDS]),
            "places_down": torch.stack([_within(down[1:-1], *band) for band in LINE_PLACES]),
            "places_along": torch.stack([_within(along[1:-1], *band) for band in LINE_PLACES]),
        }
        for name, mask in masks.items():
            self.register_buffer(name, mask / mask.sum(1, keepdim=True).clamp(min=1), persistent=False)

    def forward(self, spectrum: Tensor) -> Tensor:
        flat = spectrum.flatten(1)
        bands = (self.bands_down @ spectrum @ self.bands_along.T).flatten(1)
        means = flat @ self.rings.T
        spread = (flat.square() @ self.rings.T - means.square()).clamp(min=1e-8).sqrt()
        peaks = _largest(flat[:, None], self.rings) - means
        sectors = (flat @ self.sectors.T).reshape(-1, len(SECTOR_RINGS), SECTORS)
        middle = sectors.mean(2)
        angular = (sectors.amax(2) - middle, middle - sectors.amin(2), _spread(sectors))
        from_row_to_row = _roughness(self.lines_along @ spectrum.transpose(1, 2), self.places_down)
        from_column_to_column = _roughness(self.lines_down @ spectrum, self.places_along)
        return torch.cat((bands, peaks, spread, *angular, from_row_to_row, from_column_to_column), dim=1)


class FieldStatistics(nn.Module):
    """[B, S, S] in 0..1 -> [B, FEATURES].

    Whether what is dark looks like what lies a half or a quarter of the field away (ghosts, wrap), what the borders
    show and share with the ones opposite (wrap), and how brightness drifts over what is bright (receive sensitivity).
    """

    drifts: Tensor

    FEATURES = 2 * 2 * len(SHIFTS) + 2 * 4 + 2 + 6 + 5

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side, self.border = side, max(1, round(BORDER * side))
        ticks = torch.linspace(-1, 1, side)
        y, x = torch.meshgrid(ticks, ticks, indexing="ij")
        self.register_buffer("drifts", torch.stack((y, x, y * y + x * x - 2 / 3)).flatten(1), persistent=False)

    def forward(self, views: Tensor) -> Tensor:
        mean = views.mean(dim=(1, 2), keepdim=True)
        is_dark = (views < DARK * mean).float()
        return torch.cat(
            (self._ghosts(views, is_dark), self._borders(views), self._shading(views), _levels(views, is_dark)), dim=1
        )

    def _ghosts(self, views: Tensor, is_dark: Tensor) -> Tensor:
        here, away = [], []
        for axis in (1, 2):
            edges = (views - torch.roll(views, 1, axis)).abs()
            for shown in (views, edges):
                here += [shown] * len(SHIFTS)
                away += [torch.roll(shown, self.side // shift, axis) for shift in SHIFTS]
        shape = (-1, len(here), self.side**2)
        one, other = (torch.stack(seen, dim=1).reshape(shape) for seen in (here, away))
        return _likeness(one, other, is_dark.reshape(-1, 1, self.side**2))

    def _borders(self, views: Tensor) -> Tensor:
        width = self.border
        top, bottom, left, right = (
            strip.mean(axis)
            for strip, axis in (
                (views[:, :width], 1), (views[:, -width:], 1), (views[..., :width], 2), (views[..., -width:], 2)
            )
        )  # fmt: skip
        strips = torch.stack((top, left, bottom, right), dim=1)  # [B, 4, side]
        opposite = _likeness(strips[:, :2], strips[:, 2:], torch.ones_like(strips[:, :1]))
        return torch.cat((strips.mean(2), _spread(strips), opposite), dim=1)

    def _shading(self, views: Tensor) -> Tensor:
        is_bright = (views > BRIGHT).float()
        share = is_bright.mean(dim=(1, 2))
        levels = views.clamp(min=BRIGHT / 2).log()
        flat, weight = (value.reshape(-1, 1, self.side**2) for value in (levels, is_bright))
        drifts = _likeness(flat, self.drifts[None], weight)
        block = self.side // BLOCKS
        covered = functional.avg_pool2d(is_bright[:, None], block).flatten(1)
        means = functional.avg_pool2d((levels * is_bright)[:, None], block).flatten(1) / covered.clamp(min=1e-3)
        counted = (covered > 0.05).float()
        count = counted.sum(1).clamp(min=1)
        middle = (means * counted).sum(1) / count
        offsets = (means - middle[:, None]) * counted
        spread = (offsets.square().sum(1) / count + 1e-8).sqrt()
        return torch.cat((drifts, torch.stack((share, spread, offsets.abs().amax(1)), dim=1)), dim=1)


class TextureQuantiles(nn.Module):
    """How the textures of a tile are spread over its cells: [B, G * G, TEXTURES] -> [B, FEATURES].

    The flattest cells show noise, the strongest edges; which cells these are says nothing of quality.
    """

    SHARES = (0.05, 0.25, 0.5, 0.75, 0.97)
    FEATURES = len(SHARES) * TEXTURES

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.ranks = [round(share * (config.grid**2 - 1)) for share in self.SHARES]

    def forward(self, of_cells: Tensor) -> Tensor:
        return of_cells.sort(dim=1).values[:, self.ranks].flatten(1)


class Standardised(nn.BatchNorm1d):
    """[B, n] -> [B, n], by mean and variance of the training copies, which ``fit`` takes at once.

    Written out: exported as it is, batch normalisation asks for shapes that a graph does not know.
    """

    running_mean: Tensor
    running_var: Tensor

    def fit(self, values: Tensor) -> None:
        """Take mean and variance of [M, n]."""
        self.running_mean.copy_(values.mean(0))
        self.running_var.copy_(values.var(0, correction=min(1, len(values) - 1)))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = (x - self.running_mean) * torch.rsqrt(self.running_var + self.eps)
        return result


class WholeStatistics(nn.Module):
    """Slices by fixed statistics, and two layers that read W numbers from them under the prompt.

    Of the whole view, in the wide window, its spectrum and field; of all tiles, in both windows, their textures: those
    of the whole view and the mean over the crops. D numbers in all. So little is learnt that it holds for images of
    which nothing like them was seen; patches learn more, and more by heart. ``shares``: what it counts for beside the
    patches by modality, 0 to 1.
    """

    shares: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.spectrum = Spectrum(config.tile)
        self.of_spectrum, self.of_field = SpectrumStatistics(self.spectrum), FieldStatistics(config.tile // COARSE)
        self.of_texture = TextureQuantiles(config) if config.whole_textures else None
        count = SpectrumStatistics.FEATURES + FieldStatistics.FEATURES
        count += 2 * TextureQuantiles.FEATURES if config.whole_textures else 0
        self.is_floored = config.whole_floored
        self.norm = Standardised(count, affine=False)
        self.prompt = _untaught(config)
        self.gate = _untaught(config) if config.whole_textures else None
        self.first = nn.Linear(count, config.whole_hidden)
        self.last = nn.Linear(config.whole_hidden, config.whole_size)
        shares = torch.full((config.vocabulary[MODALITY],), EQUAL)
        self.register_buffer("shares", shares, persistent=config.whole_textures)
        self.drop_first, self.drop_last = (nn.Dropout(share) for share in DROPPED)

    def forward(self, tiles: Tensor, is_whole: Tensor, of_cells: Tensor, prompt: Tensor) -> Tensor:
        """[n, 2, S, S], [n], [n, G * G, TEXTURES], [B, P] -> [B, W] for the B slices whose whole views are among the
        tiles."""
        with torch.autocast(tiles.device.type, enabled=False):
            statistics = self.statistics(tiles.float(), is_whole, of_cells.float())
        return self.read(statistics, prompt)

    def read(self, statistics: Tensor, prompt: Tensor) -> Tensor:
        """[B, D], [B, P] -> [B, W]"""
        hidden = self.first(self.norm(statistics).clamp(-LIMIT, LIMIT))
        if self.gate is not None:
            hidden = hidden * (1 + self.gate(prompt))
        hidden = self.drop_first(functional.gelu(hidden + self.prompt(prompt)))
        result: Tensor = self.drop_last(functional.gelu(self.last(hidden)))
        return result

    def statistics(self, tiles: Tensor, is_whole: Tensor, of_cells: Tensor) -> Tensor:
        """[n, 2, S, S], [n], [n, G * G, TEXTURES] -> [B, D]; the crops of a slice follow its whole view."""
        places = torch.nonzero(is_whole)[:, 0]
        views = tiles[places][:, 0]
        if self.is_floored:
            views = views.clamp(min=0)
        coarse = functional.avg_pool2d(views[:, None], COARSE)[:, 0]
        seen = [self.of_spectrum(self.spectrum(views)), self.of_field(coarse)]
        if self.of_texture is not None:
            of_tiles = self.of_texture(of_cells)
            seen += [of_tiles[places], _means_of_crops(of_tiles, is_whole)]
        return torch.cat(seen, dim=1)


def _untaught(config: NetworkConfig) -> nn.Linear:
    """What a prompt changes, nothing at first."""
    layer = nn.Linear(config.prompt_size, config.whole_hidden, bias=False)
    nn.init.zeros_(layer.weight)
    return layer


def _means_of_crops(values: Tensor, is_whole: Tensor) -> Tensor:
    """[n, m], [n] -> [B, m], the mean over the crops that follow each whole view; without any, its own."""
    slices = torch.cumsum(is_whole.long(), dim=0)  # of which each tile is
    is_theirs = ((slices[None] == slices[is_whole][:, None]) & ~is_whole[None]).to(values.dtype)
    count = is_theirs.sum(1, keepdim=True)
    return torch.where(count > 0, is_theirs @ values / count.clamp(min=1), values[is_whole])


def _within(values: Tensor, low: float, high: float) -> Tensor:
    return ((values >= low) & (values < high)).float()


def _largest(values: Tensor, shares: Tensor) -> Tensor:
    """Largest of [B, 1 or n, N] where each of [n, N] is above 0: [B, n]; the lowest there is where a tile is too small
    for a band."""
    return (values - OUT_OF_REACH * (shares == 0).float()).amax(-1).clamp(min=-OUT_OF_REACH / 2)


def _roughness(lines: Tensor, places: Tensor) -> Tensor:
    """Mean and largest second difference of [B, n, lines] in each of [places, lines - 2]: [B, 2 * n * places]."""
    bends = (lines[..., 2:] - 2 * lines[..., 1:-1] + lines[..., :-2]).abs()
    return torch.cat(((bends @ places.T).flatten(1), _largest(bends[:, :, None], places).flatten(1)), dim=1)


def _likeness(one: Tensor, other: Tensor, weight: Tensor) -> Tensor:
    """Pearson's correlation along the last axis under weights, all [B, n or 1, N]: [B, n]; 0 where one is constant."""
    share = weight / weight.sum(-1, keepdim=True).clamp(min=1.0)
    one, other = one - (one * share).sum(-1, keepdim=True), other - (other * share).sum(-1, keepdim=True)
    weighted = one * share
    both, first, second = (value.sum(-1) for value in (weighted * other, weighted * one, share * other * other))
    return both * torch.rsqrt(first * second + 1e-9)


def _spread(values: Tensor) -> Tensor:
    """Standard deviation along the last axis."""
    return (values - values.mean(-1, keepdim=True)).square().mean(-1).add(1e-9).sqrt()


def _levels(views: Tensor, is_dark: Tensor) -> Tensor:
    """Mean and spread of all and of what is dark, and the lowest value: [B, 5]."""
    flat, weight = views.flatten(1), is_dark.flatten(1)
    total = weight.sum(1).clamp(min=1.0)
    dark = (flat * weight).sum(1) / total
    dark_spread = (((flat - dark[:, None]).square() * weight).sum(1) / total + 1e-9).sqrt()
    return torch.stack((flat.mean(1), _spread(flat), dark, dark_spread, flat.amin(1)), dim=1)
