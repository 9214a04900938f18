"""What the model side refuses, and why."""

from django.utils.translation import gettext_lazy as _

from annotations.errors import BadInput, NotAllowedNow


class TooFewScores(NotAllowedNow):
    code = "too_few_scores"


class ConstantScores(NotAllowedNow):
    code = "constant_scores"
    detail = _("The scores given so far cannot be learnt from. Have other images read first.")


class CheckpointMissing(NotAllowedNow):
    code = "checkpoint_missing"


class NoProductionVersion(NotAllowedNow):
    code = "no_production_version"
    detail = _("The project has no production model. Start a pre-scoring first.")


class NothingToSelect(NotAllowedNow):
    code = "nothing_to_select"
    detail = _("Every image that can be scored is read or waits for its readers.")


class NotScoredYet(NotAllowedNow):
    code = "not_scored_yet"
    detail = _("No unread image has been scored by the production model yet. Wait for the pre-scoring.")


class NoFeedback(NotAllowedNow):
    code = "no_feedback"
    detail = _("There is no feedback on this case.")


class UnknownPromptWord(BadInput):
    code = "unknown_prompt_word"


class GateFailed(NotAllowedNow):
    code = "gate_failed"
    detail = _("It did not pass the gate.")


class NotACandidate(NotAllowedNow):
    code = "not_a_candidate"
    detail = _("Only a candidate can be promoted.")


class NotCompared(NotAllowedNow):
    code = "not_compared"
    detail = _("It was never compared with the version in production. Start a fine-tuning from it.")


class NoOtherModel(NotAllowedNow):
    code = "no_other_model"
    detail = _("The version in production stands on this pre-trained model already.")


class StaleCandidate(NotAllowedNow):
    code = "stale_candidate"
    detail = _("The candidate was compared with a version that is no longer in production. Run the fine-tuning again.")


class ProductionChanged(NotAllowedNow):
    code = "production_changed"
    detail = _("Another version is in production by now. Look again before you roll back.")


class NothingToRollBackTo(NotAllowedNow):
    code = "nothing_to_roll_back_to"
    detail = _("There is no earlier production version.")


class BadSelection(BadInput):
    code = "bad_selection"


class BadRunConfig(BadInput):
    code = "bad_run_config"
