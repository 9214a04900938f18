import numpy as np
import pytest

from inference.mediqa.heads.gaussian_process import Latent
from inference.mediqa.heads.mixing import Mix


def made(count: int, process_std: float, ensemble_std: float, scale: float = 1.0):
    rng = np.random.default_rng(0)
    target = rng.uniform(size=count)
    deviation = rng.uniform(0.02, 0.2, count)
    latent = Latent(target + process_std * rng.normal(size=count), np.full(count, 1e-4), np.full(count, 1e-4))
    return latent, target + ensemble_std * deviation * rng.normal(size=count), (scale * deviation) ** 2, target


def test_the_better_part_gets_the_mean():
    assert Mix.fit(*made(2000, 0.5, 1.0)).process_weight < 0.1
    assert Mix.fit(*made(2000, 0.01, 4.0)).process_weight > 0.9


def test_few_images_leave_the_mean_to_the_process():
    assert Mix.fit(*made(8, 0.1, 1.0)).process_weight > 0.5


def test_variances_are_brought_to_the_size_of_held_out_errors():
    latent, mean, variance, target = made(4000, 10.0, 1.0, scale=0.5)  # the ensemble says half of its true deviation
    mix = Mix.fit(latent, mean, variance, target)
    _, epistemic, aleatoric = mix.combine(latent, mean[None], variance[None])
    assert np.mean((mean - target) ** 2 / (epistemic + aleatoric)) == pytest.approx(1.0, abs=0.4)


def test_where_equally_good_parts_differ_less_is_known():
    latent, mean, variance, target = made(2000, 0.1, 1.0)
    mix = Mix.fit(latent, mean, variance, target)
    assert 0.1 < mix.disagreement <= 1.0
    shifted = Latent(latent.mean + 0.5, latent.variance, latent.noise)
    _, near, aleatoric = mix.combine(latent, latent.mean[None], variance[None])
    _, far, same = mix.combine(shifted, latent.mean[None], variance[None])
    np.testing.assert_allclose(far - near, mix.disagreement * 0.25)
    assert np.array_equal(aleatoric, same)


def test_a_part_that_is_far_worse_makes_nothing_doubtful_and_older_heads_stay_as_they_were():
    assert Mix.fit(*made(2000, 10.0, 1.0)).disagreement < 0.01
    assert Mix(0.5, 0.5, 0.5).disagreement == 0.0
