"""Label snapshots: what a run learns from and is tested with, fixed at one moment and split by patient."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django_stubs_ext import StrOrPromise

from annotations.errors import NoRubric
from annotations.models import Criterion, Image, Project, Rubric
from annotations.services.consensus import Consensus, consensus_of
from inference.errors import ConstantScores, TooFewScores
from inference.models import (
    LabelSnapshot,
    LabelSnapshotEntry,
    ModelVersion,
    Partition,
    PatientPartition,
    ScoringRefusal,
)
from inference.services.partitions import assign_partitions

MINIMUM_IMAGES = 12
MINIMUM_PATIENTS = 4
MINIMUM_IN: Mapping[Partition, int] = {Partition.TRAIN: 6, Partition.VALIDATION: 1, Partition.TEST: 3}
PARTITION_WORDS: Mapping[Partition, StrOrPromise] = {
    Partition.TRAIN: gettext_lazy("training"),
    Partition.VALIDATION: gettext_lazy("validation"),
    Partition.TEST: gettext_lazy("test"),
}


@dataclass(frozen=True)
class ScoredImage:
    """An Image with the Consensus on each Criterion, and the patient it is of."""

    image_id: int
    patient: str
    consensus: tuple[Consensus, ...]


@transaction.atomic
def build_snapshot(*, project: Project, trained_criteria: Collection[str] | None = None) -> LabelSnapshot:
    """Fix the Consensus of all read Images; the same Consensus again gives the same snapshot.

    trained_criteria: keys of the Criteria that the run will learn; all of the Rubric's unless given.

    Raises:
        NoRubric: nothing is asked.
        TooFewScores, ConstantScores: nothing could be learnt from it, or tested with it. Nothing is stored then.
    """
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    rubric = Rubric.objects.current(project)
    if rubric is None:
        raise NoRubric
    images = _scored_images(project)
    _check_amount(images)
    partitions = _settle(project, images)
    _check_partitions(images, partitions)
    trained = [c for c in rubric.criteria.all() if trained_criteria is None or c.key in trained_criteria]
    _check_spread(trained, [image for image in images if partitions[image.patient] == Partition.TRAIN])
    return _store(project, rubric, images, partitions)


def _scored_images(project: Project) -> list[ScoredImage]:
    """Read Images that the model can read too."""
    by_image: dict[int, list[Consensus]] = defaultdict(list)
    for consensus in consensus_of(project):
        by_image[consensus.image_id].append(consensus)
    for image_id in _unscorable(project, by_image):
        del by_image[image_id]
    patients = patients_of(by_image)
    return [ScoredImage(image_id, patients[image_id], tuple(by_image[image_id])) for image_id in sorted(by_image)]


def _unscorable(project: Project, image_ids: Iterable[int]) -> list[int]:
    production = ModelVersion.objects.production(project)
    refused = ScoringRefusal.objects.filter(model_version=production, image__in=image_ids)
    return list(refused.values_list("image_id", flat=True))


def patients_of(image_ids: Iterable[int]) -> dict[int, str]:
    """Whom each Image is of."""
    return dict(Image.objects.filter(pk__in=image_ids).values_list("pk", "series__study__patient_key"))


def _check_amount(images: Sequence[ScoredImage]) -> None:
    patients = len({image.patient for image in images})
    if len(images) >= MINIMUM_IMAGES and patients >= MINIMUM_PATIENTS:
        return
    raise TooFewScores(
        ngettext(
            "%(images)s of %(patients)s has been read. A fine-tuning needs at least %(least)s images of "
            "%(least_patients)s patients. Have more images read first.",
            "%(images)s of %(patients)s have been read. A fine-tuning needs at least %(least)s images of "
            "%(least_patients)s patients. Have more images read first.",
            len(images),
        )
        % {
            "images": _count_images(len(images)),
            "patients": ngettext("%(count)s patient", "%(count)s patients", patients) % {"count": patients},
            "least": MINIMUM_IMAGES,
            "least_patients": MINIMUM_PATIENTS,
        }
    )


def _settle(project: Project, images: Sequence[ScoredImage]) -> dict[str, Partition]:
    settled = {row.patient_key: Partition(row.partition) for row in PatientPartition.objects.filter(project=project)}
    counts = Counter(image.patient for image in images)
    new = assign_partitions(
        image_counts=counts, settled={p: settled[p] for p in settled if p in counts}, salt=str(project.pk)
    )
    PatientPartition.objects.bulk_create(
        PatientPartition(project=project, patient_key=patient, partition=partition)
        for patient, partition in new.items()
        if patient not in settled
    )
    return new | settled


def _check_partitions(images: Sequence[ScoredImage], partitions: Mapping[str, Partition]) -> None:
    counts = Counter(partitions[image.patient] for image in images)
    check_partition_counts(counts)


def check_partition_counts(counts: Mapping[Partition, int]) -> None:
    """Raises TooFewScores where a partition has too few Images; patients are never split to fill one."""
    for partition, needed in MINIMUM_IN.items():
        if counts.get(partition, 0) < needed:
            raise TooFewScores(
                _(
                    "Split by patient, %(images)s would be for %(partition)s; %(needed)s are needed. "
                    "Have images of more patients read first."
                )
                % {
                    "images": _count_images(counts.get(partition, 0)),
                    "partition": PARTITION_WORDS[partition],
                    "needed": needed,
                }
            )


def _check_spread(criteria: Sequence[Criterion], images: Sequence[ScoredImage]) -> None:
    for criterion in criteria:
        values = [c.value for image in images for c in image.consensus if c.criterion_id == criterion.pk]
        if len(values) < MINIMUM_IN[Partition.TRAIN]:
            raise TooFewScores(
                ngettext(
                    "“%(question)s” has %(count)s score to learn from; %(needed)s are needed. "
                    "Have more images read first.",
                    "“%(question)s” has %(count)s scores to learn from; %(needed)s are needed. "
                    "Have more images read first.",
                    len(values),
                )
                % {"question": criterion.question, "count": len(values), "needed": MINIMUM_IN[Partition.TRAIN]}
            )
        if len(set(values)) == 1:
            raise ConstantScores(
                _(
                    "“%(question)s” has the same score on all images to learn from: there is nothing to learn. "
                    "Have other images read, or leave this criterion out of the run."
                )
                % {"question": criterion.question}
            )


def _store(
    project: Project, rubric: Rubric, images: Sequence[ScoredImage], partitions: Mapping[str, Partition]
) -> LabelSnapshot:
    entries = [
        LabelSnapshotEntry(
            image_id=image.image_id,
            criterion_id=consensus.criterion_id,
            partition=partitions[image.patient],
            consensus=consensus.value,
            reader_count=consensus.reader_count,
            spread=consensus.spread,
        )
        for image in images
        for consensus in image.consensus
    ]
    sha256 = _sha256(entries)
    same = LabelSnapshot.objects.filter(project=project, rubric=rubric, sha256=sha256).first()
    if same is not None:
        return same
    snapshot = LabelSnapshot.objects.create(project=project, rubric=rubric, sha256=sha256)
    for entry in entries:
        entry.snapshot = snapshot
    LabelSnapshotEntry.objects.bulk_create(entries)
    return snapshot


def _sha256(entries: Iterable[LabelSnapshotEntry]) -> str:
    rows = [[e.image_id, e.criterion_id, str(e.partition), e.consensus, e.reader_count, e.spread] for e in entries]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _count_images(number: int) -> str:
    return ngettext("%(count)s image", "%(count)s images", number) % {"count": number}
