"""Plain makers of people, courses and sessions for tests."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from allauth.account.models import EmailAddress

from accounts.models import Agency, Sector, User
from booking.catalogue.models import CancellationPolicy, ChargeBand, Course, Session, Sitting, Venue
from booking.site.sealing import Sealed
from booking.site.wording import LONDON

# A Tuesday morning in winter; sessions made without a start lie three weeks ahead of it.
NOW = datetime(2027, 1, 12, 9, 0, tzinfo=UTC)
# One day for all tests of a process, also where they run past midnight.
_TODAY = datetime.now(LONDON)

_number = count(1)


def in_days(days: int, hour: int, minute: int = 0) -> datetime:
    """A time of day in London, so many days from today."""
    return _TODAY.replace(hour=hour, minute=minute, second=0, microsecond=0) + timedelta(days=days)


def morning(days: int) -> datetime:
    """Half past nine in London so many days from today: a session then ends the day it starts."""
    return in_days(days, 9, 30)


def make_agency(
    name: str = "", *, sector: str = Sector.POLICE, domains: Sequence[str] = (), **fields: Any
) -> Agency:
    """An agency; without domains nobody's address says they work there."""
    return Agency.objects.create(
        name=name or f"Agency {next(_number)}", sector=sector, email_domains=list(domains), **fields
    )


def make_person(email: str = "", **fields: Any) -> User:
    """A practitioner with a complete profile, a verified address and a confirmed agency."""
    number = next(_number)
    fields.setdefault("first_name", f"Person{number}")
    fields.setdefault("last_name", "Ahmed")
    fields.setdefault("job_title", "Social worker")
    if "agency" not in fields:
        fields["agency"] = make_agency()
    if fields["agency"] is not None:
        fields.setdefault("agency_confirmed_at", NOW)
    person = User.objects.create_user(email or f"person{number}@agency.example", **fields)
    EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
    return person


def make_claimant(email: str = "", **fields: Any) -> User:
    """Somebody who only says that they work for their agency."""
    return make_person(email, agency_confirmed_at=None, **fields)


def make_trainer(email: str = "", **fields: Any) -> User:
    """Somebody who leads sessions."""
    return make_person(email, is_trainer=True, **fields)


def make_coordinator(email: str = "", **fields: Any) -> User:
    """One of the partnership's staff."""
    return make_person(email, is_coordinator=True, **fields)


def make_lead(email: str = "", **fields: Any) -> User:
    """Somebody who sees and books for their own agency's people."""
    return make_person(email, is_agency_lead=True, **fields)


def make_venue(name: str = "", **fields: Any) -> Venue:
    """A venue in Leeds."""
    fields.setdefault("address", "263 Chapeltown Road, Leeds, LS7 3EX")
    return Venue.objects.create(name=name or f"Venue {next(_number)}", **fields)


def make_course(code: str = "", **fields: Any) -> Course:
    """A training course."""
    number = next(_number)
    fields.setdefault("title", f"Course {number}")
    fields.setdefault("kind", Course.Kind.TRAINING)
    return Course.objects.create(code=code or f"C{number}", **fields)


def make_policy(
    name: str = "", *, notice_days: int = 5, late: int = 0, absent: int = 0, **fields: Any
) -> CancellationPolicy:
    """Rules of cancelling: free until so many working days before; then so many pence, if any."""
    policy = CancellationPolicy.objects.create(
        name=name or f"Policy {next(_number)}", notice_days=notice_days, **fields
    )
    for occasion, pence in (("late", late), ("absent", absent)):
        if pence:
            ChargeBand.objects.create(policy=policy, occasion=occasion, pence=pence)
    return policy


def make_session(
    *,
    course: Course | None = None,
    capacity: int = 20,
    starts_at: datetime | None = None,
    sittings: Sequence[tuple[datetime, datetime]] = (),
    trainers: Sequence[User] = (),
    **fields: Any,
) -> Session:
    """A published session in person, of one sitting of three hours unless told otherwise."""
    first = starts_at or NOW + timedelta(days=21)
    times = list(sittings) or [(first, first + timedelta(hours=3))]
    fields.setdefault("state", Session.State.PUBLISHED)
    fields["meeting"] = Sealed.of(fields.get("meeting", ""))
    if fields.get("delivery") != Session.Delivery.ONLINE and "venue" not in fields:
        fields["venue"] = make_venue()
    session = Session.objects.create(
        reference=fields.pop("reference", f"T{next(_number)}"),
        course=course or make_course(),
        capacity=capacity,
        starts_at=times[0][0],
        ends_at=times[-1][1],
        **fields,
    )
    Sitting.objects.bulk_create(
        [Sitting(session=session, starts_at=starts, ends_at=ends) for starts, ends in times]
    )
    session.trainers.set(trainers)
    return session


def session_ahead(days: int = 21, /, **fields: Any) -> Session:
    """As `make_session`, in the morning so many days from today."""
    return make_session(**{"starts_at": morning(days), **fields})
