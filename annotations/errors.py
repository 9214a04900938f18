"""What is refused, and why. HTTP knows these only through mediqa_platform/errors.py."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import override
from django_stubs_ext import StrOrPromise


class DomainError(Exception):
    """A refusal with a sentence for the person who asked. `code` is stable; `detail` may be reworded."""

    code = "refused"
    detail: StrOrPromise = _("This was refused.")

    def __init__(self, detail: StrOrPromise | None = None) -> None:
        self.detail = str(detail or self.detail)  # in the language of who asked
        super().__init__(self.detail)

    @classmethod
    def to_store(cls) -> str:
        """Its sentence in English, whoever asks: what is stored is told in the language of who reads it."""
        with override("en"):
            return str(cls.detail)


class NotAllowedNow(DomainError):
    """The request is well-formed, but the state of things speaks against it."""


class BadInput(DomainError):
    """The request itself is wrong."""


# -- setting up --
class SetupDone(NotAllowedNow):
    code = "setup_done"
    detail = _("There is an administrator already. Sign in, or ask them for an account.")


class TooManySignIns(NotAllowedNow):
    code = "too_many_sign_ins"
    detail = _("Too many wrong passwords. Try again in ten minutes, or ask an administrator.")


class StoredObjectMissing(DomainError):
    code = "object_missing"
    detail = _("What is stored of this image is not there. Restore the object store, or ingest its files again.")


# -- worklist and readings --
class NotYourAssignment(DomainError):
    code = "not_your_assignment"
    detail = _("This case is not in your worklist.")


class AlreadySubmitted(NotAllowedNow):
    code = "already_submitted"
    detail = _("This case was submitted before. A correction of that reading can be sent instead.")


class AlreadyCorrected(NotAllowedNow):
    code = "already_corrected"
    detail = _("This reading was corrected before. Correct the newest one.")


class NoRubric(NotAllowedNow):
    code = "no_rubric"
    detail = _("The project has no rubric yet. A manager can add one in the administration.")


class IncompleteScores(BadInput):
    code = "incomplete_scores"


class UnknownRubric(BadInput):
    code = "unknown_rubric"
    detail = _("The project has no rubric with this number. Load the case again.")


class UnknownCriterion(BadInput):
    code = "unknown_criterion"


class ScoreOutOfScale(BadInput):
    code = "score_out_of_scale"


class FindingOutsideImage(BadInput):
    code = "finding_outside_image"


class ClientKeyReused(NotAllowedNow):
    code = "client_key_reused"
    detail = _("This was sent before with other content. What was stored first stays; it can be corrected.")


class UndoExpired(NotAllowedNow):
    code = "undo_expired"


class UnknownLevel(BadInput):
    code = "unknown_level"
    detail = _("The criterion has no such level.")


class UnknownImage(BadInput):
    code = "unknown_image"
    detail = _("The project has no such image.")


class AlreadyACase(NotAllowedNow):
    code = "already_a_case"
    detail = _(
        "A reader has this image before them or has read it. What was judged as a case cannot show what a level looks "
        "like: choose an image that nobody has been given."
    )


class AlreadyAnAnchor(NotAllowedNow):
    code = "already_an_anchor"
    detail = _("This image shows another level of the same criterion. Take it away there first.")


class AnchorNotRead(NotAllowedNow):
    code = "anchor_not_read"
    detail = _("An image that shows a level of the rubric is not given to readers as a case.")


class NothingToUndo(NotAllowedNow):
    code = "nothing_to_undo"
    detail = _("There is no submission of yours here that could be opened again.")


class ContradictoryAnswer(BadInput):
    code = "contradictory_answer"


class UnknownFindingType(BadInput):
    code = "unknown_finding_type"


# -- how a reader works --
class UnknownAction(BadInput):
    code = "unknown_action"


class UnknownKey(BadInput):
    code = "unknown_key"


class ReservedKey(BadInput):
    code = "reserved_key"


class DuplicateKey(BadInput):
    code = "duplicate_key"


class WrongKeyCount(BadInput):
    code = "wrong_key_count"


class UnknownSection(BadInput):
    code = "unknown_section"


class BadHanging(BadInput):
    code = "bad_hanging"


class UnknownMouseTool(BadInput):
    code = "unknown_mouse_tool"


# -- the screen --
class UnknownPatternField(BadInput):
    code = "unknown_pattern_field"
    detail = _("Every field of the test pattern has to be answered once. Begin the test again.")


class UnknownScreen(BadInput):
    code = "unknown_screen"
    detail = _("This browser is not known yet. Open the test of the screen again, with cookies allowed.")


class DisplayCheckNeeded(NotAllowedNow):
    code = "display_check_needed"
    detail = _("The project asks for a test of the screen once a day, and this screen has not had it today.")


class DisplayCheckNotPassed(NotAllowedNow):
    code = "display_check_not_passed"
    detail = _(
        "The project asks for a screen that passes its test, and this one did not today. Darken the room, set the "
        "screen brighter or use another one, and test it again."
    )


# -- images --
class ConflictingInstance(DomainError):
    code = "conflict"
    detail = _("Another object with the same SOPInstanceUID was taken before. The first one stays.")


class UploadTooLarge(BadInput):
    code = "upload_too_large"


# -- jobs --
class JobFinished(NotAllowedNow):
    code = "job_finished"
    detail = _("This has ended already.")


class JobAlreadyActive(NotAllowedNow):
    code = "job_already_active"
    detail = _("The same work is running or waiting already. Wait for it, or cancel it.")


class NotStaged(NotAllowedNow):
    code = "not_staged"
    detail = _("This upload was started already; open a new one for more files.")


class NothingStaged(BadInput):
    code = "nothing_staged"
    detail = _("No file was uploaded. Add files first.")


class JobCancelled(DomainError):
    """Raised inside a running Job when a person has cancelled it."""

    code = "job_cancelled"
    detail = _("Cancelled.")


class LeaseLost(DomainError):
    """Raised inside a running Job when another process has taken it over."""

    code = "lease_lost"
    detail = _("Another worker has taken this over.")
