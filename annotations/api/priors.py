"""An earlier image of the patient, beside a case."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations.api.requests import user_of
from annotations.api.worklists import assignment_for_reader
from annotations.services.cases import picture_of
from annotations.services.priors import prior_of


class PictureSerializer(serializers.Serializer[dict[str, Any]]):
    image = serializers.DictField(help_text="As in a case of the worklist.")
    instances = serializers.DictField(help_text="DICOM JSON by SOP Instance UID.")


class AssignmentPrior(APIView):
    """GET gives the earlier image that one's case may be compared with; where there is none, nothing is found."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=PictureSerializer)
    def get(self, request: Request, pk: str) -> Response:
        prior = prior_of(assignment_for_reader(request, pk), reader=user_of(request))
        if prior is None:
            raise Http404
        return Response(picture_of(prior))
