"""What holds for every forward model: it takes batches, runs where its pixels are, and names its source."""

import re
from collections.abc import Callable
from types import ModuleType

import pytest
import torch
from torch import Generator, Tensor

from inference.mediqa.physics import ct, emission, generic, mr, photo, projection, ultrasound, volume

from .shapes import seeded, textured

MODULES: tuple[ModuleType, ...] = (ct, emission, generic, mr, photo, projection, ultrasound, volume)
LOW, HIGH = 0.0, 1300.0


def three_slices() -> Tensor:
    """[3, 96, 80]: bodies of other brightness, texture and place."""
    return torch.stack([(textured(96, seed) * (seed + 1) / 2).roll(4 * seed, -2)[:, :80] for seed in range(3)])


def hounsfield(pixels: Tensor) -> Tensor:
    return pixels - 1000


def scanned(model: Callable[..., Tensor], *parameters: float) -> Callable[[Tensor], Tensor]:
    return lambda x: model(hounsfield(x), *parameters, ct.scan_of(hounsfield(x), 2.0))


# Nothing is drawn.
FIXED: dict[str, Callable[[Tensor], Tensor]] = {
    "with_views": scanned(ct.with_views, 30),
    "with_angular_range": scanned(ct.with_angular_range, 120),
    "with_beam_hardening": scanned(ct.with_beam_hardening, 0.3),
    "with_rod": lambda x: ct.with_rod(hounsfield(x), 5.0, ct.scan_of(hounsfield(x), 2.0), (12.0, -9.0)),
    "with_soft_kernel": lambda x: ct.with_soft_kernel(x, 2.0, 0.7),
    "with_sharp_kernel": lambda x: ct.with_sharp_kernel(x, 4.0),
    "with_iterations": lambda x: emission.with_iterations(x, 4),
    "with_post_filter": lambda x: emission.with_post_filter(x, 9.0, 3.0),
    "with_blur": lambda x: generic.with_blur(x, 1.3),
    "with_block_coding": lambda x: generic.with_block_coding(x, 30, LOW, HIGH),
    "with_ghost": lambda x: mr.with_ghost(x, 30.0),
    "with_truncation": lambda x: mr.with_truncation(x, 0.4),
    "with_wrap": lambda x: mr.with_wrap(x, 0.7),
    "with_defocus": lambda x: photo.with_defocus(x, 2.5),
    "with_exposure_error": lambda x: photo.with_exposure_error(x, -1.0, LOW, HIGH),
    "with_scatter": lambda x: projection.with_scatter(x, 2.0),
    "with_focal_blur": lambda x: projection.with_focal_blur(x, 4.0),
    "with_saturation": lambda x: projection.with_saturation(x, 0.3),
    "with_gain": lambda x: ultrasound.with_gain(x, 8.0, LOW, HIGH),
    "with_attenuation": lambda x: ultrasound.with_attenuation(x, 20.0, LOW, HIGH),
    "with_thickness": lambda x: volume.with_thickness(
        torch.stack((x.roll(2, -1), x, x.roll(5, -2))), torch.tensor([-2.0, 0.0, 2.0], device=x.device), 5.0
    ),
}
# What is drawn belongs to the body or the machine: once for all slices.
ONCE: dict[str, Callable[[Tensor, Generator], Tensor]] = {
    "with_rings": lambda x, g: ct.with_rings(x, 0.02, g, 0.7),
    "with_undersampling": lambda x, g: mr.with_undersampling(x, 0.4, g),
    "with_motion": lambda x, g: mr.with_motion(x, 2.0, g),
    "with_spike": lambda x, g: mr.with_spike(x, 0.3, g),
    "with_bias_field": lambda x, g: mr.with_bias_field(x, 0.5, g),
    "with_uneven_light": lambda x, g: photo.with_uneven_light(x, 0.6, g, LOW, HIGH),
    "with_grid_lines": lambda x, g: projection.with_grid_lines(x, 0.1, g),
    "with_shadow": lambda x, g: ultrasound.with_shadow(x, 20.0, g, LOW, HIGH),
}
# Noise: each slice has its own.
EACH: dict[str, Callable[[Tensor, Generator], Tensor]] = {
    "with_dose": lambda x, g: ct.with_dose(x, ct.beyond_field(ct.ray_paths(hounsfield(x), 2.0), x), 0.2, g),
    "with_counts": lambda x, g: emission.with_counts(x, 0.2, g, HIGH),
    "with_gaussian_noise": lambda x, g: generic.with_gaussian_noise(x, 20.0, g),
    "with_rician_noise": lambda x, g: mr.with_rician_noise(x, 20.0, g),
    "with_acceleration": lambda x, g: mr.with_acceleration(x, 3.0, 20.0, g),
    "with_exposure": lambda x, g: projection.with_exposure(x, 0.2, g),
    "with_speckle": lambda x, g: ultrasound.with_speckle(x, 0.5, g, LOW, HIGH),
}
PLACED = {"with_metal"}  # drawn once, from what is body in all slices: a test of its own
ALL = {**{name: lambda x, g, model=model: model(x) for name, model in FIXED.items()}, **ONCE, **EACH}
READS = {"with_wrap", "with_saturation", "with_thickness", "with_undersampling", "with_motion", "with_dose"}  # values


