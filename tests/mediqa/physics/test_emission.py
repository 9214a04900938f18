"""Emission tomography: Poisson variances, kept totals, widths of filters."""

import pytest
import torch

from inference.mediqa.physics import emission

from .shapes import disc, seeded


def test_variance_goes_with_activity_and_inverse_counts():
    image = torch.full((300, 300), 100.0)
    image[:150] = 25.0
    noise = emission.with_counts(image, 0.5, seeded(), 100.0) - image
    assert float(noise[160:].var() / noise[:140].var()) == pytest.approx(4.0, rel=0.1)
    fewer = emission.with_counts(image, 0.25, seeded(), 100.0) - image
    assert float(fewer[160:].var() / noise[160:].var()) == pytest.approx(3.0, rel=0.02)
    assert noise[160:].var() == pytest.approx(100.0 * 100.0 / emission.FULL_COUNTS, rel=0.1)


def test_maximum_likelihood_keeps_the_total_and_nears_the_truth():
    image = disc(96, 12.0) * 50 + 1
    estimates = [emission.with_iterations(image, count) for count in (1, 4, 16, 64)]
    for estimate in estimates:
        assert float(estimate.sum()) == pytest.approx(float(image.sum()), rel=1e-3)
    errors = [float((estimate - image).norm()) for estimate in estimates]
    assert errors == sorted(errors, reverse=True)


def test_one_iteration_agrees_with_richardson_and_lucy_in_scikit_image():
    restoration = pytest.importorskip("skimage.restoration")
    image = disc(64, 9.0) + 0.1
    sigma = emission.SCANNER_FWHM_PX / emission.FWHM_OF_SIGMA
    ticks = torch.arange(-10, 11.0)
    kernel = torch.exp(-(ticks[:, None] ** 2 + ticks[None, :] ** 2) / (2 * sigma**2))
    measured = emission._circular_blur(image, sigma)
    theirs = restoration.richardson_lucy(measured.numpy(), (kernel / kernel.sum()).numpy(), num_iter=3, clip=False)
    ours = emission.with_iterations(image, 3)
    middle = (slice(20, 44), slice(20, 44))
    assert abs(ours[middle].numpy() - theirs[middle]).max() < 0.02  # borders differ: ours wrap


def test_the_post_filter_has_the_named_width():
    scipy = pytest.importorskip("scipy.ndimage")
    image = torch.rand(64, 64, generator=seeded())
    ours = emission.with_post_filter(image, 8.0, 3.5)
    theirs = scipy.gaussian_filter(image.numpy(), 8.0 / 2.3548 / 3.5, mode="mirror", truncate=4.5)
    assert abs(ours.numpy() - theirs).max() < 1e-3
