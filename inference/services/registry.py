"""Model versions: how they come, which one is in production, and the way back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors

from annotations.errors import NoRubric
from annotations.models import Project, Role, Rubric, User
from inference import storage
from inference.errors import (
    CheckpointMissing,
    GateFailed,
    NoOtherModel,
    NoProductionVersion,
    NotACandidate,
    NotCompared,
    NothingToRollBackTo,
    ProductionChanged,
    StaleCandidate,
)
from inference.mediqa.checkpoint import name_of_features, unpack_checkpoint
from inference.mediqa.errors import CheckpointError
from inference.models import ModelVersion, Stage
from inference.services.contracts import CheckpointContent

NETWORK = "network."  # how the names of an encoder's weights begin in a checkpoint
SHIPPED_CHECKPOINT = Path(__file__).resolve().parents[1] / "mediqa" / "checkpoints" / "mediqa-small.safetensors"


def ensure_baseline(*, project: Project, now: datetime, checkpoint: Path = SHIPPED_CHECKPOINT) -> ModelVersion:
    """The production version; where there is none yet, the shipped model becomes it.

    Raises:
        NoRubric: the Project does not ask anything yet.
        CheckpointMissing: the installation lacks the shipped model.
    """
    if (production := ModelVersion.objects.production(project)) is not None:
        return production
    content = read_shipped(checkpoint)
    with transaction.atomic():
        _lock(project)
        if (production := ModelVersion.objects.production(project)) is not None:
            return production
        rubric = Rubric.objects.current(project)
        if rubric is None:
            raise NoRubric
        return _register(project, rubric, content, stage=Stage.PRODUCTION, promoted_at=now)


@transaction.atomic
def register_pretrained(*, project: Project, content: CheckpointContent) -> ModelVersion:
    """A pre-trained model that fine-tunings can start from: a candidate without parent; the same one once only.

    Raises:
        CheckpointMissing: the content is no checkpoint that this installation can use.
        NoProductionVersion: there is no version yet to compare it with.
        NoOtherModel: production stands on its encoder already.
    """
    _check_usable(content)
    _lock(project)
    production = ModelVersion.objects.production(project)
    if production is None:
        raise NoProductionVersion
    features_version = features_version_of(content)
    if features_version == production.features_version:
        raise NoOtherModel
    known = ModelVersion.objects.filter(
        project=project, stage=Stage.CANDIDATE, parent=None, features_version=features_version
    )
    if (registered := known.first()) is not None:
        storage.store_checkpoint(weights=content.weights, document=content.document)  # should it have got lost
        return registered
    return _register(project, production.rubric, content, report={"is_shipped": content.is_shipped})


def read_checkpoint(path: Path) -> CheckpointContent:
    """The two files of a checkpoint.

    Raises:
        CheckpointMissing: they are not there.
    """
    try:
        return CheckpointContent(path.read_bytes(), path.with_suffix(".json").read_bytes())
    except OSError as error:
        raise CheckpointMissing(
            _("The checkpoint %(name)s or the JSON beside it cannot be read.") % {"name": path.name}
        ) from error


def is_shipped_newer(production: ModelVersion | None) -> bool:
    """Whether this installation brings a pre-trained model that the version in production has not got beyond.

    Neither it nor any version that it came after stands on that model: what a Project has left is no upgrade.
    """
    if production is None:
        return False
    try:
        shipped = _shipped_features_version(SHIPPED_CHECKPOINT)
        return shipped not in {production.features_version, *_features_before(production)}
    except CheckpointMissing:  # told where somebody asks for it
        return False


def _features_before(version: ModelVersion) -> list[str]:
    """What the versions stand on that this one came after, its parent first."""
    versions = ModelVersion.objects.filter(project=version.project_id).values_list("pk", "parent", "features_version")
    known = {pk: (parent, features) for pk, parent, features in versions}
    found, parent = [], version.parent_id
    while parent is not None:
        parent, features = known[parent]
        found.append(features)
    return found


@lru_cache(maxsize=1)
def _shipped_features_version(checkpoint: Path) -> str:
    return features_version_of(read_shipped(checkpoint))


def _check_usable(content: CheckpointContent) -> None:
    try:
        unpack_checkpoint(content.weights, content.document)
    except CheckpointError as error:
        raise CheckpointMissing(str(error)) from error


@transaction.atomic
def register_candidate(
    *,
    project: Project,
    rubric: Rubric,
    parent: ModelVersion,
    content: CheckpointContent,
    report: dict[str, Any],
) -> ModelVersion:
    """Store a trained checkpoint as the Project's next version; nobody scores with it yet."""
    _lock(project)
    return _register(project, rubric, content, parent=parent, report=report)


