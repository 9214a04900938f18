"""Which patients a model learns from and which it is tested with. Decided once for a patient, never changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from inference.models import Partition

SHARES: Mapping[Partition, float] = {Partition.TRAIN: 0.6, Partition.TEST: 0.25, Partition.VALIDATION: 0.15}
"""Of the scored Images. In this order the first patients fill empty partitions: nothing is learnt without the first,
nothing is known without the second."""


def assign_partitions(
    *, image_counts: Mapping[str, int], settled: Mapping[str, Partition], salt: str
) -> dict[str, Partition]:
    """Partitions of the patients that have none yet, so that the shares of Images come as near as whole patients let.

    image_counts: scored Images of each patient, settled ones too. The larger patients go first, to where most is
    lacking; as long as a partition is empty the last patients are kept for it, so that with three patients none is.
    The order of the mapping does not matter; equal sizes are ordered by a hash with the salt.
    """
    total = sum(image_counts.values())
    lacking = {partition: share * total for partition, share in SHARES.items()}
    empty = [partition for partition in SHARES if partition not in settled.values()]
    for patient, partition in settled.items():
        lacking[partition] -= image_counts.get(patient, 0)
    new = sorted((p for p in image_counts if p not in settled), key=lambda p: (-image_counts[p], _hash(salt, p)))
    assigned: dict[str, Partition] = {}
    for position, patient in enumerate(new):
        is_reserved = len(new) - position <= len(empty)
        partition = max(empty if is_reserved else SHARES, key=lambda candidate: lacking[candidate])
        if is_reserved and Partition.TRAIN in empty:
            partition = Partition.TRAIN
        assigned[patient] = partition
        lacking[partition] -= image_counts[patient]
        if partition in empty:
            empty.remove(partition)
    return assigned


def _hash(salt: str, patient: str) -> str:
    return hashlib.sha256(f"{salt}/{patient}".encode()).hexdigest()
