"""Venues as they are kept; people are told of another name or address by `booking.places`."""

from dataclasses import dataclass

from django.db import IntegrityError, transaction

from booking.catalogue.editing import EditRefused
from booking.catalogue.models import Venue


class VenueNameTaken(EditRefused):
    """Another venue has this name."""

    sentence = "Another venue has this name. Choose a different one."


@dataclass(frozen=True, kw_only=True)
class VenuePlan:
    """Everything about a venue."""

    name: str
    address: str
    getting_there: str


def add_venue(*, plan: VenuePlan) -> Venue:
    """A new venue, where nothing is held yet. Raises `VenueNameTaken`."""
    venue = Venue()
    store_venue(venue=venue, plan=plan)
    return venue


def store_venue(*, venue: Venue, plan: VenuePlan) -> None:
    """Write the venue down as planned. Raises `VenueNameTaken`."""
    venue.name, venue.address = plan.name, plan.address
    venue.getting_there = plan.getting_there
    try:
        with transaction.atomic():
            venue.save()
    except IntegrityError as error:
        raise VenueNameTaken from error
