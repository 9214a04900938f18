"""Slice thickness: shares of a slab."""

import pytest
import torch

from inference.mediqa.physics import Subject, degrade, volume

from .shapes import seeded


def test_a_slab_of_three_slices_weighs_them_evenly():
    places = torch.tensor([-4.0, -2.0, 0.0, 2.0, 4.0])
    assert volume.slab_weights(places, 6.0).tolist() == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3, 0])
    assert volume.slab_weights(places, 2.0).tolist() == [0, 0, 1, 0, 0]


def test_a_thickness_between_takes_its_share_and_uneven_places_are_understood():
    assert volume.slab_weights(torch.tensor([-2.0, 0.0, 2.0]), 4.0).tolist() == pytest.approx([0.25, 0.5, 0.25])
    assert volume.slab_weights(torch.tensor([0.0, 3.0]), 6.0).tolist() == pytest.approx([0.75, 0.25])
    assert volume.slab_weights(torch.tensor([-1.0, 0.0, 1.0]), 0.0).tolist() == [0, 1, 0]


def test_the_slightest_severity_reaches_beyond_the_slice_itself_whatever_lies_between_two():
    for apart in (1.0, 6.0):
        slices = torch.stack([torch.full((32, 32), float(value)) for value in (0, 3, 0)])
        subject = Subject(
            slices[1], "MR", high=3.0, neighbours=slices[[0, 2]], offsets_mm=torch.tensor([-apart, apart])
        )
        changes = [float(degrade(subject, {"thickness": s}, seeded()).mean()) for s in (0.0, 0.05, 0.5, 1.0)]
        assert changes[0] == 3.0
        assert changes == sorted(changes, reverse=True)
        assert len(set(changes)) == 4


def test_at_the_end_of_a_stack_the_body_goes_on_as_it_does_within():
    end = Subject(torch.zeros(4, 4), "MR", neighbours=torch.ones(2, 4, 4), offsets_mm=torch.tensor([2.0, 4.0]))
    slices, places = end.slab()
    assert places.tolist() == [-4.0, -2.0, 0.0, 2.0, 4.0]
    assert slices[:, 0, 0].tolist() == [1, 1, 0, 1, 1]


def test_the_mean_of_a_linear_body_is_its_middle():
    places = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0])
    slices = places[:, None, None].expand(-1, 4, 4) + 10
    torch.testing.assert_close(volume.with_thickness(slices, places, 2.0), torch.full((4, 4), 10.0))
