from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from annotations.models.imaging import Image
from annotations.models.project import Project, ProjectImage, Role
from annotations.models.rubric import Criterion
from annotations.models.user import User


class AnchorImageQuerySet(models.QuerySet["AnchorImage"]):
    def shown(self) -> AnchorImageQuerySet:
        """Not taken away."""
        return self.filter(removed_at__isnull=True)

    def visible_to(self, user: User | AnonymousUser) -> AnchorImageQuerySet:
        """Of the user's Projects; not of Images that they have still to read as a case elsewhere.

        The level is somebody's judgement of the Image: who is to judge it in another Project must not be told.
        """
        if not user.is_authenticated:
            return self.none()
        reads_in = Project.objects.with_role(user, Role.READER)
        read = Image.objects.filter(pk=OuterRef("image"), readings__project=OuterRef("project"), readings__reader=user)
        cases = ProjectImage.objects.unreserved().filter(~Exists(read), image=OuterRef("image"), project__in=reads_in)
        return self.filter(~Exists(cases), project__in=Project.objects.visible_to(user))

    def at_levels_of(self, criterion: Criterion) -> AnchorImageQuerySet:
        """Shown at the Criterion's levels, of whatever version of the Rubric they were chosen for.

        A level still means the same where the question, the scale and this level's own text were left as they are.
        """
        texts = {float(anchor["value"]): anchor["text"] for anchor in criterion.anchors}
        with_text = Q(pk__in=[])
        for value, text in texts.items():
            with_text |= Q(value=value, text=text)
        same = Criterion.objects.on_the_scale_of(criterion)
        return self.shown().filter(with_text | Q(~Q(value__in=texts), text=""), criterion__in=same)


class AnchorImage(models.Model):
    """An Image that shows what a level of a Criterion looks like. Never handed out as a case in its Project.

    `text` is the level's anchor text when it was chosen: with another text the level means something else.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="anchor_images")
    criterion = models.ForeignKey(Criterion, on_delete=models.CASCADE, related_name="anchor_images")
    value = models.FloatField()
    text = models.TextField(blank=True)
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="anchor_images")
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(
        null=True, blank=True, help_text="Taken away after readers may have seen it: it stays no case for them."
    )

    objects = AnchorImageQuerySet.as_manager()

    class Meta:
        ordering = ["project", "criterion__position", "value"]
        constraints = [
            models.UniqueConstraint(
                fields=["criterion", "value"], condition=Q(removed_at__isnull=True), name="anchorimage_one_at_a_level"
            ),
            models.UniqueConstraint(
                fields=["criterion", "image"],
                condition=Q(removed_at__isnull=True),
                name="anchorimage_one_level_for_an_image",
            ),
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True) | Q(removed_at__gte=F("created_at")),
                name="anchorimage_removed_after_made",
            ),
        ]

    def __str__(self) -> str:
        return f"Image {self.image_id} at level {self.value:g} of {self.criterion.key}"
