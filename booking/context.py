"""What every page's template may count on."""

from django.conf import settings
from django.http import HttpRequest


def partnership(request: HttpRequest) -> dict[str, str]:
    """The name of the partnership whose installation this is."""
    return {"partnership_name": settings.PARTNERSHIP_NAME}
