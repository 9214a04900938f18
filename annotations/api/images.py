"""A Project's Images, for lists. Nothing here tells what a model or a reader thinks of them."""

from django.core.files.storage import default_storage
from django.db.models import Count, QuerySet
from django.http import FileResponse, Http404, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from annotations.models import Dimension, Image, Project
from annotations.permissions import any_member


class ImageFilter(filters.FilterSet):  # type: ignore[misc]
    modality = filters.CharFilter(field_name="series__modality")
    dimension = filters.ChoiceFilter(choices=Dimension.choices)

    class Meta:
        model = Image
        fields = ["modality", "dimension"]


class ImageSerializer(serializers.ModelSerializer[Image]):
    modality = serializers.CharField(source="series.modality")
    series_description = serializers.CharField(source="series.description")
    study_instance_uid = serializers.CharField(source="series.study.study_instance_uid")
    series_instance_uid = serializers.CharField(source="series.series_instance_uid")
    slice_count = serializers.IntegerField()
    thumbnail_url = serializers.SerializerMethodField()

    class Meta:
        model = Image
        fields = [
            "id",
            "dimension",
            "modality",
            "series_description",
            "study_instance_uid",
            "series_instance_uid",
            "slice_count",
            "slice_spacing_mm",
            "row_spacing_mm",
            "column_spacing_mm",
            "plane",
            "is_localizer",
            "geometry_notes",
            "thumbnail_url",
            "created_at",
        ]

    def get_thumbnail_url(self, image: Image) -> str | None:
        return reverse("image-thumbnail", args=[image.pk]) if image.thumbnail_name else None


class ProjectImages(generics.ListAPIView[Image]):
    permission_classes = [IsAuthenticated, any_member()]
    serializer_class = ImageSerializer
    filterset_class = ImageFilter

    def get_queryset(self) -> QuerySet[Image]:
        project = Project.objects.visible_to(self.request.user).filter(slug=self.kwargs.get("slug")).first()
        images = Image.objects.in_project(project) if project else Image.objects.none()
        return images.annotate(slice_count=Count("slices")).select_related("series__study").order_by("pk")


class ImageThumbnail(APIView):
    """A small JPEG of the middle slice, in the first window."""

    @extend_schema(responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        image = get_object_or_404(Image.objects.visible_to(request.user), pk=pk)
        if not image.thumbnail_name:
            raise Http404
        response = FileResponse(default_storage.open(image.thumbnail_name, "rb"), content_type="image/jpeg")
        response["Cache-Control"] = "private, max-age=31536000, immutable"
        return response
