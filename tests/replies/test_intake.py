"""What follows from each kind of mail, and what never does."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from booking.outbox.models import Message
from booking.places.models import Booking
from booking.replies.models import CalendarReply
from tests.factories import NOW, make_person, make_session
from tests.mail.letters import make_booking, part, post, read, written
from tests.replies import letters
from tests.replies.receiving import confirmation_of, receive, why_listed

pytestmark = pytest.mark.django_db


def reminders_of_the_place() -> list[Message]:
    return list(Message.objects.filter(topic="booking.declined_in_calendar"))


# --- answers of calendars ---


@pytest.mark.parametrize("partstat", ["ACCEPTED", "TENTATIVE"])
def test_an_answer_is_recorded_on_the_booking(partstat: str) -> None:
    booking = make_booking()
    assert receive(letters.google_reply(booking, partstat, sequence="3"))
    reply = CalendarReply.objects.get()
    assert (reply.booking, reply.partstat, reply.sequence) == (booking, partstat.lower(), 0)
    assert reply.sitting == booking.session.sittings.get()
    assert reply.at == NOW
    assert reply.message_id.startswith("<g1@mail.gmail.com> ")
    assert reminders_of_the_place() == []


@pytest.mark.parametrize("answer", [letters.outlook_reply, letters.google_reply])
def test_whoever_declines_keeps_the_place_and_is_told_how_to_cancel(
    answer: Callable[[Booking, str], bytes],
) -> None:
    booking = make_booking()
    assert receive(answer(booking, "DECLINED"))
    booking.refresh_from_db()
    assert booking.state == Booking.State.CONFIRMED
    [message] = reminders_of_the_place()
    assert message.to_email == booking.person.email
    mail = read(written(message))
    assert "still booked" in str(mail["Subject"])
    assert mail["Auto-Submitted"] == "auto-generated"
    words = part(mail, "text/plain")
    assert f"Cancel your place here: http://testserver/bookings/{booking.pk}/" in words
    assert "Please cancel before the session starts" in words


def test_the_same_mail_again_changes_nothing() -> None:
    booking = make_booking()
    mail = letters.google_reply(booking, "DECLINED")
    assert [receive(mail) for _ in range(3)] == [True, True, True]
    assert CalendarReply.objects.count() == 1
    assert len(reminders_of_the_place()) == 1


def test_a_person_is_told_once_a_decline() -> None:
    booking = make_booking()
    for number, partstat in enumerate(["DECLINED", "DECLINED", "ACCEPTED", "DECLINED"]):
        receive(letters.google_reply(booking, partstat, message_id=f"<{number}@mail.example>"))
    assert CalendarReply.objects.count() == 4
    assert len(reminders_of_the_place()) == 2


def test_each_date_of_a_session_is_answered_by_itself() -> None:
    session = make_session(
        sittings=[(NOW + timedelta(days=d), NOW + timedelta(days=d, hours=3)) for d in (20, 27)]
    )
    booking = make_booking(session)
    second = session.sittings.all()[1]
    uid = f"{booking.calendar_key}-{second.pk}@briefed.example"
    receive(letters.google_reply(booking, "DECLINED", uid=uid))
    receive(letters.google_reply(booking, "DECLINED", message_id="<2@mail.example>"))
    assert {reply.sitting for reply in CalendarReply.objects.all()} == set(session.sittings.all())
    first_told = read(written(reminders_of_the_place()[0]))
    assert "which is for all 2 dates" in part(first_told, "text/plain")


def test_nobody_is_told_that_an_ended_booking_is_kept() -> None:
    booking = make_booking(state=Booking.State.CANCELLED)
    assert receive(letters.google_reply(booking, "DECLINED"))
    assert CalendarReply.objects.count() == 1
    assert reminders_of_the_place() == []


def test_nobody_is_told_once_the_session_has_begun() -> None:
    booking = make_booking(make_session(starts_at=NOW - timedelta(hours=1)))
    assert receive(letters.google_reply(booking, "DECLINED"))
    assert reminders_of_the_place() == []


def test_the_answer_of_a_program_is_never_answered() -> None:
    booking = make_booking()
    mail = letters.google_reply(booking, "DECLINED", auto_submitted="auto-replied (rejected)")
    assert receive(mail)
    assert CalendarReply.objects.get().partstat == "declined"
    assert reminders_of_the_place() == []


def test_the_answer_for_an_address_we_wrote_to_counts() -> None:
    booking = make_booking()
    [message, *_] = post(confirmation_of(booking))
    Message.objects.filter(pk=message.pk).update(to_email="corrected@agency.example")
    assert receive(letters.google_reply(booking, "ACCEPTED", attendee="Corrected@agency.example"))
    assert CalendarReply.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"attendee": "stranger@elsewhere.example"}, "of another person"),
        ({"uid": "a" * 24 + "-1@briefed.example"}, "none of ours"),
        ({"uid": "nonsense"}, "none of ours"),
        ({"uid": ""}, "none of ours"),
    ],
)
def test_an_answer_that_may_not_count_is_listed(changes: dict[str, str], why: str) -> None:
    booking = make_booking()
    assert not receive(letters.google_reply(booking, "DECLINED", **changes))
    assert not CalendarReply.objects.exists()
    assert reminders_of_the_place() == []
    assert why in why_listed()


def test_another_persons_own_answer_does_not_count_for_this_booking() -> None:
    booking, other = make_booking(), make_person()
    assert not receive(letters.google_reply(booking, "DECLINED", attendee=other.email))
    assert not CalendarReply.objects.exists()


@pytest.mark.parametrize("partstat", ["DELEGATED", "NEEDS-ACTION", "COMPLETED"])
def test_an_answer_that_says_nothing_to_us_is_listed(partstat: str) -> None:
    assert not receive(letters.google_reply(make_booking(), partstat))
    assert partstat in why_listed()


@pytest.mark.parametrize("method", ["REQUEST", "COUNTER", "PUBLISH"])
def test_a_calendar_that_is_no_answer_is_listed(method: str) -> None:
    mail = letters.google_reply(make_booking(), "DECLINED").replace(
        b"METHOD:REPLY", f"METHOD:{method}".encode()
    )
    assert not receive(mail)
    assert not CalendarReply.objects.exists()
