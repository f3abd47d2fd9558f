"""What a row of sessions.csv may not say: what does not fit together, and what people were told."""

import re
from collections.abc import Set
from typing import Any

from booking.catalogue.bounds import REFERENCE
from booking.catalogue.importing.sheets import Row
from booking.catalogue.models import Session
from booking.site.wording import LONDON, counted, listed

# What people with a booking have been told, by the column that sets it.
_TOLD = {
    "course": "course_code",
    "sittings": "sittings",
    "delivery": "delivery",
    "venue": "venue",
    "joining_instructions": "joining_instructions",
}
_OVER = {Session.State.CANCELLED: "cancelled", Session.State.COMPLETED: "over"}
_TOGETHER = (
    *("booking_opens_at", "booking_closes_at", "minimum", "decide_on", "capacity"),
    *("agency_limit", "starts_at"),
)


def refuse_what_does_not_fit(row: Row, wanted: dict[str, Any], found: Session | None) -> None:
    """As the forms of the desk do: what is asked of a session together; stored ones may be."""
    it = {name: wanted.get(name, getattr(found, name, None)) for name in _TOGETHER}
    if found is not None and all(it[name] == getattr(found, name) for name in it):
        return
    reference = row.cells["reference"]
    if reference and found is None and not re.fullmatch(REFERENCE, reference):
        row.refuse(
            "reference",
            f'is "{reference}"; use letters, figures, dots, hyphens and slashes, no spaces',
        )
    limit, minimum, capacity = it["agency_limit"], it["minimum"], it["capacity"]
    if limit and capacity and limit > capacity:
        row.refuse("per_agency_limit", f"is {limit}, more than the places there are")
    opens, closes, starts = it["booking_opens_at"], it["booking_closes_at"], wanted["starts_at"]
    if opens and opens >= starts:
        row.refuse("booking_opens", "is not before the session starts")
    if closes and (closes > starts or (opens and closes <= opens)):
        row.refuse("booking_closes", "is not between the opening and the start")
    if bool(minimum) != bool(it["decide_on"]):
        row.refuse("minimum", "and decide_on go together: give both or neither")
    if minimum and capacity and minimum > capacity:
        row.refuse("minimum", f"is {minimum}, more than the places there are")
    if it["decide_on"] and it["decide_on"] >= starts.astimezone(LONDON).date():
        row.refuse("decide_on", "is not before the session starts")


def refuse_what_people_must_be_told(
    row: Row, session: Session, changed: Set[str], *, guests: int
) -> None:
    """What people with a booking and so many guests were told changes on its page only."""
    state, live = Session.State(session.state), session.places_taken + session.waiting_count
    if state in _OVER:
        row.refuse("reference", f"is {session.reference}, which is {_OVER[state]}")
        return
    if "capacity" in changed and session.capacity < session.places_taken:
        taken = counted(session.places_taken, "place")
        row.refuse("capacity", f"is {session.capacity}, but {taken} of it are taken")
    told = _TOLD | ({"meeting": "join_url"} if session.sent_openly else {})
    numbers = [counted(live, "booking")] if live or not guests else []
    who = listed([*numbers, *([counted(guests, "guest")] if guests else [])])
    for field, column in told.items():
        if (live or guests) and field in changed:
            row.refuse(
                column,
                f"differs, but {session.reference} has {who};"
                " change it on its page so that people are told",
            )


def refuse_if_trainers_were_told(row: Row, session: Session) -> None:
    """Who leads a session that is not over learns of it by its page only, booked or not."""
    if session.state == Session.State.PUBLISHED:
        row.refuse(
            "trainer_email",
            f"differs, but {session.reference} is published and not over; change it on its"
            " page under Manage so that trainers and people with a place are told",
        )
