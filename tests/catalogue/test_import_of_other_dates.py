"""What follows the dates of a session when an import moves them."""

from datetime import UTC, date, datetime

import pytest

from booking.catalogue.importing.programme import ImportRefused
from booking.catalogue.models import Session
from booking.partnership import kept as partnership
from booking.scheduling.capacity import Reservation, reserve
from tests.catalogue.small_programme import SESSION_HEADER, Load, session_line, sessions_file
from tests.factories import make_agency

pytestmark = pytest.mark.django_db

_MARCH = "2027-03-09T09:30/2027-03-09T12:30"
_DATED = f"{SESSION_HEADER},booking_closes,minimum,decide_on"


@pytest.fixture
def session(load: Load) -> Session:
    """A session of 9 February, closing two working days before and decided on a week before."""
    partnership.change(values={"closes_days": 2}, by=None)
    load({"sessions.csv": sessions_file(session_line())})
    session = Session.objects.get(reference="S9")
    session.minimum, session.decide_on = 4, date(2027, 2, 2)
    session.save()
    reserve(session, [Reservation(places=3, agency=make_agency(), release_days=5)])
    return session


def the_moments(session: Session) -> tuple[datetime | None, date | None, datetime]:
    session.refresh_from_db()
    return session.booking_closes_at, session.decide_on, session.allocations.get().release_at


def test_what_is_as_usual_moves_with_the_dates(load: Load, session: Session) -> None:
    before = (datetime(2027, 2, 5, 17, tzinfo=UTC), date(2027, 2, 2))
    assert the_moments(session) == (*before, datetime(2027, 2, 2, 17, tzinfo=UTC))
    after = (datetime(2027, 3, 5, 17, tzinfo=UTC), date(2027, 3, 2))
    load({"sessions.csv": sessions_file(session_line(sittings=_MARCH))})
    assert the_moments(session) == (*after, datetime(2027, 3, 2, 17, tzinfo=UTC))


def test_what_an_export_wrote_of_the_old_dates_moves_too(load: Load, session: Session) -> None:
    line = f"{session_line(sittings=_MARCH)},2027-02-05T17:00,4,2027-02-02"
    load({"sessions.csv": f"{_DATED}\n{line}\n"})
    after = (datetime(2027, 3, 5, 17, tzinfo=UTC), date(2027, 3, 2))
    assert the_moments(session) == (*after, datetime(2027, 3, 2, 17, tzinfo=UTC))


def test_what_does_not_fit_the_new_dates_is_refused(load: Load, session: Session) -> None:
    session.booking_closes_at = datetime(2027, 2, 8, 12, tzinfo=UTC)
    session.save()
    january = session_line(sittings="2027-01-12T09:30/2027-01-12T12:30")
    with pytest.raises(ImportRefused, match="booking_closes: is not between"):
        load({"sessions.csv": sessions_file(january)})
