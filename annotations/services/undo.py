"""Taking back the last submission. A Reading is immutable: the case is opened again for a correction."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from annotations.errors import NothingToUndo, UndoExpired
from annotations.models import Project, Reading, User
from annotations.services.cases import case_of

UNDO_WINDOW = timedelta(minutes=5)


def reopen_last_reading(*, project: Project, reader: User, now: datetime) -> tuple[Reading, dict[str, Any]]:
    """The reader's last Reading in the Project, and its case as the worklist gives it.

    Nothing is stored: the Reading stands until a correction supersedes it, so that who closes the page in between has
    lost nothing. What was built meanwhile (a label snapshot) keeps the earlier Scores; the correction counts from the
    next one on. A correction by who may see Predictions by now is stored as assisted (see `correct_reading`).

    Raises:
        NothingToUndo: the reader has submitted nothing here, or corrected what they are given once more by now.
        UndoExpired: the last submission is older than `UNDO_WINDOW`.
    """
    readings = Reading.objects.of(project).current().filter(reader=reader)
    last = readings.select_related("assignment__project", "assignment__image__series__study").first()
    if last is None or not Reading.objects.visible_to(reader).filter(pk=last.pk).exists():
        raise NothingToUndo
    if now - last.submitted_at > UNDO_WINDOW:
        minutes = UNDO_WINDOW // timedelta(minutes=1)
        raise UndoExpired(
            _("A submission can be opened again for %(minutes)s minutes. A manager can help after that.")
            % {"minutes": minutes}
        )
    return last, case_of(last.assignment, reader=reader)
