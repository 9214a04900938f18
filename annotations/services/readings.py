"""Submitting a judgement: exactly once, immutable, and never lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from annotations.errors import (
    AlreadyCorrected,
    AlreadySubmitted,
    ClientKeyReused,
    ContradictoryAnswer,
    FindingOutsideImage,
    IncompleteScores,
    NothingToUndo,
    NotYourAssignment,
    ScoreOutOfScale,
    UnknownCriterion,
    UnknownFindingType,
    UnknownRubric,
)
from annotations.models import (
    Abstention,
    AbstentionReason,
    Arm,
    Assignment,
    Criterion,
    Finding,
    Image,
    Membership,
    ProjectImage,
    Purpose,
    Reading,
    Role,
    Rubric,
    Score,
    User,
)
from annotations.services.drafts import forget_drafts
from annotations.services.worklists import serialise_requests_of


@dataclass(frozen=True)
class FindingMark:
    """An artefact at column `x` and row `y` (pixels) of a slice (counted from 0); with a size, a box from there on."""

    type: str
    slice_index: int
    x: float
    y: float
    note: str = ""
    criterion_key: str | None = None
    width: float | None = None
    height: float | None = None


@dataclass(frozen=True)
class Submission:
    """What a reader sends: per Criterion a value, or why it cannot be judged; and how it came about. Seconds.

    `corrects` is the client key of the reader's own earlier submission that this one supersedes.
    """

    client_key: UUID
    rubric_id: int
    scores: Mapping[str, float]
    findings: Sequence[FindingMark] = ()
    abstentions: Mapping[str, AbstentionReason] = field(default_factory=dict)
    comment: str = ""
    confidence: str = ""
    display_state: Mapping[str, Any] = field(default_factory=dict)
    active_seconds: float = 0.0
    wall_seconds: float = 0.0
    corrects: UUID | None = None


@transaction.atomic
def submit_reading(
    *, assignment: Assignment, reader: User, submission: Submission, now: datetime
) -> tuple[Reading, bool]:
    """Store a Reading of the Assignment; return it, and whether it is new (the same submission twice is one Reading).

    A reader whose lease lapsed while another took the case loses nothing: the Reading counts in a place of its own.

    Raises:
        NotYourAssignment: the reader never had this case.
        AlreadySubmitted: another submission of this case was stored.
        ClientKeyReused, UnknownCriterion, IncompleteScores, ScoreOutOfScale, FindingOutsideImage: see there.
    """
    serialise_requests_of(reader, assignment.project_id)  # what is sent late may take a place: see _additional_place
    assignment = Assignment.objects.select_for_update(of=("self",)).get(pk=assignment.pk)
    if (earlier := _sent_before(submission, reader, assignment.image_id)) is not None:
        return earlier, False
    forget_drafts(assignment=assignment, reader=reader)
    assignment = _place_of(assignment, reader)
    if assignment.submitted_at is not None:
        raise AlreadySubmitted
    reading = _store(assignment, reader, submission, now, _first_arm(assignment, reader), supersedes=None)
    assignment.submitted_at = now
    assignment.save(update_fields=["submitted_at"])
    return reading, True


def submit_or_correct(
    *, assignment: Assignment, reader: User, submission: Submission, now: datetime
) -> tuple[Reading, bool]:
    """Store what was sent: a first Reading, or one that supersedes the one that it names.

    The browser names the earlier submission by its own key, so that both can wait for the network in one queue.

    Raises:
        NothingToUndo: the reader has sent no such submission.
        And what `submit_reading` and `correct_reading` raise.
    """
    if submission.corrects is None:
        return submit_reading(assignment=assignment, reader=reader, submission=submission, now=now)
    earlier = Reading.objects.filter(client_key=submission.corrects, reader=reader, image=assignment.image_id).first()
    if earlier is None:
        raise NothingToUndo
    return correct_reading(reading=earlier, reader=reader, submission=submission, now=now)


@transaction.atomic
def correct_reading(*, reading: Reading, reader: User, submission: Submission, now: datetime) -> tuple[Reading, bool]:
    """Store a Reading that supersedes the reader's earlier one. The earlier one stays as it was.

    A correction by somebody who has been able to see Predictions or feedback since is stored as assisted.

    Raises:
        NotYourAssignment: it is another reader's.
        AlreadyCorrected: it is not the newest one.
    """
    assignment = Assignment.objects.select_for_update(of=("self",)).get(pk=reading.assignment_id)
    if (earlier := _sent_before(submission, reader, assignment.image_id)) is not None:
        return earlier, False
    if reading.reader_id != reader.pk:
        raise NotYourAssignment
    if Reading.objects.filter(supersedes=reading).exists():
        raise AlreadyCorrected
    forget_drafts(assignment=assignment, reader=reader)
    return _store(assignment, reader, submission, now, _arm_of_correction(reading, reader), supersedes=reading), True


def _first_arm(assignment: Assignment, reader: User) -> Arm:
    """Feedback on an earlier Reading of this Image, in whatever Project, has told what the model says of it."""
    if _has_had_feedback(reader, assignment.image_id):
        return Arm.ASSISTED
    return Arm.BLIND if assignment.project.arm == Arm.BLIND else Arm.TRAINING


def _has_had_feedback(reader: User, image_id: int) -> bool:
    """Whether it was to be had: who looked is not kept."""
    return Reading.objects.filter(reader=reader, image=image_id).with_feedback().exists()


def _arm_of_correction(reading: Reading, reader: User) -> Arm:
    may_have_seen = _can_see_predictions(reading, reader) or _has_had_feedback(reader, reading.image_id)
    return Arm.ASSISTED if may_have_seen else Arm(reading.arm)


def _sent_before(submission: Submission, reader: User, image_id: int) -> Reading | None:
    earlier = Reading.objects.filter(client_key=submission.client_key).first()
    if earlier is None:
        return None
    sent = dict(earlier.scores.values_list("criterion__key", "value"))
    left_out = dict(earlier.abstentions.values_list("criterion__key", "reason"))
    is_same = sent == dict(submission.scores) and left_out == dict(submission.abstentions)
    if (earlier.reader_id, earlier.image_id) != (reader.pk, image_id) or not is_same:
        raise ClientKeyReused
    return earlier


def _place_of(assignment: Assignment, reader: User) -> Assignment:
    """The Assignment that the reader's work counts for."""
    if assignment.reader_id == reader.pk:
        return assignment
    was_theirs = assignment.previous_readers.filter(pk=reader.pk).exists()
    if not was_theirs:
        raise NotYourAssignment
    places = Assignment.objects.filter(project=assignment.project, image=assignment.image, reader=reader)
    places = places.exclude(purpose=Purpose.REPEAT)
    return places.select_for_update(of=("self",)).first() or _additional_place(assignment, reader)


