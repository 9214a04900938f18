"""Anchor images, to be looked at beside a case. Managers choose them on a page of their own."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations.models import AnchorImage
from annotations.services.cases import picture_of


class AnchorPictureSerializer(serializers.Serializer[dict[str, Any]]):
    criterion = serializers.CharField()
    value = serializers.FloatField(help_text="The level that it shows.")
    image = serializers.DictField(help_text="As in a case of the worklist.")
    instances = serializers.DictField(help_text="DICOM JSON by SOP Instance UID.")


class AnchorImageDetail(APIView):
    """An anchor image as the viewer draws it, for the members of its Project; the manager's level and no other's."""

    @extend_schema(responses=AnchorPictureSerializer)
    def get(self, request: Request, pk: int) -> Response:
        visible = AnchorImage.objects.visible_to(request.user).shown()
        anchor = get_object_or_404(visible.select_related("criterion", "image__series__study"), pk=pk)
        picture = picture_of(anchor.image)
        return Response({"criterion": anchor.criterion.key, "value": anchor.value, **picture})
