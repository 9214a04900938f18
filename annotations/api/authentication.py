"""Who asks: by the session of the browser, which other people may use as well."""

from typing import Any
from urllib.parse import unquote

from django.utils.translation import gettext as _
from drf_spectacular.authentication import SessionScheme
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

PAGE_OF = "X-Page-Of"


class PageSession(SessionAuthentication):
    """A session, if it is still that of the person whom the page was made for.

    A page that stays open says whose it is in the header `X-Page-Of` (percent-encoded): when somebody else has signed
    in at the same browser since, nothing that it sends is stored as theirs, and nothing of theirs is shown in it.
    """

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        found = super().authenticate(request)
        page_of = request.headers.get(PAGE_OF)
        if found is not None and page_of is not None and unquote(page_of) != found[0].get_username():
            raise AuthenticationFailed(_("Somebody else is signed in at this browser."))
        return found


class PageSessionScheme(SessionScheme):  # type: ignore[no-untyped-call]
    """In the API's description; `cookieAuth` is the session of whatever page."""

    target_class = "annotations.api.authentication.PageSession"
    name = "pageSession"
