"""What JSON of clients is taken."""

import json
from typing import Any

from rest_framework import serializers


class NumberField(serializers.FloatField):
    """A number: JSON's true and false are none."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


def is_storable(value: object) -> bool:
    """Whether PostgreSQL's jsonb takes it: no NaN, no NUL, no lone surrogate."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        return b"\\u0000" not in text.encode()
    except ValueError:
        return False