@transaction.atomic
def promote(*, version: ModelVersion, by: User | None, now: datetime) -> ModelVersion:
    """Put a candidate into production; `by` is None where the Project's policy does it.

    Raises:
        NotACandidate: it is in production or retired.
        NotCompared: it is a pre-trained model to start from.
        StaleCandidate: production has changed since it was compared.
        GateFailed: it is worse than production by the gate's criterion.
    """
    _lock(version.project)
    version = ModelVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    if version.stage != Stage.CANDIDATE:
        raise NotACandidate
    if version.parent_id is None:
        raise NotCompared
    production = ModelVersion.objects.production(version.project)
    if production is None or production.pk != version.parent_id:
        raise StaleCandidate
    if not version.has_passed_gate:
        raise GateFailed(None if _reads_here(version, by) else version.report.get("gate", {}).get("reason"))
    return _change_production(production, version, by, now)


@transaction.atomic
def roll_back(*, project: Project, by: User | None, now: datetime, leaving: int | None = None) -> ModelVersion:
    """Put the version back that was in production before this one: a promoted version's parent always was.

    leaving: number of the version that the asker saw in production: a second click must not go back two versions.

    Raises:
        ProductionChanged: another version than `leaving` is in production.
        NoProductionVersion, NothingToRollBackTo: there is nothing to leave, or nowhere to go.
    """
    _lock(project)
    production = ModelVersion.objects.production(project)
    if production is None:
        raise NoProductionVersion
    if leaving is not None and leaving != production.number:
        raise ProductionChanged
    if production.parent is None:
        raise NothingToRollBackTo
    return _change_production(production, production.parent, by, now)


def check_checkpoint(version: ModelVersion) -> None:
    """Read the version's files, so that nobody waits for work that could not even begin.

    Raises:
        CheckpointMissing: they are not in storage, or not as they were registered.
    """
    remedy = _("Restore it from a backup, or roll back.")
    try:
        weights, document = storage.read(version.weights_name), storage.read(version.document_name)
    except FileNotFoundError as error:
        raise CheckpointMissing(
            _("The checkpoint of model version %(number)s is not in storage. %(remedy)s")
            % {"number": version.number, "remedy": remedy}
        ) from error
    is_same = hashlib.sha256(weights).hexdigest() == version.sha256
    if not is_same or storage.document_name(version.weights_name, document) != version.document_name:
        raise CheckpointMissing(
            _("The checkpoint of model version %(number)s is damaged. %(remedy)s")
            % {"number": version.number, "remedy": remedy}
        )


def _reads_here(version: ModelVersion, by: User | None) -> bool:
    """Whoever reads in the Project sees no figures of a run."""
    return by is not None and Project.objects.with_role(by, Role.READER).contains(version.project)


def _lock(project: Project) -> None:
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)


def _change_production(old: ModelVersion, new: ModelVersion, by: User | None, now: datetime) -> ModelVersion:
    old.stage = Stage.RETIRED
    old.save(update_fields=["stage"])
    new.stage, new.promoted_at, new.promoted_by = Stage.PRODUCTION, now, by
    new.save(update_fields=["stage", "promoted_at", "promoted_by"])
    return new


def _register(project: Project, rubric: Rubric, content: CheckpointContent, **fields: Any) -> ModelVersion:
    last: int | None = ModelVersion.objects.filter(project=project).aggregate(last=Max("number"))["last"]
    weights_name, document_name = storage.store_checkpoint(weights=content.weights, document=content.document)
    return ModelVersion.objects.create(
        project=project,
        rubric=rubric,
        number=(last or 0) + 1,
        weights_name=weights_name,
        document_name=document_name,
        sha256=hashlib.sha256(content.weights).hexdigest(),
        features_version=features_version_of(content),
        **fields,
    )


def features_version_of(content: CheckpointContent) -> str:
    """`Predictor.features_version` from the bytes of a checkpoint, without torch.

    Raises:
        CheckpointMissing: the bytes are no checkpoint.
    """
    try:
        tensors = load_safetensors(content.weights)
        network = {name.removeprefix(NETWORK): tensors[name] for name in tensors if name.startswith(NETWORK)}
        return name_of_features(network, json.loads(content.document))
    except (ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise CheckpointMissing(_("The model's checkpoint is damaged. Install the package again.")) from error


def read_shipped(checkpoint: Path = SHIPPED_CHECKPOINT) -> CheckpointContent:
    """The pre-trained model of this installation.

    Raises:
        CheckpointMissing: the installation lacks it.
    """
    try:
        return replace(read_checkpoint(checkpoint), is_shipped=True)
    except CheckpointMissing as error:
        raise CheckpointMissing(
            _("The pre-trained model (%(name)s) is not where the package keeps it. Install the package again.")
            % {"name": checkpoint.name}
        ) from error
