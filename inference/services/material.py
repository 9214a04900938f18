"""What a run works on: a snapshot's Images with their features and Consensus, by partition."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from django.utils.translation import gettext_noop

from annotations.models import Assignment, Criterion
from inference.mediqa.prompt import completed_prompts
from inference.mediqa.types import Features, Prompt
from inference.models import LabelSnapshot, LabelSnapshotEntry, Partition
from inference.services.contracts import Encoder, Reporter, ScoredFeatures
from inference.services.features import cached_embeddings, feature_batches, save_embeddings
from inference.services.snapshots import check_partition_counts, patients_of


@dataclass(frozen=True)
class Material:
    """A snapshot with the features of its Images, by partition.

    counts: images and patients in each. at_random: Images that were drawn at random to be read.
    """

    criteria: tuple[Criterion, ...]
    partitions: Mapping[Partition, ScoredFeatures]
    counts: Mapping[str, Mapping[str, int]]
    at_random: frozenset[int]


def gather_material(*, snapshot: LabelSnapshot, encoder: Encoder, reporter: Reporter) -> Material:
    """Features come from the cache as a rule; an Image that cannot be read is left out.

    Raises:
        TooFewScores: too few Images of a partition can be read.
        JobCancelled, LeaseLost: from the reporter.
    """
    entries = list(snapshot.entries.order_by("image_id"))
    features = _features([entry.image_id for entry in entries], encoder, reporter)
    criteria = tuple(snapshot.rubric.criteria.all())
    partition_of = {entry.image_id: Partition(entry.partition) for entry in entries if entry.image_id in features}
    check_partition_counts(Counter(partition_of.values()))
    partitions = {
        partition: _scored_features(
            [image_id for image_id, own in partition_of.items() if own == partition],
            features,
            entries,
            criteria,
        )
        for partition in Partition
    }
    return Material(criteria, partitions, _counts(partition_of), _at_random(snapshot, partition_of))


def _at_random(snapshot: LabelSnapshot, image_ids: Iterable[int]) -> frozenset[int]:
    """The same whenever it is asked of a snapshot, whose Images have all been read."""
    asked = Assignment.objects.filter(project=snapshot.project_id, image__in=image_ids)
    return frozenset(asked.drawn_at_random().values_list("image_id", flat=True))


def _features(image_ids: Sequence[int], encoder: Encoder, reporter: Reporter) -> dict[int, tuple[Features, Prompt]]:
    """Of each Image that can be read; from the cache as a rule."""
    wanted = sorted(set(image_ids))
    found: dict[int, tuple[Features, Prompt]] = {}
    done = 0
    for batch in feature_batches(image_ids=wanted, encoder=encoder):
        save_embeddings(cached_embeddings(batch=batch, features_version=encoder.features_version))
        found |= {source.image_id: (features, source.prompt) for source, features in batch.known}
        done += len(batch)
        reporter.report(done=done, total=len(wanted), phase=gettext_noop("Reading features"))
    return found


def _scored_features(
    image_ids: Sequence[int],
    features: Mapping[int, tuple[Features, Prompt]],
    entries: Sequence[LabelSnapshotEntry],
    criteria: Sequence[Criterion],
) -> ScoredFeatures:
    consensus = {(entry.image_id, entry.criterion_id): entry.consensus for entry in entries}
    patients = patients_of(image_ids)
    known = [features[image_id] for image_id in image_ids]
    return ScoredFeatures(
        features=[one for one, _ in known],
        prompts=completed_prompts([prompt for _, prompt in known], [one for one, _ in known]),
        patients=[patients[image_id] for image_id in image_ids],
        targets={
            criterion.key: np.array(
                [consensus.get((image_id, criterion.pk), math.nan) for image_id in image_ids],
                dtype=np.float64,
            )
            for criterion in criteria
        },
        image_ids=list(image_ids),
    )


def _counts(partition_of: Mapping[int, Partition]) -> dict[str, dict[str, int]]:
    patients = patients_of(partition_of)
    return {
        str(partition): {
            "images": sum(own == partition for own in partition_of.values()),
            "patients": len({patients[image_id] for image_id, own in partition_of.items() if own == partition}),
        }
        for partition in Partition
    }
