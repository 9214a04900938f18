"""Django's administration: people, projects and rubrics are edited here; images and human judgement are looked at."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from annotations.models import (
    Abstention,
    AnchorImage,
    Assignment,
    Criterion,
    Finding,
    Hanging,
    Image,
    Instance,
    Job,
    Membership,
    Project,
    ProjectImage,
    Reading,
    Role,
    Rubric,
    Score,
    Series,
    Study,
    User,
)

admin.site.site_header = _("MedIQA Platform administration")
admin.site.site_title = "MedIQA Platform"
admin.site.register(User, UserAdmin)


class LookOnlyAdmin(admin.ModelAdmin[Model]):
    """What the product writes by itself is not edited by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class BlindedAdmin(LookOnlyAdmin):
    """Judgements and predictions: hidden from who reads in the Project, or reads the Image in another.

    `project_path` and `image_path` lead from the model to its Project and its Image.
    """

    project_path = "project"
    image_path = "image"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        reads_in = Project.objects.with_role(request.user, Role.READER)
        hidden = Q(**{f"{self.project_path}__in": reads_in})
        if self.image_path:
            images = ProjectImage.objects.filter(project__in=reads_in).values("image")
            hidden |= Q(**{f"{self.image_path}__in": images})
        return super().get_queryset(request).exclude(hidden)


class ProjectBlindedAdmin(BlindedAdmin):
    """What belongs to a Project as a whole."""

    image_path = ""


class OfReadingAdmin(BlindedAdmin):
    project_path = "reading__project"
    image_path = "reading__image"


class MembershipInline(admin.TabularInline[Membership, Project]):
    model = Membership
    extra = 1
    autocomplete_fields = ["user"]


@admin.register(Project)
class ProjectAdmin(admin.ModelAdmin[Project]):
    list_display = ["name", "slug", "overlap", "arm", "created_at"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}
    inlines = [MembershipInline]


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin[Membership]):
    list_display = ["user", "project", "role"]
    list_filter = ["project", "role"]
    autocomplete_fields = ["user", "project"]


class CriterionInline(admin.TabularInline[Criterion, Rubric]):
    model = Criterion
    extra = 1


@admin.register(Rubric)
class RubricAdmin(admin.ModelAdmin[Rubric]):
    """A Rubric is edited until it was read with; after that a change is a new version."""

    list_display = ["project", "version", "created_at"]
    inlines = [CriterionInline]

    def has_change_permission(self, request: HttpRequest, obj: Rubric | None = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and obj.readings.exists())

    def has_delete_permission(self, request: HttpRequest, obj: Rubric | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.readings.exists())


@admin.register(Reading)
class ReadingAdmin(BlindedAdmin):
    list_display = ["id", "project", "image", "reader", "arm", "submitted_at"]
    list_filter = ["project", "reader"]


@admin.register(Assignment)
class AssignmentAdmin(BlindedAdmin):
    list_display = ["id", "project", "image", "purpose", "priority", "reader", "submitted_at"]
    list_filter = ["project", "purpose"]


@admin.register(AnchorImage)
class AnchorImageAdmin(BlindedAdmin):
    """Chosen and taken away on the project's own page, which knows what may be."""

    list_display = ["project", "criterion", "value", "image", "created_at", "removed_at"]
    list_filter = ["project"]


@admin.register(Hanging)
class HangingAdmin(admin.ModelAdmin[Hanging]):
    list_display = ["project", "modality", "view", "layout", "window"]
    list_filter = ["project", "modality"]


@admin.register(Job)
class JobAdmin(ProjectBlindedAdmin):
    list_display = ["id", "project", "kind", "state", "phase", "done", "total", "created_at"]
    list_filter = ["kind", "state"]


@admin.register(Study)
class StudyAdmin(LookOnlyAdmin):
    """Neither here nor in the lists below: patients' keys and dates, nor anything that somebody judged."""

    list_display = ["study_instance_uid", "description", "created_at"]
    list_filter = ["created_at", "series__modality"]
    search_fields = ["study_instance_uid", "description"]


@admin.register(Series)
class SeriesAdmin(LookOnlyAdmin):
    list_display = ["series_instance_uid", "modality", "series_number", "description", "body_part_examined", "study"]
    list_filter = ["modality", "body_part_examined"]
    search_fields = ["series_instance_uid", "study__study_instance_uid", "description"]


@admin.register(Instance)
class InstanceAdmin(LookOnlyAdmin):
    list_display = ["sop_instance_uid", "series", "instance_number", "rows", "columns", "frame_count", "created_at"]
    list_filter = ["created_at", "series__modality"]
    search_fields = ["sop_instance_uid", "series__series_instance_uid", "sha256", "source_sha256"]


@admin.register(Image)
class ImageAdmin(LookOnlyAdmin):
    list_display = ["id", "series", "dimension", "plane", "is_localizer", "created_at"]
    list_filter = ["projects", "series__modality", "dimension", "plane", "is_localizer"]
    search_fields = ["=id", "series__series_instance_uid", "series__study__study_instance_uid"]


admin.site.register([Score, Abstention, Finding], OfReadingAdmin)
