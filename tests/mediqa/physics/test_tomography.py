"""Projection and reconstruction against chords of discs and against scikit-image."""

import math

import numpy as np
import pytest
import torch

from inference.mediqa.physics import tomography

from .shapes import disc


def test_projection_of_a_disc_is_its_chord():
    side, radius = 128, 40.0
    sinogram = tomography.project(disc(side, radius)[None], tomography.angles_of(7))
    offset = torch.arange(side) - (side - 1) / 2
    chord = 2 * torch.sqrt((radius**2 - offset**2).clamp(min=0))
    inner = offset.abs() < 0.9 * radius
    assert (sinogram[0][:, inner] - chord[inner]).abs().max() < 0.02 * 2 * radius
    assert sinogram.sum(dim=2)[0] == pytest.approx(math.pi * radius**2, rel=0.01)  # mass at every angle


def test_projection_agrees_with_scikit_image():
    transform = pytest.importorskip("skimage.transform")
    phantom = disc(96, 20.0).roll((9, 14), dims=(0, 1))
    ours = tomography.project(phantom[None], tomography.angles_of(2))[0]
    theirs = transform.radon(phantom.numpy(), theta=[0.0, 90.0], circle=True).T
    # scikit-image turns about a pixel and not about the middle of the square: half a pixel of shift at most
    for mine, other in zip(ours.numpy(), theirs, strict=True):
        shifts = [
            np.abs(np.roll(flipped, shift) - mine).mean() for flipped in (other, other[::-1]) for shift in (-1, 0, 1)
        ]
        assert min(shifts) < 0.02 * mine.max()


def test_reconstruction_undoes_projection_inside_a_disc():
    phantom = disc(128, 40.0)
    angles = tomography.angles_of(180)
    image = tomography.reconstruct(tomography.project(phantom[None], angles), angles, 128)[0]
    assert image[50:78, 50:78].mean() == pytest.approx(1.0, abs=0.01)
    assert image[:10, 54:74].abs().mean() < 0.03


def test_off_centre_object_is_reconstructed_in_its_place():
    phantom = torch.zeros(96, 96)
    phantom[20:26, 60:66] = 1.0
    angles = tomography.angles_of(120)
    image = tomography.reconstruct(tomography.project(phantom[None], angles), angles, 96)[0]
    row, column = divmod(int(image.argmax()), 96)
    assert 20 <= row < 26
    assert 60 <= column < 66


def test_the_ramp_agrees_with_scikit_image():
    transform = pytest.importorskip("skimage.transform.radon_transform")
    theirs = np.real(transform._get_fourier_filter(256, "hann")).squeeze() / 2
    # scikit-image doubles the ramp; its Hann window is sampled half a step off
    np.testing.assert_allclose(tomography._ramp(256).numpy(), theirs[:129], atol=4e-3)


def test_rings_agree_with_scikit_image():
    """A full turn of views that are alike; its radii are interpolated between whole pixels here."""
    transform = pytest.importorskip("skimage.transform")
    profile = torch.zeros(1, 159)
    profile[0, 100], profile[0, 40] = 1.0, -0.5
    theirs = transform.iradon(profile.numpy().T.repeat(360, axis=1), np.arange(360.0), filter_name="hann", circle=True)
    ours = tomography.radial_reconstruction(profile, 159)[0].numpy()
    inside = disc(159, 75.0).numpy() == 1
    assert np.corrcoef(ours[inside], theirs[inside])[0, 1] > 0.99
    assert ours[inside].std() / theirs[inside].std() == pytest.approx(1.0, abs=0.07)


def test_rings_equal_the_back_projection_of_the_same_profile_at_every_angle():
    profile = torch.zeros(1, 96)
    profile[0, 60] = 1.0
    angles = tomography.angles_of(180)
    both_sides = (profile + profile.flip(1)) / 2  # a full turn sees each ray twice
    slow = tomography.reconstruct(both_sides[:, None].expand(1, 180, 96), angles, 96)
    fast = tomography.radial_reconstruction(profile, 96)
    inside = disc(96, 44.0) == 1
    assert torch.corrcoef(torch.stack((fast[0][inside], slow[0][inside])))[0, 1] > 0.98
