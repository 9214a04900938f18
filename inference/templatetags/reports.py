from typing import Any

from django import template
from django.utils.translation import gettext, ngettext

from inference.services.evaluation import GATE_REASONS

register = template.Library()


@register.filter
def gate_reason(gate: dict[str, Any]) -> str:
    """Why a candidate passed or not, in the language of who reads it; the stored sentence is English."""
    old, new, images = gate.get("old"), gate.get("new"), gate.get("images")
    if old is None or new is None or images is None:  # of an older report, or not to be measured
        return gettext(gate["reason"])
    sentence = gettext(GATE_REASONS[(new > old) - (new < old)])
    return sentence % {"new": f"{new:.3f}", "old": f"{old:.3f}", "images": images}


@register.filter
def error_at_random(errors: dict[str, Any]) -> str:
    """The error on those test images alone that were drawn at random; "" where there is none."""
    old, new, images = errors.get("old"), errors.get("new"), errors.get("images")
    if old is None or new is None or not images:
        return ""
    sentence = ngettext(
        "On the %(images)s test image that was drawn at random: error %(new)s, production's %(old)s.",
        "On the %(images)s test images that were drawn at random: error %(new)s, production's %(old)s.",
        images,
    )
    return sentence % {"new": f"{new:.3f}", "old": f"{old:.3f}", "images": images}
