"""Projects, and how far they are."""

from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations.models import Project, Role
from annotations.permissions import get_project, project_role
from annotations.services.agreement import agreement_of, counted_for
from annotations.services.progress import progress_of


class ProjectSerializer(serializers.ModelSerializer[Project]):
    roles = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="Of who asks.")

    class Meta:
        model = Project
        fields = ["slug", "name", "description", "overlap", "roles"]


class ProjectList(generics.ListAPIView[Project]):
    serializer_class = ProjectSerializer

    def get_queryset(self) -> QuerySet[Project]:
        return Project.objects.visible_to(self.request.user).with_roles_of(self.request.user)


class ProjectDetail(generics.RetrieveAPIView[Project]):
    serializer_class = ProjectSerializer
    lookup_field = "slug"

    def get_queryset(self) -> QuerySet[Project]:
        return Project.objects.visible_to(self.request.user).with_roles_of(self.request.user)


class ReaderProgressSerializer(serializers.Serializer[None]):
    username = serializers.CharField()
    done = serializers.IntegerField()
    mean_active_seconds = serializers.FloatField(allow_null=True)


class DayProgressSerializer(serializers.Serializer[None]):
    day = serializers.DateField()
    done = serializers.IntegerField()


class RepeatsSerializer(serializers.Serializer[None]):
    count = serializers.IntegerField(help_text="Cases that a reader was given twice.")
    same = serializers.FloatField(allow_null=True, help_text="Share with the same score.")
    within_one_step = serializers.FloatField(allow_null=True)
    shift = serializers.FloatField(allow_null=True, help_text="Mean of second minus first score.")


class ReaderAgreementSerializer(serializers.Serializer[None]):
    username = serializers.CharField()
    image_count = serializers.IntegerField(help_text="Images that others have read too.")
    offset = serializers.FloatField(allow_null=True, help_text="Mean of their score minus the others' mean.")
    repeats = RepeatsSerializer()


class AgreementSerializer(serializers.Serializer[None]):
    criterion = serializers.CharField()
    image_count = serializers.IntegerField()
    alpha = serializers.FloatField(allow_null=True, help_text="Krippendorff's alpha, interval distance.")
    within_one_step = serializers.FloatField(allow_null=True)
    repeats = RepeatsSerializer()
    by_reader = ReaderAgreementSerializer(many=True)


class ProgressSerializer(serializers.Serializer[dict[str, Any]]):
    images = serializers.IntegerField()
    images_read = serializers.IntegerField()
    images_left = serializers.IntegerField()
    assignments_done = serializers.IntegerField()
    assignments_leased = serializers.IntegerField()
    assignments_open = serializers.IntegerField()
    by_reader = ReaderProgressSerializer(many=True)
    by_day = DayProgressSerializer(many=True)
    agreement = AgreementSerializer(many=True)


class ProjectProgress(APIView):
    permission_classes = [IsAuthenticated, project_role(read=(Role.MANAGER, Role.ML_ENGINEER))]

    @extend_schema(responses=ProgressSerializer)
    def get(self, request: Request, slug: str) -> Response:
        project = get_project(slug, request.user)
        progress: dict[str, Any] = asdict(progress_of(project, now=timezone.now()))
        figures = agreement_of(project, readings=counted_for(request.user, project))
        agreement = [asdict(figure) | {"criterion": figure.criterion.key} for figure in figures]
        return Response(ProgressSerializer({**progress, "agreement": agreement}).data)
