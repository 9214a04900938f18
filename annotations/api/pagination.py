"""Lists in pages of a size that the server can bear."""

from rest_framework.pagination import LimitOffsetPagination


class Pages(LimitOffsetPagination):
    """`?limit=` up to 1000 and `?offset=`; a larger limit counts as 1000, and an offset past the end shows nothing."""

    max_limit = 1000