def _additional_place(assignment: Assignment, reader: User) -> Assignment:
    """One place at a time is added for an Image, so that two readers do not take the same."""
    images = ProjectImage.objects.filter(project=assignment.project, image=assignment.image)
    images.select_for_update(no_key=True).first()
    places = Assignment.objects.filter(request_key=assignment.request_key, image=assignment.image)
    last: int = places.aggregate(last=Max("slot"))["last"]
    return Assignment.objects.create(
        project=assignment.project,
        image=assignment.image,
        purpose=assignment.purpose,
        priority=assignment.priority,
        slot=last + 1,
        request_key=assignment.request_key,
        reader=reader,
    )


def _can_see_predictions(reading: Reading, reader: User) -> bool:
    entitled = Membership.objects.filter(
        project=reading.project_id, user=reader, role__in=[Role.MANAGER, Role.ML_ENGINEER]
    )
    return entitled.exists()


def _store(
    assignment: Assignment,
    reader: User,
    submission: Submission,
    now: datetime,
    arm: Arm,
    supersedes: Reading | None,
) -> Reading:
    rubric = Rubric.objects.filter(project=assignment.project_id, pk=submission.rubric_id).first()
    if rubric is None:
        raise UnknownRubric
    criteria = {criterion.key: criterion for criterion in rubric.criteria.all()}
    _check_answers(criteria, submission)
    _check_findings(rubric, criteria, submission.findings, assignment.image)
    reading = Reading.objects.create(
        client_key=submission.client_key,
        assignment=assignment,
        project_id=assignment.project_id,
        image_id=assignment.image_id,
        reader=reader,
        rubric=rubric,
        supersedes=supersedes,
        arm=arm,
        comment=submission.comment,
        confidence=submission.confidence,
        display_state=dict(submission.display_state),
        active_seconds=submission.active_seconds,
        wall_seconds=submission.wall_seconds,
        submitted_at=now,
    )
    Score.objects.bulk_create(
        Score(reading=reading, criterion=criteria[key], value=value) for key, value in submission.scores.items()
    )
    Abstention.objects.bulk_create(
        Abstention(reading=reading, criterion=criteria[key], reason=reason)
        for key, reason in submission.abstentions.items()
    )
    Finding.objects.bulk_create(_finding(reading, criteria, mark) for mark in submission.findings)
    return reading


