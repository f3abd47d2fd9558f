"""People whose agency was not on the list, and agencies made for them."""

from collections.abc import Iterable

from django.db import IntegrityError, models, transaction

from accounts.actions import place_in_agency
from accounts.models import Agency, User
from booking.site.refusals import Refused


class AgencyNameTaken(Refused):
    """There is an agency of this name."""

    sentence = "There is already an agency of this name. Choose it from the list."


def people_without_agency() -> models.QuerySet[User]:
    """People who wrote down an agency that is not on the list, the longest waiting first."""
    return (
        User.objects.filter(agency__isnull=True, is_active=True)
        .exclude(unlisted_agency="")
        .order_by("date_joined", "pk")
    )


def others_who_wrote_the_same(person: User) -> models.QuerySet[User]:
    """The other people without an agency who wrote what this person wrote, in any case."""
    same = people_without_agency().filter(unlisted_agency__iexact=person.unlisted_agency)
    return same.exclude(pk=person.pk)


def settle(*, people: Iterable[User], agency: Agency) -> None:
    """Put people whose agency was not listed into one that is."""
    with transaction.atomic():
        for person in people:
            place_in_agency(person=person, agency=agency)


def add_agency(*, name: str, sector: str, domain: str) -> Agency:
    """Put a new agency on the list; `domain` is that of its staff's addresses, or nothing.

    Raises `AgencyNameTaken`.
    """
    try:
        with transaction.atomic():
            return Agency.objects.create(
                name=name, sector=sector, email_domains=[domain.lower()] if domain else []
            )
    except IntegrityError as error:
        raise AgencyNameTaken from error
