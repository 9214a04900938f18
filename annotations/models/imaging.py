from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from annotations.models.project import Project, ProjectImage
from annotations.models.user import User


def original_name(sha256: str) -> str:
    """Storage name of an object's original bytes."""
    return f"originals/{sha256[:2]}/{sha256}"


def source_name(sha256: str) -> str:
    """Storage name of a file that was wrapped as DICOM, as it was sent."""
    return f"sources/{sha256[:2]}/{sha256}"


def frame_name(sha256: str, frame_number: int) -> str:
    """Storage name of one stored frame of the object with these original bytes; DICOM counts frames from 1."""
    return f"frames/{sha256[:2]}/{sha256}/{frame_number}"


class StudyQuerySet(models.QuerySet["Study"]):
    def visible_to(self, user: User | AnonymousUser) -> StudyQuerySet:
        """Studies with an Image in one of the user's Projects."""
        return self.filter(Exists(Image.objects.visible_to(user).filter(series__study=OuterRef("pk"))))


class Study(models.Model):
    study_instance_uid = models.CharField(max_length=64, unique=True)
    patient_key = models.CharField(
        max_length=64,
        db_index=True,
        help_text="Keyed hash of the patient's identifier: keeps a patient's Images together, names nobody.",
    )
    study_date = models.DateField(null=True, blank=True)
    description = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = StudyQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "studies"

    def __str__(self) -> str:
        return f"Study {self.pk}"


class SeriesQuerySet(models.QuerySet["Series"]):
    def visible_to(self, user: User | AnonymousUser) -> SeriesQuerySet:
        return self.filter(Exists(Image.objects.visible_to(user).filter(series=OuterRef("pk"))))


class Series(models.Model):
    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="series")
    series_instance_uid = models.CharField(max_length=64, unique=True)
    modality = models.CharField(max_length=16, db_index=True)
    series_number = models.IntegerField(null=True, blank=True)
    description = models.CharField(max_length=64, blank=True)
    body_part_examined = models.CharField(max_length=16, blank=True)

    objects = SeriesQuerySet.as_manager()

    class Meta:
        ordering = ["study", "series_number", "pk"]
        verbose_name_plural = "series"

    def __str__(self) -> str:
        return f"{self.modality} series {self.pk}"


class InstanceQuerySet(models.QuerySet["Instance"]):
    def visible_to(self, user: User | AnonymousUser) -> InstanceQuerySet:
        """Instances that contribute a slice to a visible Image."""
        slices = ImageSlice.objects.filter(image__in=Image.objects.visible_to(user))
        return self.filter(Exists(slices.filter(instance=OuterRef("pk"))))


class Instance(models.Model):
    """One DICOM object: its original bytes (content-addressed), and its frames as the viewer is served them."""

    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="instances")
    sop_instance_uid = models.CharField(max_length=64, unique=True)
    sop_class_uid = models.CharField(max_length=64)
    transfer_syntax_uid = models.CharField(max_length=64, help_text="Of the original bytes.")
    instance_number = models.IntegerField(null=True, blank=True)
    rows = models.PositiveIntegerField()
    columns = models.PositiveIntegerField()
    frame_count = models.PositiveIntegerField()
    sha256 = models.CharField(
        max_length=64, db_index=True, help_text="Of the original bytes, which lie in storage under this name."
    )
    byte_size = models.PositiveBigIntegerField()
    source_sha256 = models.CharField(
        max_length=64,
        blank=True,
        db_index=True,
        help_text="Of the PNG, JPEG, TIFF or NIfTI that was wrapped, if so; the original bytes are the wrapped object.",
    )
    metadata = models.JSONField(help_text="DICOM JSON of the object as its stored frames are served; no identifiers.")
    frame_format = models.JSONField(
        default=dict, help_text="annotations.dicom.frames.FrameFormat of the stored frames."
    )
    slice_headers = models.JSONField(
        default=list, help_text="annotations.dicom.geometry.SliceHeader of each frame: what the Series is grouped by."
    )
    overlays = models.JSONField(
        default=dict,
        blank=True,
        help_text="annotations.dicom.overlays: what is drawn over the frames.",
    )
    display = models.JSONField(default=dict, help_text="annotations.dicom.windows.Display: windows, inversion.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = InstanceQuerySet.as_manager()

    class Meta:
        ordering = ["series", "instance_number", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(rows__gt=0, columns__gt=0), name="instance_has_pixels"),
            models.CheckConstraint(condition=Q(frame_count__gt=0), name="instance_has_frames"),
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="instance_sha256_is_hex"),
        ]

    def __str__(self) -> str:
        return f"Instance {self.pk}"

    @property
    def original_name(self) -> str:
        return original_name(self.sha256)

    def frame_name(self, frame_number: int) -> str:
        return frame_name(self.sha256, frame_number)

    def object_names(self) -> list[str]:
        """Storage names of the original and of all frames."""
        return [self.original_name, *(self.frame_name(number + 1) for number in range(self.frame_count))]


