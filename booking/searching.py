"""What somebody searched for."""

from django.http import HttpRequest

_SEARCH_LENGTH = 100


def search_text(request: HttpRequest, name: str = "q") -> str:
    """What a search field asks for; PostgreSQL takes no NUL."""
    return request.GET.get(name, "").replace("\0", "").strip()[:_SEARCH_LENGTH]
