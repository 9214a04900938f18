from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from annotations.models.project import Project

CAPITALS = _("Capital letters, as in DICOM: CT, MR, DX.")


class Layout(models.TextChoices):
    ONE = "one", _("The case alone")
    PLANES = "planes", _("Three planes, of a volume")
    ANCHOR = "anchor", _("Beside the first anchor image")
    PRIOR = "prior", _("Beside the patient's earlier image")


class HungWindow(models.TextChoices):
    """By the names that images offer their windows under; one that does not offer it opens with its own."""

    OWN = "", _("The image's own")
    SOFT_TISSUE = "Soft tissue", _("Soft tissue")
    LUNG = "Lung", _("Lung")
    BONE = "Bone", _("Bone")
    BRAIN = "Brain", _("Brain")
    LIVER = "Liver", _("Liver")
    AUTOMATIC = "Automatic", _("Automatic")
    FULL_RANGE = "Full range", _("Full range")


class Rotation(models.IntegerChoices):
    NONE = 0, "0°"
    QUARTER = 90, "90°"
    HALF = 180, "180°"
    THREE_QUARTERS = 270, "270°"


class Fit(models.TextChoices):
    WHOLE = "whole", _("The whole image")
    PIXELS = "pixels", _("One pixel of the image for one of the screen")


class OpeningSlice(models.TextChoices):
    MIDDLE = "middle", _("The middle one")
    FIRST = "first", _("The first one")


class Hanging(models.Model):
    """How a Project's Images of a modality and view are first shown. Empty stands for any.

    The view is the view position with its side ("MLO L", "PA"), of a stack its plane ("axial").
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="hangings")
    modality = models.CharField(
        _("Modality"),
        max_length=16,
        blank=True,
        validators=[RegexValidator(r"^[A-Z]*$", CAPITALS)],
    )
    view = models.CharField(_("View"), max_length=40, blank=True)
    layout = models.CharField(_("Layout"), max_length=10, choices=Layout, default=Layout.ONE)
    window = models.CharField(_("Window"), max_length=20, blank=True, choices=HungWindow, default=HungWindow.OWN)
    fit = models.CharField(_("Size"), max_length=10, choices=Fit, default=Fit.WHOLE)
    first_slice = models.CharField(_("First slice"), max_length=10, choices=OpeningSlice, default=OpeningSlice.MIDDLE)
    rotation = models.PositiveSmallIntegerField(_("Rotation"), choices=Rotation, default=Rotation.NONE)
    is_flipped_horizontally = models.BooleanField(default=False, verbose_name=_("Flip left and right"))
    is_flipped_vertically = models.BooleanField(default=False, verbose_name=_("Flip top and bottom"))

    class Meta:
        ordering = ["modality", "view"]
        constraints = [
            models.UniqueConstraint(fields=["project", "modality", "view"], name="hanging_once"),
            models.CheckConstraint(condition=Q(layout__in=Layout.values), name="hanging_layout_known"),
            models.CheckConstraint(condition=Q(window__in=HungWindow.values), name="hanging_window_known"),
            models.CheckConstraint(condition=Q(fit__in=Fit.values), name="hanging_fit_known"),
            models.CheckConstraint(condition=Q(first_slice__in=OpeningSlice.values), name="hanging_slice_known"),
            models.CheckConstraint(condition=Q(rotation__in=Rotation.values), name="hanging_rotation_known"),
        ]

    def __str__(self) -> str:
        return f"{self.modality or _('any modality')}, {self.view or _('any view')}"
