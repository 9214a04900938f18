import numpy as np
import pytest
from scipy import ndimage

from inference.mediqa.benchmark.features import (
    MEASURED,
    NATURAL_SCENE,
    asymmetric_gaussian,
    generalised_gaussian,
    immerkaer,
    measured_features,
    mscn,
    natural_scene_statistics,
    plane_features,
    signal_to_noise,
    wavelet_noise,
)
from inference.mediqa.errors import UnscorableImage
from inference.mediqa.types import ImageArray, Prompt
from tests.mediqa.conftest import phantom


def smooth(side: int = 128) -> np.ndarray:
    image = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(side, side)), 6)
    return ((image - image.min()) / np.ptp(image)).astype(np.float32)


@pytest.mark.parametrize("estimate", [immerkaer, wavelet_noise])
@pytest.mark.parametrize("sigma", [0.02, 0.1])
def test_noise_estimates_find_the_sigma_of_white_noise(estimate, sigma):
    noise = np.random.default_rng(1).normal(0, sigma, (128, 128))
    assert estimate((smooth() + noise).astype(np.float32)) == pytest.approx(sigma, rel=0.1)


def test_shape_two_is_the_normal_law_and_one_the_laplacian():
    rng = np.random.default_rng(0)
    normal = generalised_gaussian(rng.normal(0, 0.5, 200_000).astype(np.float32))
    assert normal == (pytest.approx(2.0, abs=0.05), pytest.approx(0.25, rel=0.02))
    assert generalised_gaussian(rng.laplace(size=200_000).astype(np.float32))[0] == pytest.approx(1.0, abs=0.05)


def test_an_asymmetric_law_has_unequal_sides():
    values = np.random.default_rng(0).normal(size=200_000).astype(np.float32)
    skewed = np.where(values < 0, 0.5 * values, 2 * values)
    shape, mean, left, right = asymmetric_gaussian(skewed)
    assert (left, right) == (pytest.approx(0.25, rel=0.05), pytest.approx(4.0, rel=0.05))
    assert mean > 0
    assert shape > 0


def test_mscn_of_pure_noise_is_nearly_normal_with_unit_variance():
    coefficients = mscn(np.random.default_rng(0).normal(0.5, 0.1, (256, 256)).astype(np.float32))
    assert coefficients.mean() == pytest.approx(0.0, abs=0.02)
    assert coefficients.std() == pytest.approx(1.0, abs=0.15)


def test_there_are_64_numbers_of_which_36_as_in_brisque_and_all_are_finite():
    assert len(natural_scene_statistics(smooth())) == NATURAL_SCENE == 36
    for plane in (smooth(), smooth(48), np.zeros((64, 64), np.float32), smooth()[:, :20]):
        values = plane_features(plane)
        assert values.shape == (MEASURED,)
        assert np.isfinite(values).all()


def test_a_volume_has_the_mean_of_its_salient_slices_and_a_blank_image_is_refused():
    volume = ImageArray(phantom(12), Prompt("3D", "MR"))
    assert measured_features(volume).shape == (MEASURED,)
    with pytest.raises(UnscorableImage):
        measured_features(ImageArray(np.zeros((1, 64, 64), np.float32), Prompt()))


def test_snr_falls_with_noise():
    def image(sigma: float) -> ImageArray:
        return ImageArray(
            phantom() + np.random.default_rng(0).normal(0, sigma, (1, 160, 160)).astype(np.float32), Prompt()
        )

    assert signal_to_noise(image(1)) > signal_to_noise(image(10)) > signal_to_noise(image(40))
