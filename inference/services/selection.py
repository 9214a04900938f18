"""What to read next: a batch by uncertainty and diversity, with a share of random Images."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np
from django.db import transaction
from django.db.models import Avg, Exists, F, OuterRef, QuerySet
from django.utils.translation import gettext as _

from annotations.models import Assignment, Image, Project, Purpose, Reading, User
from annotations.services.assignments import AssignmentRequest, request_assignments
from inference.errors import BadSelection, NoProductionVersion, NothingToSelect, NotScoredYet
from inference.mediqa import acquisition
from inference.mediqa.acquisition import Pick
from inference.mediqa.types import DoubleArray, FloatArray
from inference.models import (
    AcquisitionBatch,
    AcquisitionItem,
    CriterionPrediction,
    Embedding,
    ModelVersion,
    Prediction,
    Strategy,
)

LARGEST_BATCH = 5000


@transaction.atomic
def select_batch(
    *,
    project: Project,
    size: int | None = None,
    strategy: Strategy = Strategy.UNCERTAIN_DIVERSE,
    seed: int | None = None,
    random_share: float | None = None,
    by: User | None = None,
) -> AcquisitionBatch:
    """Choose Images to be read, and ask for their Assignments, after those that were asked for before.

    Size and random share are the Project's unless given. The same pool, version and seed choose the same Images; no
    seed means the number of batches before this one.

    Raises:
        BadSelection: size, share or strategy make no sense.
        NoProductionVersion, NotScoredYet, NothingToSelect: there is nothing to choose from.
    """
    size = project.batch_size if size is None else size
    random_share = project.random_share if random_share is None else random_share
    _check(size, random_share, strategy)
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)  # two selections never share an Image
    version = ModelVersion.objects.production(project)
    if version is None:
        raise NoProductionVersion
    pool = _pool(project, version)
    seed = AcquisitionBatch.objects.filter(project=project).count() if seed is None else seed
    picks = _pick(project, version, pool, strategy, size, random_share, seed)
    batch = AcquisitionBatch.objects.create(
        project=project,
        model_version=version,
        strategy=strategy,
        seed=seed,
        size=size,
        random_share=random_share,
        pool_size=len(pool),
        created_by=by,
    )
    _store(batch, pool, picks)
    return batch


def _check(size: int, random_share: float, strategy: str) -> None:
    if not 1 <= size <= LARGEST_BATCH:
        raise BadSelection(
            _("A batch holds 1 to %(largest)s images, not %(size)s.") % {"largest": LARGEST_BATCH, "size": size}
        )
    if not (isfinite(random_share) and 0 <= random_share <= 1):
        raise BadSelection(_("The random share lies between 0 and 1."))
    if strategy not in Strategy.values:
        raise BadSelection(_("The strategy is one of: %(values)s.") % {"values": ", ".join(Strategy.values)})


def _unread(project: Project) -> QuerySet[Image]:
    """Neither asked for yet nor calibration cases, which every reader is given anyhow."""
    assigned = Assignment.objects.filter(project=project, image=OuterRef("pk"))
    calibrating = project.project_images.calibrating().values("image")
    return Image.objects.cases_of(project).filter(~Exists(assigned)).exclude(pk__in=calibrating)


def _pool(project: Project, version: ModelVersion) -> list[int]:
    """Unread Images that production has scored, in the order of their keys."""
    scored = Prediction.objects.filter(model_version=version, image=OuterRef("pk"))
    embedded = Embedding.objects.filter(features_version=version.features_version, image=OuterRef("pk"))
    unread = _unread(project).filter(Exists(scored), Exists(embedded))
    pool = list(unread.order_by("pk").values_list("pk", flat=True))
    if pool:
        return pool
    if Prediction.objects.pending_images(version).filter(pk__in=_unread(project).values("pk")).exists():
        raise NotScoredYet
    raise NothingToSelect


def _pick(
    project: Project,
    version: ModelVersion,
    pool: Sequence[int],
    strategy: str,
    size: int,
    random_share: float,
    seed: int,
) -> list[Pick]:
    if strategy == Strategy.RANDOM:
        order = np.random.default_rng(seed).permutation(len(pool))[:size]
        return [Pick(index=int(index), purpose="random", reason={}) for index in order]
    is_begun = Reading.objects.of(project).exists()
    taken = Assignment.objects.filter(project=project).values_list("image_id", flat=True).distinct()
    return acquisition.select_batch(
        _embeddings(pool, version),
        _uncertainty(pool, version) if is_begun else None,
        size=size,
        random_share=random_share,
        seed=seed,
        read_embeddings=_embeddings(sorted(taken), version),
    )


def _embeddings(image_ids: Sequence[int], version: ModelVersion) -> FloatArray:
    """[n, D], in the order of `image_ids`; those without one are left out."""
    rows = Embedding.objects.filter(image__in=image_ids, features_version=version.features_version)
    vectors = dict(rows.values_list("image_id", "vector"))
    found = [vectors[image_id] for image_id in image_ids if image_id in vectors]
    return np.array(found, dtype=np.float32)


def _uncertainty(image_ids: Sequence[int], version: ModelVersion) -> DoubleArray:
    """[n] what more scores could teach: the mean over Criteria of the epistemic deviation as a share of the scale."""
    rows = CriterionPrediction.objects.filter(
        prediction__model_version=version, prediction__image__in=image_ids
    ).values_list("prediction__image_id")
    share = F("epistemic_std") / (F("criterion__maximum") - F("criterion__minimum"))
    std = dict(rows.annotate(std=Avg(share)))
    return np.array([std[image_id] for image_id in image_ids], dtype=np.float64)


def _store(batch: AcquisitionBatch, pool: Sequence[int], picks: Sequence[Pick]) -> None:
    AcquisitionItem.objects.bulk_create(
        AcquisitionItem(
            batch=batch, image_id=pool[pick.index], rank=rank, purpose=pick.purpose, reason=dict(pick.reason)
        )
        for rank, pick in enumerate(picks)
    )
    request_assignments(
        project=batch.project,
        request_key=batch.pk,
        requests=[
            AssignmentRequest(image_id=pool[pick.index], purpose=Purpose(pick.purpose), rank=rank)
            for rank, pick in enumerate(picks)
        ],
    )
