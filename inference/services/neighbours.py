"""What people said of the read Images that look most like one: the nearest in the encoder's features."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Exists, OuterRef
from pgvector.django import L2Distance

from annotations.models import Image, Project, ProjectImage, Reading, User, unblinded_for
from annotations.services.consensus import Consensus, consensus_of
from inference.models import Embedding, Prediction


@dataclass(frozen=True)
class Neighbour:
    """A read Image, its distance in feature space (0: the same features), and its Consensus by the Criterion's id."""

    image: Image
    distance: float
    consensus: Mapping[int, Consensus]


def nearest_read(*, prediction: Prediction, user: User, count: int = 6) -> list[Neighbour]:
    """The read Images of the Project nearest to the Prediction's, nearest first; none that blinding hides.

    Empty where the Image's features are not kept.
    """
    version = prediction.model_version.features_version
    own = Embedding.objects.filter(image=prediction.image_id, features_version=version).first()
    if own is None:
        return []
    near = (
        Embedding.objects.filter(features_version=version, image__in=_read_images(prediction.project, user))
        .exclude(image=prediction.image_id)
        .annotate(distance=L2Distance("vector", own.vector))
        .select_related("image")
        .defer("vector")
        .order_by("distance", "image")[:count]
    )
    said = _consensus_by_image(consensus_of(prediction.project), (one.image_id for one in near))
    return [Neighbour(one.image, float(one.distance), said[one.image_id]) for one in near]


def _read_images(project: Project, user: User) -> list[int]:
    counted = Reading.objects.of(project).counted().filter(image=OuterRef("image"))
    rows = ProjectImage.objects.current().filter(unblinded_for(user), Exists(counted), project=project)
    return list(rows.values_list("image_id", flat=True))


def _consensus_by_image(found: Iterable[Consensus], image_ids: Iterable[int]) -> dict[int, dict[int, Consensus]]:
    wanted = set(image_ids)
    result: dict[int, dict[int, Consensus]] = defaultdict(dict)
    for one in found:
        if one.image_id in wanted:
            result[one.image_id][one.criterion_id] = one
    return result
