"""Words of the pure package that a page shows: English there, here marked for the catalogues."""

from django.utils.translation import gettext_noop as _

SHARE_OF = _("%(share)s of the %(what)s")

# Predicted physical parameters, as mediqa.parameters.in_words spells them, and units that are words.
PARAMETERS = (
    _("acceleration factor"),
    _("added slice thickness"),
    _("angular range deg"),
    _("averages"),
    _("blur"),
    _("counts"),
    _("defocus radius"),
    _("detector gain error"),
    _("dose"),
    _("exposure error stops"),
    _("field of view"),
    _("gain error"),
    _("grid contrast"),
    _("hardening loss"),
    _("iterations"),
    _("jpeg quality"),
    _("kernel edge gain"),
    _("kernel half mtf per cm"),
    _("kspace"),
    _("kspace extent"),
    _("light drop"),
    _("line phase error deg"),
    _("metal diameter"),
    _("motion"),
    _("noise"),
    _("penumbra"),
    _("post filter fwhm"),
    _("saturated"),
    _("scatter to primary"),
    _("sensitivity drop"),
    _("shadow"),
    _("slice thickness"),  # in Predictions of earlier versions
    _("speckle contrast"),
    _("spike share of peak"),
    _("uncompensated attenuation"),
    _("view"),
)
UNITS = (_("pixels"), _("pixels of 256"))

# Factors of the prompt and what they can be; names that are the same in every language are left out.
PROMPT = (
    _("dimension"),
    _("modality"),
    _("region"),
    _("image type"),
    _("unknown"),
    _("other"),
    _("head"),
    _("neck"),
    _("chest"),
    _("breast"),
    _("heart"),
    _("abdomen"),
    _("pelvis"),
    _("spine"),
    _("limb"),
    _("eye"),
    _("whole body"),
    _("phantom"),
    _("diffusion"),
    _("perfusion"),
    _("field map"),
    _("angiography"),
    _("soft kernel"),
    _("sharp kernel"),
    _("localizer"),
    _("frontal"),
    _("lateral"),
    _("derived"),
)
SAME_EVERYWHERE = frozenset({"t1", "t2", "flair", "pd", "t2star"})
# Where a factor came from, beside "classifier", "dicom" and "unknown".
ORIGINS = (_("override"),)
