"""Findings as they are sent and shown."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from annotations.models import Finding
from annotations.services.readings import FindingMark


class FindingMarkSerializer(serializers.Serializer[None]):
    """A point, or with `width` and `height` (pixels) a box."""

    criterion = serializers.SlugField(allow_null=True, default=None)
    type = serializers.CharField(max_length=40, allow_blank=True)  # blank where the Rubric names none
    slice_index = serializers.IntegerField(min_value=0)
    x = serializers.FloatField(min_value=0)
    y = serializers.FloatField(min_value=0)
    width = serializers.FloatField(min_value=0.01, allow_null=True, default=None)
    height = serializers.FloatField(min_value=0.01, allow_null=True, default=None)
    note = serializers.CharField(max_length=500, allow_blank=True, default="")

    def validate(self, mark: dict[str, Any]) -> dict[str, Any]:
        if (mark["width"] is None) != (mark["height"] is None):
            raise serializers.ValidationError(_("A box needs both a width and a height."))
        return mark


def to_mark(fields: dict[str, Any]) -> FindingMark:
    return FindingMark(criterion_key=fields["criterion"], **{k: v for k, v in fields.items() if k != "criterion"})


class FindingSerializer(serializers.ModelSerializer[Finding]):
    criterion = serializers.CharField(source="criterion.key", default=None, read_only=True)

    class Meta:
        model = Finding
        fields = ["criterion", "type", "slice_index", "x", "y", "width", "height", "note"]