class PhysicalParameters(models.Model):
    """How an Instance was acquired: typed columns with units in their names, empty where the header is silent.

    The columns are the fields of `annotations.dicom.physical.PhysicalParameters`, which names their DICOM attributes.
    """

    instance = models.OneToOneField(
        Instance, on_delete=models.CASCADE, primary_key=True, related_name="physical_parameters"
    )
    tube_voltage_kv = models.FloatField(null=True, blank=True)
    tube_current_ma = models.FloatField(null=True, blank=True)
    exposure_mas = models.FloatField(null=True, blank=True)
    exposure_time_ms = models.FloatField(null=True, blank=True)
    ctdi_vol_mgy = models.FloatField(null=True, blank=True)
    pitch = models.FloatField(null=True, blank=True)
    total_collimation_width_mm = models.FloatField(null=True, blank=True)
    revolution_time_s = models.FloatField(null=True, blank=True)
    gantry_tilt_degrees = models.FloatField(null=True, blank=True)
    convolution_kernel = models.CharField(max_length=64, blank=True)
    reconstruction_diameter_mm = models.FloatField(null=True, blank=True)
    slice_thickness_mm = models.FloatField(null=True, blank=True)
    spacing_between_slices_mm = models.FloatField(null=True, blank=True)
    row_spacing_mm = models.FloatField(null=True, blank=True)
    column_spacing_mm = models.FloatField(null=True, blank=True)
    field_strength_t = models.FloatField(null=True, blank=True)
    echo_time_ms = models.FloatField(null=True, blank=True)
    repetition_time_ms = models.FloatField(null=True, blank=True)
    inversion_time_ms = models.FloatField(null=True, blank=True)
    flip_angle_deg = models.FloatField(null=True, blank=True)
    averages = models.FloatField(null=True, blank=True)
    echo_train_length = models.FloatField(null=True, blank=True)
    pixel_bandwidth_hz = models.FloatField(null=True, blank=True)
    parallel_reduction_factor = models.FloatField(null=True, blank=True)
    percent_sampling = models.FloatField(null=True, blank=True)
    b_value_s_mm2 = models.FloatField(null=True, blank=True)
    scanning_sequence = models.CharField(max_length=64, blank=True)
    sequence_name = models.CharField(max_length=64, blank=True)
    exposure_index = models.FloatField(null=True, blank=True)
    target_exposure_index = models.FloatField(null=True, blank=True)
    deviation_index = models.FloatField(null=True, blank=True)
    entrance_dose_mgy = models.FloatField(null=True, blank=True)
    body_part_thickness_mm = models.FloatField(null=True, blank=True)
    compression_force_n = models.FloatField(null=True, blank=True)
    distance_source_to_detector_mm = models.FloatField(null=True, blank=True)
    grid = models.CharField(max_length=64, blank=True)
    filter_material = models.CharField(max_length=64, blank=True)
    transducer_frequency_mhz = models.FloatField(null=True, blank=True)
    depth_of_scan_mm = models.FloatField(null=True, blank=True)
    mechanical_index = models.FloatField(null=True, blank=True)
    frame_time_ms = models.FloatField(null=True, blank=True)
    actual_frame_duration_ms = models.FloatField(null=True, blank=True)
    lossy_compression_ratio = models.FloatField(null=True, blank=True)
    manufacturer = models.CharField(max_length=64, blank=True)
    model_name = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name_plural = "physical parameters"

    def __str__(self) -> str:
        return f"Physical parameters of instance {self.instance_id}"


