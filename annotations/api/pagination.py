"""Lists in pages of a size that the server can bear."""

from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request

LARGEST_OFFSET = 2**31 - 1


class Pages(LimitOffsetPagination):
    """`?limit=` up to 1000 and `?offset=`; what is larger counts as the largest."""

    max_limit = 1000

    def get_offset(self, request: Request) -> int:
        return min(super().get_offset(request), LARGEST_OFFSET)
