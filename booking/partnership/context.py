"""What every page's template may count on."""

from django.http import HttpRequest

from booking.partnership.kept import the_partnership
from booking.partnership.models import Partnership


def partnership(request: HttpRequest) -> dict[str, Partnership]:
    """The partnership whose installation this is."""
    return {"partnership": the_partnership()}
