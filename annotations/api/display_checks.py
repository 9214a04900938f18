"""The test of the screen: what one saw of the pattern."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations.api.requests import user_of
from annotations.devices import device_of
from annotations.errors import UnknownScreen
from annotations.models import DisplayCheck
from annotations.services.display_checks import FIELDS, PLACES, PatternAnswer, Screen, record_display_check

LARGEST_SCREEN = 100_000
HOUR_SECONDS = 3600


class PatternAnswerSerializer(serializers.Serializer[None]):
    field = serializers.IntegerField(min_value=0, max_value=len(FIELDS) - 1)
    shown = serializers.ChoiceField(choices=PLACES)
    seen = serializers.ChoiceField(choices=PLACES, allow_blank=True, help_text="Empty where nothing was seen.")


class DisplayCheckAnswersSerializer(serializers.Serializer[None]):
    answers = PatternAnswerSerializer(many=True)
    columns = serializers.IntegerField(min_value=1, max_value=LARGEST_SCREEN)
    rows = serializers.IntegerField(min_value=1, max_value=LARGEST_SCREEN)
    device_pixel_ratio = serializers.FloatField(min_value=0.1, max_value=20)
    seconds = serializers.FloatField(min_value=0, max_value=HOUR_SECONDS)


class DisplayCheckSerializer(serializers.ModelSerializer[DisplayCheck]):
    class Meta:
        model = DisplayCheck
        fields = ["id", "has_passed", "answers", "columns", "rows", "device_pixel_ratio", "seconds", "checked_at"]


class DisplayChecks(APIView):
    """GET gives one's own checks of this screen, the newest first; POST stores one."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=DisplayCheckSerializer(many=True))
    def get(self, request: Request) -> Response:
        own = DisplayCheck.objects.of_screen(user_of(request), device_of(request))
        return Response(DisplayCheckSerializer(own[:100], many=True).data)

    @extend_schema(request=DisplayCheckAnswersSerializer, responses={201: DisplayCheckSerializer})
    def post(self, request: Request) -> Response:
        asked = DisplayCheckAnswersSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        if (device := device_of(request)) is None:
            raise UnknownScreen
        fields = asked.validated_data
        check = record_display_check(
            user=user_of(request),
            device=device,
            screen=Screen(fields["columns"], fields["rows"], fields["device_pixel_ratio"]),
            answers=[PatternAnswer(**answer) for answer in fields["answers"]],
            seconds=fields["seconds"],
            now=timezone.now(),
        )
        return Response(DisplayCheckSerializer(check).data, status=status.HTTP_201_CREATED)
