"""Pre-scoring, Predictions, and the batches to be read."""

from django.db.models import QuerySet
from django.utils import timezone
from django_filters.rest_framework import FilterSet, NumberFilter
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations.api.jobs import JobSerializer
from annotations.api.requests import user_of
from annotations.models import Role
from annotations.permissions import any_member, get_project, project_role
from annotations.queueing import enqueue_on_commit
from inference.api.serializers import (
    AcquisitionBatchDetailSerializer,
    AcquisitionBatchSerializer,
    PredictionSerializer,
    SelectionRequestSerializer,
)
from inference.models import AcquisitionBatch, Prediction
from inference.services.scoring import start_prescoring
from inference.services.selection import select_batch


class Prescorings(APIView):
    """POST starts a pre-scoring of all Images that production has not scored."""

    permission_classes = [IsAuthenticated, project_role(Role.MANAGER, Role.ML_ENGINEER)]

    @extend_schema(request=None, responses={201: JobSerializer})
    def post(self, request: Request, slug: str) -> Response:
        project = get_project(slug, request.user)
        job = start_prescoring(project=project, by=user_of(request), now=timezone.now())
        enqueue_on_commit(job)
        return Response(JobSerializer(job).data, status=status.HTTP_201_CREATED)


class AcquisitionBatches(generics.ListAPIView[AcquisitionBatch]):
    """GET lists the batches (nothing to those who read here themselves); POST selects one."""

    permission_classes = [IsAuthenticated, project_role(Role.MANAGER, Role.ML_ENGINEER)]
    serializer_class = AcquisitionBatchSerializer

    def get_queryset(self) -> QuerySet[AcquisitionBatch]:
        visible = AcquisitionBatch.objects.visible_to(self.request.user).filter(project__slug=self.kwargs.get("slug"))
        return visible.select_related("model_version", "project")

    @extend_schema(request=SelectionRequestSerializer, responses={201: AcquisitionBatchSerializer})
    def post(self, request: Request, slug: str) -> Response:
        asked = SelectionRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        batch = select_batch(project=get_project(slug, request.user), by=user_of(request), **asked.validated_data)
        return Response(AcquisitionBatchSerializer(batch).data, status=status.HTTP_201_CREATED)


class AcquisitionBatchView(generics.RetrieveAPIView[AcquisitionBatch]):
    """A batch with its Images, their purposes, and the reason of each."""

    serializer_class = AcquisitionBatchDetailSerializer

    def get_queryset(self) -> QuerySet[AcquisitionBatch]:
        visible = AcquisitionBatch.objects.visible_to(self.request.user)
        return visible.select_related("model_version", "project").prefetch_related("items")


class PredictionFilter(FilterSet):  # type: ignore[misc]
    image = NumberFilter(field_name="image_id")
    model_version__number = NumberFilter()


@extend_schema(parameters=[OpenApiParameter("image", int), OpenApiParameter("model_version__number", int)])
class Predictions(generics.ListAPIView[Prediction]):
    """Predictions of the Project's Images, newest first, as far as blinding lets the user see them."""

    permission_classes = [IsAuthenticated, any_member()]
    serializer_class = PredictionSerializer
    filterset_class = PredictionFilter

    def get_queryset(self) -> QuerySet[Prediction]:
        visible = Prediction.objects.visible_to(self.request.user).filter(project__slug=self.kwargs.get("slug"))
        return visible.select_related("model_version").prefetch_related("criteria__criterion")
