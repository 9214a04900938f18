"""A fine-tuning is asked for: checked against everything that would make it fail, then registered as a Job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from annotations.models import Criterion, JobKind, Project, Role, User
from annotations.services.jobs import create_job
from inference.errors import BadRunConfig, ConstantScores, NoProductionVersion
from inference.mediqa.heads.fitting import HEADS
from inference.models import FineTuneRun, LabelSnapshot, ModelVersion
from inference.services.contracts import CheckpointContent
from inference.services.registry import check_checkpoint, register_pretrained
from inference.services.snapshots import build_snapshot

LIMITS: Mapping[str, tuple[int, int]] = {"epochs": (1, 2000), "members": (2, 20)}


@transaction.atomic
def start_run(
    *,
    project: Project,
    by: User | None,
    seed: int = 0,
    config: Mapping[str, Any] | None = None,
    start: CheckpointContent | None = None,
) -> FineTuneRun:
    """Register a fine-tuning on all Consensus there is, compared with production; the caller enqueues its Job.

    config: `epochs`, `members`, `head` (one of `HEADS`) and `criteria`, the keys of those to learn; each may be left
    out. start: another pre-trained model to put the heads on; without one it is production's encoder.

    Raises:
        BadRunConfig: a setting is unknown or out of range.
        NoProductionVersion, CheckpointMissing: there is nothing to start from.
        NoOtherModel: `start` is what production stands on.
        TooFewScores, ConstantScores: there is nothing to learn from.
        JobAlreadyActive: a run of this Project is under way.
    """
    config = dict(config or {})
    parent = ModelVersion.objects.production(project)
    if parent is None:
        raise NoProductionVersion
    _check_config(config, parent, starts_anew=start is not None)
    check_checkpoint(parent)
    pretrained = None if start is None else register_pretrained(project=project, content=start)
    snapshot = _snapshot(project, by, config.get("criteria"))
    job = create_job(project=project, kind=JobKind.FINE_TUNE, created_by=by)
    return FineTuneRun.objects.create(
        project=project, job=job, snapshot=snapshot, parent=parent, start=pretrained, config=config, seed=seed
    )


def _snapshot(project: Project, by: User | None, criteria: list[str] | None) -> LabelSnapshot:
    """Whoever reads here may not learn from a refusal how others have scored."""
    try:
        return build_snapshot(project=project, trained_criteria=criteria)
    except ConstantScores as refused:
        if by is not None and Project.objects.with_role(by, Role.READER).contains(project):
            raise ConstantScores from refused
        raise


def _check_config(config: Mapping[str, Any], parent: ModelVersion, *, starts_anew: bool) -> None:
    for name, value in config.items():
        if name == "criteria":
            _check_criteria(value, parent, starts_anew=starts_anew)
        elif name == "head":
            if value not in HEADS:
                raise BadRunConfig(_("“head” is one of: %(heads)s.") % {"heads": ", ".join(HEADS)})
        elif name not in LIMITS:
            raise BadRunConfig(
                _("“%(name)s” is no setting of a run; there are: criteria, head, %(limits)s.")
                % {"name": name, "limits": ", ".join(LIMITS)}
            )
        elif isinstance(value, bool) or not isinstance(value, int) or not LIMITS[name][0] <= value <= LIMITS[name][1]:
            raise BadRunConfig(
                _("“%(name)s” is a whole number from %(least)s to %(most)s.")
                % {"name": name, "least": LIMITS[name][0], "most": LIMITS[name][1]}
            )


def _check_criteria(keys: Any, parent: ModelVersion, *, starts_anew: bool) -> None:
    known = set(Criterion.objects.filter(rubric__project=parent.project).values_list("key", flat=True))
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys) or set(keys) - known:
        raise BadRunConfig(_("“criteria” is a list of keys among: %(known)s.") % {"known": ", ".join(sorted(known))})
    if set(keys) == known:
        return
    if starts_anew:
        raise BadRunConfig(
            _(
                "A run from another pre-trained model learns every criterion anew; of one that is left out it would "
                "know no score. Leave “criteria” out."
            )
        )
    if parent.parent_id is not None:
        raise BadRunConfig(
            _(
                "Version %(number)s learnt from scores already; a run on some criteria would forget the others. "
                "Leave “criteria” out."
            )
            % {"number": parent.number}
        )
