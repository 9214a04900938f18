"""The one-minute test of a screen: can faint greys and single lines be told apart on it, in this room, by this person?

The fields follow ideas of the TG18-QC pattern (AAPM Task Group 18, Assessment of Display Performance for Medical
Imaging Systems, 2005): a step of 5 % of the driving level must be seen in black, in white and between them, and lines
of one pixel must be resolved. Each is a choice of one out of four places: a guess is right one time in four, and no
answer has to be believed. It measures no luminance: that needs a photometer, and DICOM PS3.14 (the grayscale standard
display function) a calibrated display.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from annotations.errors import DisplayCheckNeeded, DisplayCheckNotPassed, UnknownPatternField
from annotations.models import DisplayCheck, DisplayCheckPolicy, Project, Reading, User

PLACES = ("up", "right", "down", "left")


@dataclass(frozen=True)
class PatternField:
    """`grey`: a patch, `contrast` driving levels (of 255) away from its `background`, in one of four places.

    `lines`: lines of one device pixel between `background` and `background + contrast`, upright in one of four places
    and level in the others. `is_needed`: the screen passes only if it is seen.
    """

    kind: str
    background: int
    contrast: int
    is_needed: bool


FIELDS = (
    *(PatternField("grey", level, 13, is_needed=True) for level in (0, 13, 64, 128, 191)),
    *(PatternField("grey", level, -13, is_needed=True) for level in (242, 255)),
    *(PatternField("grey", level, 5, is_needed=False) for level in (64, 128, 191)),
    PatternField("lines", 0, 255, is_needed=True),
    PatternField("lines", 112, 32, is_needed=False),
)


@dataclass(frozen=True)
class PatternAnswer:
    """To a field by its index in `FIELDS`: the place that was shown, and the one that was seen; empty for none."""

    field: int
    shown: str
    seen: str

    @property
    def is_right(self) -> bool:
        return self.shown == self.seen


@dataclass(frozen=True)
class Screen:
    """Size in device pixels, and how many of them make one CSS pixel."""

    columns: int
    rows: int
    device_pixel_ratio: float


def record_display_check(
    *, user: User, device: UUID, screen: Screen, answers: Sequence[PatternAnswer], seconds: float, now: datetime
) -> DisplayCheck:
    """Store what was seen, and whether that is enough.

    Raises:
        UnknownPatternField: not every field was answered exactly once.
    """
    if sorted(answer.field for answer in answers) != list(range(len(FIELDS))):
        raise UnknownPatternField
    return DisplayCheck.objects.create(
        user=user,
        device=device,
        answers=[_with_field(answer) for answer in answers],
        has_passed=all(answer.is_right for answer in answers if FIELDS[answer.field].is_needed),
        seconds=seconds,
        checked_at=now,
        **asdict(screen),
    )


def _with_field(answer: PatternAnswer) -> dict[str, object]:
    """In full, so that a stored answer is understood when the pattern has changed."""
    return {**asdict(FIELDS[answer.field]), "shown": answer.shown, "seen": answer.seen}


def require_display_check(*, project: Project, user: User, device: UUID | None, now: datetime) -> None:
    """Nothing where the Project asks for no test, or this screen had it today.

    Raises:
        DisplayCheckNeeded: it has yet to be made today.
        DisplayCheckNotPassed: the Project asks for a passed one, and today's last one was not.
    """
    if project.display_check_policy == DisplayCheckPolicy.NONE:
        return
    today = DisplayCheck.objects.of_screen(user, device).on_day(timezone.localdate(now)).first()
    if today is None:
        raise DisplayCheckNeeded
    if project.display_check_policy == DisplayCheckPolicy.DAILY_PASSED and not today.has_passed:
        raise DisplayCheckNotPassed


def check_behind(reading: Reading) -> DisplayCheck | None:
    """The last test of the screen that the Reading was made on, as its display state names it."""
    try:
        named = UUID(str(reading.display_state.get("display_check")))
    except ValueError:
        return None
    return DisplayCheck.objects.filter(user=reading.reader_id, pk=named).first()
