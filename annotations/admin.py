"""Django's administration: people, projects and rubrics are edited here; images and human judgement are looked at."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import Model
from django.http import HttpRequest

from annotations.models import (
    Assignment,
    Criterion,
    Finding,
    Image,
    Instance,
    Job,
    Membership,
    Project,
    Reading,
    Rubric,
    Score,
    Series,
    Study,
    User,
)

admin.site.site_header = "MedIQA Platform administration"
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
class ReadingAdmin(LookOnlyAdmin):
    list_display = ["id", "project", "image", "reader", "arm", "submitted_at"]
    list_filter = ["project", "reader"]


@admin.register(Assignment)
class AssignmentAdmin(LookOnlyAdmin):
    list_display = ["id", "project", "image", "purpose", "priority", "reader", "submitted_at"]
    list_filter = ["project", "purpose"]


@admin.register(Job)
class JobAdmin(LookOnlyAdmin):
    list_display = ["id", "project", "kind", "state", "phase", "done", "total", "created_at"]
    list_filter = ["kind", "state"]


for model in (Study, Series, Instance, Image, Score, Finding):
    admin.site.register(model, LookOnlyAdmin)
