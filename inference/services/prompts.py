"""What a person says of an Image's prompt, before its header and the classifier."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from annotations.models import Image, User
from inference.errors import UnknownPromptWord
from inference.mediqa.prompt import VOCABULARY
from inference.models import PromptCorrection


@transaction.atomic
def correct_prompt(*, image: Image, factors: Mapping[str, str], by: User, now: datetime) -> PromptCorrection:
    """Keep what the Image is said to be, in place of what was said before; no factor takes everything back.

    Predictions stay as they are. Features that were made before are not used again: the next model version, or
    the next fine-tuning, encodes the Image anew.

    Raises:
        UnknownPromptWord: a factor or its word is not one of the network's.
    """
    for factor, word in factors.items():
        if word not in VOCABULARY.get(factor, ()):
            raise UnknownPromptWord(
                _("The model knows no %(factor)s of that name.") % {"factor": _(factor.replace("_", " "))}
            )
    correction, _is_new = PromptCorrection.objects.update_or_create(
        image=image, defaults={"factors": dict(factors), "corrected_by": by, "corrected_at": now}
    )
    return correction
