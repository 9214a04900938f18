from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.expressions import ArraySubquery
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from annotations.models.user import User


class Role(models.TextChoices):
    READER = "reader", _("Reader")
    MANAGER = "manager", _("Project manager")
    ML_ENGINEER = "ml_engineer", _("ML engineer")


class Arm(models.TextChoices):
    """What a reader is shown. Before submission: never anything, of any Project.

    Of a Reading, what could have been seen when it was submitted: nothing of any Image (blind), nothing of this Image
    but the feedback on earlier ones (training), this Image's Prediction or other people's Scores (assisted).
    """

    BLIND = "blind", _("Blind: nothing is ever shown")
    TRAINING = "training", _("Training: after submission, what the model and the other readers said")
    ASSISTED = "assisted", _("Assisted: the same, with an invitation to correct")


class PromotionPolicy(models.TextChoices):
    BY_PERSON = "by_person", _("A person promotes a candidate that passed the gate")
    AUTOMATIC = "automatic", _("A candidate that passed the gate is promoted at once")


class DisplayCheckPolicy(models.TextChoices):
    """What a Project asks of a reader's screen before it hands out cases."""

    NONE = "none", _("No test is asked for")
    DAILY = "daily", _("Each reader tests the screen once a day")
    DAILY_PASSED = "daily_passed", _("Each reader passes the test of the screen once a day")


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: User | AnonymousUser) -> ProjectQuerySet:
        """Projects of which the user is a member, in whatever role."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(models.Exists(Membership.objects.filter(project=models.OuterRef("pk"), user=user)))

    def with_role(self, user: User | AnonymousUser, *roles: Role) -> ProjectQuerySet:
        if not user.is_authenticated:
            return self.none()
        return self.filter(
            models.Exists(Membership.objects.filter(project=models.OuterRef("pk"), user=user, role__in=roles))
        )

    def mixing(self) -> ProjectQuerySet:
        """Where cases are mixed in among those that were asked for: repeats, or calibration cases."""
        calibrating = ProjectImage.objects.calibrating().filter(project=models.OuterRef("pk"))
        return self.filter(models.Exists(calibrating) | models.Q(repeat_share__gt=0))

    def with_roles_of(self, user: User | AnonymousUser) -> ProjectQuerySet:
        """`roles`: what the user is in each Project, in order; empty for who is no member."""
        own = Membership.objects.filter(project=models.OuterRef("pk"), user=user.pk).order_by("role")
        return self.annotate(roles=ArraySubquery(own.values("role")))

    def with_image_count(self) -> ProjectQuerySet:
        """`image_count`: the Project's Images, without those that were replaced."""
        current = models.Q(project_images__superseded_by__isnull=True)
        return self.annotate(image_count=models.Count("project_images", filter=current))


class Project(models.Model):
    """A set of Images, a Rubric, a policy and the people who work on them."""

    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    overlap = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text=_("How many readers score each Image."),
    )
    arm = models.CharField(max_length=10, choices=Arm, default=Arm.BLIND, verbose_name=_("After submission"))
    batch_size = models.PositiveSmallIntegerField(
        default=20, validators=[MinValueValidator(1)], help_text="Images chosen for reading at one moment."
    )
    random_share = models.FloatField(
        default=0.2,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="Share of a batch that is drawn at random: the platform's unbiased sample.",
    )
    repeat_share = models.FloatField(
        default=0.0,
        validators=[MinValueValidator(0.0), MaxValueValidator(0.5)],
        verbose_name=_("Repeats"),
        help_text="Share of the cases of a reader that they are given once more, without being told.",
    )
    repeat_distance = models.PositiveSmallIntegerField(
        default=20,
        validators=[MinValueValidator(1)],
        verbose_name=_("Cases before a repeat"),
        help_text="Other cases that a reader is given at least between an Image and its repeat.",
    )
    lease_minutes = models.PositiveSmallIntegerField(
        default=30, validators=[MinValueValidator(1)], help_text="How long a case is kept for a reader who left it."
    )
    promotion_policy = models.CharField(max_length=10, choices=PromotionPolicy, default=PromotionPolicy.BY_PERSON)
    display_check_policy = models.CharField(
        max_length=15, choices=DisplayCheckPolicy, default=DisplayCheckPolicy.NONE, verbose_name=_("Test of the screen")
    )
    is_prior_shown = models.BooleanField(
        default=False,
        verbose_name=_("Earlier images of the patient"),
        help_text="A reader may compare a case with the patient's earlier image.",
    )
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Membership", related_name="projects")
    images = models.ManyToManyField("annotations.Image", through="ProjectImage", related_name="projects")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=models.Q(overlap__gte=1), name="project_overlap_positive"),
            models.CheckConstraint(
                condition=models.Q(random_share__gte=0, random_share__lte=1), name="project_random_share_is_a_share"
            ),
            models.CheckConstraint(
                condition=models.Q(repeat_share__gte=0, repeat_share__lte=0.5), name="project_repeat_share_up_to_half"
            ),
            models.CheckConstraint(condition=models.Q(repeat_distance__gte=1), name="project_repeat_distance_positive"),
            models.CheckConstraint(
                condition=models.Q(display_check_policy__in=DisplayCheckPolicy.values),
                name="project_display_check_policy_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user", "role"], name="membership_unique"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.get_role_display()} of {self.project}"


class ProjectImageQuerySet(models.QuerySet["ProjectImage"]):
    def current(self) -> ProjectImageQuerySet:
        """Not replaced by an Image with more slices of the same stack."""
        return self.filter(superseded_by__isnull=True)

    def unreserved(self) -> ProjectImageQuerySet:
        """Not an anchor image of the Project, nor the same stack with more or fewer slices: see AnchorImage."""
        reserving = Project.objects.filter(
            pk=OuterRef("project"),
            anchor_images__image__series=OuterRef("image__series"),
            anchor_images__image__stack_key=OuterRef("image__stack_key"),
        )
        return self.filter(~Exists(reserving))

    def cases(self) -> ProjectImageQuerySet:
        """What may be handed out to be read."""
        return self.current().unreserved()

    def calibrating(self) -> ProjectImageQuerySet:
        """Cases that every reader is given."""
        return self.cases().filter(is_calibration=True)


class ProjectImage(models.Model):
    """An Image taken into a Project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="project_images")
    image = models.ForeignKey("annotations.Image", on_delete=models.CASCADE, related_name="project_images")
    superseded_by = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="supersedes",
        help_text="The one with more slices of the same stack, when some arrived later.",
    )
    is_calibration = models.BooleanField(
        default=False, help_text="Mixed in among the cases of every reader, so that they can be compared."
    )
    added_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectImageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "image"], name="projectimage_unique"),
            models.CheckConstraint(
                condition=models.Q(superseded_by__isnull=True) | ~models.Q(superseded_by=models.F("pk")),
                name="projectimage_not_superseded_by_itself",
            ),
        ]

    def __str__(self) -> str:
        return f"Image {self.image_id} in {self.project}"
