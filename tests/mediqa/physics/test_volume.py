"""Slice thickness: shares of a slab."""

import pytest
import torch

from inference.mediqa.physics import volume


def test_a_slab_of_three_slices_weighs_them_evenly():
    places = torch.tensor([-4.0, -2.0, 0.0, 2.0, 4.0])
    assert volume.slab_weights(places, 6.0).tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3, 0])
    assert volume.slab_weights(places, 2.0).tolist() == [0, 0, 1, 0, 0]


def test_a_thickness_between_takes_its_share_and_uneven_places_are_understood():
    assert volume.slab_weights(torch.tensor([-2.0, 0.0, 2.0]), 4.0).tolist() == pytest.approx([0.25, 0.5, 0.25])
    assert volume.slab_weights(torch.tensor([0.0, 3.0]), 6.0).tolist() == pytest.approx([0.75, 0.25])
    assert volume.slab_weights(torch.tensor([-1.0, 0.0, 1.0]), 0.0).tolist() == [0, 1, 0]


def test_the_mean_of_a_linear_body_is_its_middle():
    places = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0])
    slices = places[:, None, None].expand(-1, 4, 4) + 10
    torch.testing.assert_close(volume.with_thickness(slices, places, 2.0), torch.full((4, 4), 10.0))