def public_models() -> dict[str, Callable[..., Tensor]]:
    return {
        name: model
        for module in MODULES
        for name, model in vars(module).items()
        if name.startswith("with_") and model.__module__ == module.__name__
    }


def is_close(ours: Tensor, theirs: Tensor) -> bool:
    """A rounding that falls the other way may move a block of a coded image; no more."""
    return float((ours - theirs).abs().mean()) < 1e-4 * float(theirs.std())


def test_every_forward_model_is_seen_here():
    assert set(public_models()) == {*ALL, *PLACED}


@pytest.mark.parametrize("name", public_models())
def test_a_forward_model_names_its_source(name):
    source = r"\b(19|20)\d\d\b|ch\. \d|Handbook|ITU-T|IEC \d|DICOM PS3"
    assert re.search(source, public_models()[name].__doc__ or "")


@pytest.mark.parametrize("name", FIXED)
def test_a_batch_is_degraded_as_its_slices_are(name):
    batch = three_slices()
    alone = torch.stack([FIXED[name](one) for one in batch])
    assert is_close(FIXED[name](batch), alone)
    assert is_close(FIXED[name](batch[:, None])[:, 0], alone)
    assert not is_close(alone, batch)


@pytest.mark.parametrize("name", ONCE)
def test_what_belongs_to_the_machine_is_drawn_once_for_a_batch(name):
    batch = three_slices()
    alone = torch.stack([ONCE[name](one, seeded(5)) for one in batch])
    assert is_close(ONCE[name](batch, seeded(5)), alone)


@pytest.mark.parametrize("name", EACH)
def test_each_slice_of_a_batch_has_noise_of_its_own_alike_strong(name):
    batch = three_slices()[:1].expand(3, -1, -1)
    noise = EACH[name](batch, seeded(5)) - batch
    alone = EACH[name](batch[0], seeded(6)) - batch[0]
    assert noise.shape == batch.shape
    assert noise.std(dim=(-2, -1)).tolist() == pytest.approx([float(alone.std())] * 3, rel=0.1)
    fluctuation = (noise - noise.mean(dim=0)).flatten(1)
    # what three independent draws leave about their mean: correlations of -1 / 2
    assert torch.corrcoef(fluctuation)[0, 1:].tolist() == pytest.approx([-0.5, -0.5], abs=0.1)


def test_a_rod_goes_through_the_body_of_all_slices():
    bodies = hounsfield(torch.stack([textured(96).roll(shift, -1) for shift in (-14, 0, 14)]))
    scan = ct.scan_of(bodies, 2.0)
    for seed in range(4):
        change = ct.with_metal(bodies, 6.0, scan, seeded(seed)) - bodies
        row, column = divmod(int(change[0].argmax()), 96)
        assert [int(one.argmax()) for one in change] == [row * 96 + column] * 3
        assert (
            bodies[:, row, column] > -300
        ).all()  # a rod is wider than its brightest pixel, so a little less than body


def test_each_slice_of_a_batch_has_line_integrals_of_its_own():
    bodies = hounsfield(three_slices())
    bodies[1] = 0.0  # fills its field: more of it lies outside
    together = ct.beyond_field(ct.ray_paths(bodies, 2.0), bodies).integrals
    alone = [ct.beyond_field(ct.ray_paths(body, 2.0), body).integrals for body in bodies]
    torch.testing.assert_close(together, torch.stack(alone), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", [name for name in ALL if name not in READS])
def test_what_a_model_makes_lies_where_its_pixels_are(name):
    """On a device without values, which refuses tensors of another one as a GPU does."""
    assert ALL[name](three_slices().to("meta"), seeded()).device.type == "meta"


@pytest.mark.gpu
@pytest.mark.parametrize("name", FIXED)
def test_a_gpu_gives_what_the_cpu_gives(name):
    batch = three_slices()
    assert is_close(FIXED[name](batch.cuda()).cpu(), FIXED[name](batch))


@pytest.mark.gpu
@pytest.mark.parametrize("name", {**ONCE, **EACH})
def test_a_gpu_draws_on_itself(name):
    result = {**ONCE, **EACH}[name](three_slices().cuda(), Generator("cuda").manual_seed(0))
    assert result.device.type == "cuda"
    assert torch.isfinite(result).all()