class Dimension(models.TextChoices):
    TWO = "2D", _("2-D image")
    THREE = "3D", _("3-D volume")


class ImageQuerySet(models.QuerySet["Image"]):
    def visible_to(self, user: User | AnonymousUser) -> ImageQuerySet:
        """Images of the Projects of which the user is a member. Says nothing of scores: see Reading, Prediction."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(
            Exists(ProjectImage.objects.filter(image=OuterRef("pk"), project__in=Project.objects.visible_to(user)))
        )

    def in_project(self, project: Project) -> ImageQuerySet:
        """The Project's Images, without those that were replaced by one with more slices of the same stack."""
        return self.filter(Exists(ProjectImage.objects.current().filter(image=OuterRef("pk"), project=project)))

    def cases_of(self, project: Project) -> ImageQuerySet:
        """Those of them that may be handed out to be read: all but anchor images."""
        return self.filter(Exists(ProjectImage.objects.cases().filter(image=OuterRef("pk"), project=project)))


class Image(models.Model):
    """What is judged: one 2-D image, or one 3-D volume.

    An Image never changes: slices that arrive later give a new Image, which supersedes it in the Projects that took
    them (see ProjectImage). Projects that took the same slices share the Image and all that is computed from it.
    """

    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="images")
    stack_key = models.CharField(max_length=200, help_text="Which stack of the Series, whatever the order of arrival.")
    content_sha256 = models.CharField(max_length=64, help_text="Of the ordered slices.")
    dimension = models.CharField(max_length=2, choices=Dimension)
    row_spacing_mm = models.FloatField(null=True, blank=True)
    column_spacing_mm = models.FloatField(null=True, blank=True)
    slice_spacing_mm = models.FloatField(null=True, blank=True)
    plane = models.CharField(max_length=10, blank=True, help_text="axial, coronal, sagittal, oblique, or unknown.")
    is_localizer = models.BooleanField(default=False)
    gantry_tilt_degrees = models.FloatField(null=True, blank=True)
    frame_seconds = models.FloatField(null=True, blank=True, help_text="For cine: time from one frame to the next.")
    geometry_notes = models.JSONField(default=list, blank=True, help_text="Gaps, gantry tilt, duplicates: sentences.")
    windows = models.JSONField(default=list, blank=True, help_text='[{"name", "center", "width"}], the first is shown.')
    is_inverted = models.BooleanField(default=False)
    thumbnail_name = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ImageQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["series", "stack_key", "content_sha256"], name="image_content_unique"),
            models.CheckConstraint(condition=Q(dimension__in=Dimension.values), name="image_dimension_known"),
        ]

    def __str__(self) -> str:
        return f"Image {self.pk}"


class ImageSlice(models.Model):
    """The place of one frame in an Image, in the order of the stack."""

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="slices")
    index = models.PositiveIntegerField()
    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="slices")
    frame_number = models.PositiveIntegerField(default=1)
    position_mm = models.FloatField(null=True, blank=True, help_text="Along the stack's normal.")

    class Meta:
        ordering = ["image", "index"]
        constraints = [
            models.UniqueConstraint(fields=["image", "index"], name="imageslice_index_unique"),
            models.CheckConstraint(condition=Q(frame_number__gte=1), name="imageslice_frame_number_from_one"),
        ]

    def __str__(self) -> str:
        return f"Slice {self.index} of image {self.image_id}"
