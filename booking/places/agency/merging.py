"""Making one agency of two that are the same, with its people, bookings and reserved places.

Every column that points to an agency is moved to the one that stays.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import transaction
from django.db.models import ForeignObjectRel, Model, Q, QuerySet

from accounts.models import Agency, User
from booking.catalogue.models import Allocation, Session, UsualAllocation
from booking.places.models import Booking
from booking.site.refusals import Refused

log = structlog.get_logger("briefed.security")


class NotTwoAgencies(Refused):
    """It is the same one, or somebody has merged them meanwhile."""

    sentence = "These are not two agencies, or not any more. Look at the list again."


@dataclass(frozen=True)
class HeldByAgency:
    """How much an agency holds, to be compared with another."""

    agency: Agency
    people: int
    confirmed: int
    leads: int
    bookings: int
    reserved: int


def held_by_agency(agency: Agency) -> HeldByAgency:
    """What would go over with this agency. Costs five statements."""
    people = User.objects.filter(agency=agency, is_active=True)
    confirmed = people.filter(agency_confirmed_at__isnull=False)
    return HeldByAgency(
        agency,
        people.count(),
        confirmed.count(),
        confirmed.filter(is_agency_lead=True).count(),
        Booking.objects.filter(agency=agency).count(),
        Allocation.objects.filter(agency=agency).count(),
    )


def merge_agencies(*, keep: Agency, other: Agency, by: User) -> None:
    """Give all of the other agency to the one that stays, and take the other off for good.

    Domains are joined, and places that both have reserved of one session are added up. People stay
    confirmed, and leads lead the agency that stays. Raises `NotTwoAgencies`.
    """
    with transaction.atomic():
        # Sessions, then people, as everywhere, each in the order of their keys; then agencies.
        both = Q(agency__in=[keep, other])
        concerned = Q(pk__in=Allocation.objects.filter(both).values("session"))
        concerned |= Q(pk__in=Booking.objects.filter(both).values("session"))
        sessions, people = Session.objects.filter(concerned), User.objects.filter(both)
        locked: tuple[QuerySet[Any], ...] = (sessions, people)
        for rows in locked:
            list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk"))
        held = Agency.objects.select_for_update().order_by("pk").in_bulk([keep.pk, other.pk])
        if len(held) < 2:
            raise NotTwoAgencies
        kept, ends = held[keep.pk], held[other.pk]
        _add_up_reserved(kept, ends)
        for model, column in columns_of_agencies():
            model._base_manager.filter(**{column: ends}).update(**{column: kept})
        ends.delete()
        kept.email_domains = list(dict.fromkeys([*kept.email_domains, *ends.email_domains]))
        kept.trainers_in_kind = kept.trainers_in_kind or ends.trainers_in_kind
        kept.is_listed = kept.is_listed or ends.is_listed
        if kept.annual_turnover_pence is None:
            kept.annual_turnover_pence = ends.annual_turnover_pence
        kept.save()
        log.info("agencies_merged", by=by.pk, kept=kept.pk, ended=other.pk)


def columns_of_agencies() -> Iterator[tuple[type[Model], str]]:
    """Every column that points to an agency."""
    for field in Agency._meta.get_fields(include_hidden=True):
        if isinstance(field, ForeignObjectRel) and not field.many_to_many:
            model: Any = field.related_model
            yield model, field.field.name


def _add_up_reserved(kept: Agency, ends: Agency) -> None:
    for model, owner in ((Allocation, "session_id"), (UsualAllocation, "course_id")):
        rows: Any = model._base_manager
        mine = {getattr(each, owner): each for each in rows.filter(agency=kept)}
        for theirs in rows.filter(agency=ends, **{f"{owner}__in": list(mine)}):
            stays = mine[getattr(theirs, owner)]
            stays.places += theirs.places
            stays.save(update_fields=["places"])
            theirs.delete()
