"""Model versions and fine-tuning runs."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations.api.requests import user_of
from annotations.models import Role
from annotations.permissions import get_project, project_role
from annotations.queueing import enqueue_on_commit
from annotations.services.jobs import cancel_job
from inference.api.serializers import (
    FineTuneRunSerializer,
    FineTuneRunSummarySerializer,
    ModelVersionSerializer,
    RunRequestSerializer,
)
from inference.models import FineTuneRun, ModelVersion
from inference.services.finetuning import start_run
from inference.services.registry import promote, read_shipped, roll_back

TRAINS_OR_MANAGES: list[type[BasePermission]] = [IsAuthenticated, project_role(Role.ML_ENGINEER, read=(Role.MANAGER,))]


class ModelVersions(generics.ListAPIView[ModelVersion]):
    permission_classes = TRAINS_OR_MANAGES
    serializer_class = ModelVersionSerializer

    def get_queryset(self) -> QuerySet[ModelVersion]:
        visible = ModelVersion.objects.visible_to(self.request.user).filter(project__slug=self.kwargs.get("slug"))
        return visible.for_lists().select_related("promoted_by")


def described(version: ModelVersion) -> dict[str, Any]:
    """One version as the list shows it."""
    return ModelVersionSerializer(ModelVersion.objects.for_lists().get(pk=version.pk)).data


class Promotion(APIView):
    """POST puts a candidate into production, if it passed the gate."""

    permission_classes = TRAINS_OR_MANAGES

    @extend_schema(request=None, responses=ModelVersionSerializer)
    def post(self, request: Request, pk: int) -> Response:
        version = get_object_or_404(ModelVersion.objects.visible_to(request.user), pk=pk)
        self.check_object_permissions(request, version)
        promoted = promote(version=version, by=user_of(request), now=timezone.now())
        return Response(described(promoted))


class RollBack(APIView):
    """POST puts the version back that was in production before."""

    permission_classes = TRAINS_OR_MANAGES

    @extend_schema(request=None, responses=ModelVersionSerializer)
    def post(self, request: Request, slug: str) -> Response:
        project = get_project(slug, request.user)
        version = roll_back(project=project, by=user_of(request), now=timezone.now())
        return Response(described(version))


class FineTuneRuns(generics.ListAPIView[FineTuneRun]):
    """GET lists the runs (nothing to those who read here themselves); POST starts one."""

    permission_classes = TRAINS_OR_MANAGES
    serializer_class = FineTuneRunSummarySerializer

    def get_queryset(self) -> QuerySet[FineTuneRun]:
        visible = FineTuneRun.objects.visible_to(self.request.user).filter(project__slug=self.kwargs.get("slug"))
        return (
            visible.for_lists()
            .select_related("project", "job", "parent", "start", "candidate")
            .defer("parent__report", "start__report")
        )

    @extend_schema(request=RunRequestSerializer, responses={201: FineTuneRunSummarySerializer})
    def post(self, request: Request, slug: str) -> Response:
        asked = RunRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        start = read_shipped() if wanted.pop("start", None) else None
        run = start_run(project=get_project(slug, request.user), by=user_of(request), start=start, **wanted)
        enqueue_on_commit(run.job)
        return Response(FineTuneRunSummarySerializer(run).data, status=status.HTTP_201_CREATED)


class FineTuneRunView(generics.RetrieveAPIView[FineTuneRun]):
    """A run with its loss curve and its report."""

    serializer_class = FineTuneRunSerializer

    def get_queryset(self) -> QuerySet[FineTuneRun]:
        visible = FineTuneRun.objects.visible_to(self.request.user)
        return visible.select_related("project", "job", "parent", "start", "candidate", "snapshot")


class FineTuneRunCancellation(APIView):
    """POST asks a run to stop."""

    permission_classes = TRAINS_OR_MANAGES

    @extend_schema(request=None, responses=FineTuneRunSummarySerializer)
    def post(self, request: Request, pk: str) -> Response:
        run = get_object_or_404(FineTuneRun.objects.visible_to(request.user), pk=pk)
        self.check_object_permissions(request, run)
        cancel_job(job=run.job, now=timezone.now())
        run.refresh_from_db()
        return Response(FineTuneRunSummarySerializer(run).data)
