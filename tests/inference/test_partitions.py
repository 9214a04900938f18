"""Patients and what they are for: decided once, never mixed, as balanced as whole patients let."""

from hypothesis import given
from hypothesis import strategies as st

from inference.models import Partition
from inference.services.partitions import SHARES, assign_partitions

sizes = st.dictionaries(st.text("abcdef0123456789", min_size=1, max_size=6), st.integers(1, 30), max_size=40)


@given(sizes, st.text(max_size=3))
def test_every_new_patient_gets_one_partition_whatever_the_order(counts, salt):
    assigned = assign_partitions(image_counts=counts, settled={}, salt=salt)
    turned = dict(reversed(list(counts.items())))
    assert set(assigned) == set(counts)
    assert assign_partitions(image_counts=turned, settled={}, salt=salt) == assigned


@given(sizes)
def test_no_partition_is_empty_once_there_are_three_patients(counts):
    assigned = assign_partitions(image_counts=counts, settled={}, salt="")
    expected = [Partition.TRAIN, Partition.TEST, Partition.VALIDATION][: len(counts)]
    assert set(expected) <= set(assigned.values())


@given(sizes, sizes)
def test_patients_that_are_settled_stay_where_they_are(first, second):
    settled = assign_partitions(image_counts=first, settled={}, salt="")
    later = {**{patient: count + 1 for patient, count in first.items()}, **second}
    new = assign_partitions(image_counts=later, settled=settled, salt="")
    assert not set(new) & set(settled)
    assert set(new) | set(settled) == set(later)


@given(st.integers(20, 200))
def test_the_shares_of_images_are_near_what_is_wanted(patients):
    counts = {f"p{number}": 1 + number % 3 for number in range(patients)}
    assigned = assign_partitions(image_counts=counts, settled={}, salt="")
    total = sum(counts.values())
    for partition, share in SHARES.items():
        images = sum(counts[patient] for patient, own in assigned.items() if own == partition)
        assert abs(images - share * total) <= 3  # the largest patient


def test_new_patients_go_where_most_is_lacking():
    settled = {f"old{number}": Partition.TRAIN for number in range(10)}
    counts = {**dict.fromkeys(settled, 1), "a": 1, "b": 1, "c": 1}
    assigned = assign_partitions(image_counts=counts, settled=settled, salt="")
    assert sorted(assigned.values()) == [Partition.TEST, Partition.TEST, Partition.VALIDATION]