def _check_answers(criteria: Mapping[str, Criterion], submission: Submission) -> None:
    answered = [*submission.scores, *submission.abstentions]
    if unknown := sorted(set(answered) - set(criteria)):
        raise UnknownCriterion(_("The rubric has no criterion %(unknown)s.") % {"unknown": ", ".join(unknown)})
    if missing := [criterion.question for key, criterion in criteria.items() if key not in answered]:
        raise IncompleteScores(_("A score is missing for: %(missing)s.") % {"missing": ", ".join(missing)})
    if both := sorted(set(submission.scores) & set(submission.abstentions)):
        raise ContradictoryAnswer(_("Scored, and said not to be judged: %(both)s.") % {"both": ", ".join(both)})
    _check_scores(criteria, submission.scores)


def _check_scores(criteria: Mapping[str, Criterion], scores: Mapping[str, float]) -> None:
    for key, value in scores.items():
        criterion = criteria[key]
        if not criterion.admits(value):
            raise ScoreOutOfScale(
                _("%(question)s: %(value)s is not on the scale from %(minimum)s to %(maximum)s by %(step)s.")
                % {
                    "question": criterion.question,
                    "value": f"{value:g}",
                    "minimum": f"{criterion.minimum:g}",
                    "maximum": f"{criterion.maximum:g}",
                    "step": f"{criterion.step:g}",
                }
            )


def _check_findings(
    rubric: Rubric, criteria: Mapping[str, Criterion], marks: Sequence[FindingMark], image: Image
) -> None:
    if not marks:
        return
    sizes = list(image.slices.order_by("index").values_list("instance__rows", "instance__columns"))
    for mark in marks:
        if rubric.finding_types and mark.type not in rubric.finding_types:
            raise UnknownFindingType(_("The rubric has no finding of the type %(type)s.") % {"type": mark.type})
        if mark.criterion_key is not None and mark.criterion_key not in criteria:
            raise UnknownCriterion(_("The rubric has no criterion %(unknown)s.") % {"unknown": mark.criterion_key})
        if not 0 <= mark.slice_index < len(sizes):
            raise FindingOutsideImage(_("The image has no slice %(number)s.") % {"number": mark.slice_index})
        rows, columns = sizes[mark.slice_index]
        right, bottom = mark.x + (mark.width or 0), mark.y + (mark.height or 0)
        if not (0 <= mark.x <= right <= columns and 0 <= mark.y <= bottom <= rows):
            raise FindingOutsideImage(_("A finding lies outside slice %(number)s.") % {"number": mark.slice_index})


def _finding(reading: Reading, criteria: Mapping[str, Criterion], mark: FindingMark) -> Finding:
    return Finding(
        reading=reading,
        criterion=criteria[mark.criterion_key] if mark.criterion_key else None,
        type=mark.type,
        slice_index=mark.slice_index,
        x=mark.x,
        y=mark.y,
        width=mark.width,
        height=mark.height,
        note=mark.note,
    )
