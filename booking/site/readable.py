"""What no page can mean is refused before a view sees it, so that it never breaks one."""

import re
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import register_converter

_METHODS = ("GET", "HEAD", "POST")
# A file of a session, and room to say in a sentence that one is too large. Django caps forms, but
# spools files of any size to the disk before anybody asks who sends them.
MOST_SENT = 25_000_000
_NUL = re.compile("%00|\0")


class KeyConverter:
    """The key of a row in an address, `<key:session_id>`: as many digits as PostgreSQL can hold.

    Django's own `int` takes any number, which the database then refuses.
    """

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        """The key."""
        return int(value)

    def to_url(self, value: int) -> str:
        """As it stands in an address."""
        return str(value)


register_converter(KeyConverter, "key")


def key_in(typed: str) -> int | None:
    """The key of a row, or another number, in a query or a form, as `KeyConverter` takes it."""
    return int(typed) if re.fullmatch(KeyConverter.regex, typed) else None


def _length_of(request: HttpRequest) -> int:
    """As Django reads it, which takes anything else for nothing and reads no byte of it."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0


def only_readable(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Look, or send a form: the site knows nothing else. PostgreSQL holds no NUL.

    A path with one is not there; in a query a space stands for it. What is far too large is not
    read, nor is a query of more parts than Django takes, by whatever tells of it. Raises
    `RequestDataTooBig` and `TooManyFieldsSent`.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method not in _METHODS:
            return HttpResponseNotAllowed(_METHODS)
        if "\0" in request.path_info:
            raise Http404
        if _length_of(request) > MOST_SENT:
            raise RequestDataTooBig
        if (
            request.META.get("QUERY_STRING", "").count("&")
            >= settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        ):
            request.META["QUERY_STRING"] = ""
            raise TooManyFieldsSent
        request.META["QUERY_STRING"] = _NUL.sub("%20", request.META.get("QUERY_STRING", ""))
        return get_response(request)

    return middleware
