import numpy as np
import pytest
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from inference.mediqa.benchmark.full_reference import BEST_PSNR_DB, METRICS, gmsd, ms_ssim, psnr, ssim, vif

SIGNS = {"ssim": 1, "ms_ssim": 1, "gmsd": -1, "psnr": 1, "vif": 1}


def scene(side: int = 96) -> np.ndarray:
    smooth = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(side, side)), 3)
    return (smooth - smooth.min()) / np.ptp(smooth)


def noisy(image: np.ndarray, sigma: float) -> np.ndarray:
    return np.clip(image + np.random.default_rng(1).normal(0, sigma, image.shape), 0, 1)


def test_ssim_and_psnr_are_those_of_scikit_image():
    original, degraded = scene(), noisy(scene(), 0.05)
    expected = structural_similarity(
        original, degraded, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim(original, degraded) == pytest.approx(expected, abs=1e-9)
    assert psnr(original, degraded) == pytest.approx(peak_signal_noise_ratio(original, degraded, data_range=1))


def test_an_equal_image_has_the_best_value_of_each():
    best = {name: metric(scene(), scene()) for name, metric in METRICS.items()}
    assert best == pytest.approx({"ssim": 1, "ms_ssim": 1, "gmsd": 0, "psnr": BEST_PSNR_DB, "vif": 1}, abs=1e-6)


@pytest.mark.parametrize("name", sorted(METRICS))
@pytest.mark.parametrize("spoil", [noisy, ndimage.gaussian_filter])
def test_more_of_a_degradation_is_always_worse(name, spoil):
    amounts = (0.02, 0.06, 0.15) if spoil is noisy else (0.8, 1.6, 3.0)
    values = [SIGNS[name] * METRICS[name](scene(), spoil(scene(), amount)) for amount in amounts]
    assert values == sorted(values, reverse=True)


def test_ms_ssim_with_one_scale_is_ssim():
    original = scene(48)[:48, :48]
    small = ms_ssim(original, noisy(original, 0.1))
    assert 0 < small < 1
    assert ms_ssim(scene(256), noisy(scene(256), 0.05)) > ssim(scene(256), noisy(scene(256), 0.05))


def test_gmsd_is_zero_for_a_shift_of_brightness():
    assert gmsd(0.5 * scene(), 0.5 * scene() + 0.3) == pytest.approx(0.0, abs=1e-9)


def test_vif_is_above_one_where_contrast_is_enhanced():
    assert vif(0.3 + 0.2 * scene(), 0.2 + 0.5 * scene()) > 1


@pytest.mark.parametrize("shapes", [((96, 96), (96, 90)), ((20, 20), (20, 20)), ((3, 64, 64), (3, 64, 64))])
def test_images_that_do_not_fit_are_refused(shapes):
    with pytest.raises(ValueError, match="one size"):
        ssim(*(np.zeros(shape) for shape in shapes))
