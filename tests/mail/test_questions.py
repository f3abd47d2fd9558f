"""What is asked by mail: of managers, and of people who are offered a place."""

from datetime import timedelta
from typing import Any

import pytest

from booking.catalogue.models import CancellationPolicy
from booking.mail.composing import compose
from booking.outbox.delivery import Pointless
from booking.outbox.posting import Draft
from booking.places import announcements, links
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.site.sealing import Sealed
from tests.factories import NOW, make_agency, make_course, make_person, make_policy, make_session
from tests.mail.letters import LATER, make_approval, make_booking, part, post, read, times, written

pytestmark = pytest.mark.django_db


def make_request(**fields: Any) -> Booking:
    """A place held for Priya Shah until her manager answers."""
    policy = fields.pop("policy", None)
    session = make_session(
        course=make_course(title="Working Together", needs_manager_approval=True),
        policy=policy,
        sittings=[(LATER, LATER + timedelta(hours=3))],
    )
    person = make_person(
        first_name="Priya",
        last_name="Shah",
        job_title="Health visitor",
        agency=make_agency("Leeds Health Trust"),
    )
    fields.setdefault("state", Booking.State.REQUESTED)
    fields.setdefault("confirmed_at", None)
    return make_booking(session, person=person, policy=policy, **fields)


def bodies(draft: Draft) -> list[str]:
    """The two bodies of the mail that a draft becomes, on one line each."""
    mail = read(written(post([draft])[0]))
    return [" ".join(part(mail, form).split()) for form in ("text/plain", "text/html")]


def test_the_manager_learns_who_asks_what_for_when_and_what_it_may_cost() -> None:
    booking = make_request(policy=make_policy(late=3500, absent=5000))
    approval = make_approval(booking)
    for body in bodies(announcements.manager_asked(approval)):
        for words in (
            "They give their name as Priya Shah, their job as Health visitor, and their employer"
            " as Leeds Health Trust.",
            "Working Together",
            "Tuesday 2 February 2027, 9am to 12pm",
            "3 hours in all",
            "answer by 9am on Sunday 17 January 2027",
            "A place is held until then",
            "Cancelling after 5pm on Tuesday 26 January 2027 costs £35 and not coming costs £50.",
            f"http://testserver{links.approval_path(approval.key)}",
        ):
            assert words in body, words
        assert "Hello Priya" not in body
        assert f"/bookings/{booking.pk}" not in body


def test_the_reminder_asks_by_the_same_link() -> None:
    approval = make_approval(make_request())
    for body in bodies(announcements.manager_reminded(approval)):
        assert "still waits for your answer" in body
        assert links.approval_path(approval.key) in body
        assert "If the place is not used" not in body


def test_a_manager_of_somebody_who_waits_is_not_told_that_a_place_is_held() -> None:
    booking = make_request(state=Booking.State.WAITING, ticket=1)
    for body in bodies(announcements.manager_asked(make_approval(booking))):
        assert "on the waiting list" in body
        assert "A place is held" not in body


def test_a_join_link_is_not_the_managers_business() -> None:
    booking = make_request()
    session = booking.session
    session.delivery, session.meeting = "online", Sealed.of("https://meet.example/secret")
    session.save()
    for body in bodies(announcements.manager_asked(make_approval(booking))):
        assert "Online" in body
        assert "meet.example" not in body


@pytest.mark.parametrize(
    "changes",
    [
        {"state": Approval.State.APPROVED},
        {"state": Approval.State.CLOSED},
        {"asked_at": NOW + timedelta(hours=1)},
    ],
    ids=["answered", "not needed", "somebody else asked"],
)
def test_a_question_that_does_not_stand_any_more_is_not_sent(changes: dict[str, Any]) -> None:
    approval = make_approval(make_request())
    [message] = post([announcements.manager_asked(approval)])
    assert isinstance(compose([message])[message.pk], bytes)
    Approval.objects.update(**changes)
    assert isinstance(compose([message])[message.pk], Pointless)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (Approval.State.ASKED, "We have asked manager@agency.example."),
        (Approval.State.UNCONFIRMED, "one of our coordinators looks at it first"),
    ],
)
def test_the_person_learns_that_the_place_is_held_and_who_is_asked(
    state: Approval.State, words: str
) -> None:
    booking = make_request()
    make_approval(booking, state=state)
    for body in bodies(announcements.requested(booking)):
        assert words in body
        assert "manager@agency.example" in body
        assert "until 9am on Sunday 17 January 2027" in body


@pytest.mark.parametrize(
    ("by_coordinator", "words"),
    [
        (False, "Your manager did not agree to Working Together"),
        (True, "We could not ask your manager about Working Together"),
    ],
)
def test_a_refusal_says_whose_it_is_and_why(by_coordinator: bool, words: str) -> None:
    approval = make_approval(make_request(), reason="Short of staff <that week>")
    plain, html = bodies(announcements.not_agreed(approval, by_coordinator=by_coordinator))
    assert words in plain
    assert "Short of staff <that week>" in plain
    assert words in html
    assert "Short of staff &lt;that week&gt;" in html


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (Approval.State.ASKED, "there was no answer in time"),
        (Approval.State.UNCONFIRMED, "your manager was not asked"),
    ],
)
def test_a_place_that_lapsed_says_whether_the_manager_was_asked(
    state: Approval.State, words: str
) -> None:
    for body in bodies(announcements.not_answered(make_approval(make_request(), state=state))):
        assert words in body


def test_an_invitation_into_the_line_says_why_where_and_until_when() -> None:
    booking = make_request(
        state=Booking.State.WAITING, ticket=2, must_accept_by=NOW + timedelta(days=5)
    )
    draft = announcements.invited(booking, position=2, why="Your session was cancelled.")
    for body in bodies(draft):
        assert "Your session was cancelled." in body
        assert "number 2 in line" in body
        assert "before 9am on Sunday 17 January 2027" in body


@pytest.mark.parametrize(
    ("was", "words"),
    [("requested", "Your request for a place"), ("waiting", "You have left the waiting list")],
)
def test_what_was_given_up_is_named(was: str, words: str) -> None:
    for body in bodies(announcements.left(make_request(), was=was)):
        assert words in body


@pytest.mark.parametrize("promoted", [True, False])
def test_a_confirmation_says_how_it_came_about(promoted: bool) -> None:
    booking = make_booking()
    because = "Dana Lee has given you their place."
    [draft] = announcements.given_a_place(
        booking, times(booking), promoted=promoted, because=because
    )
    for body in bodies(draft):
        assert because in body
        assert "no longer on the waiting list" not in body


def test_the_waiting_list_says_which_rule_holds_and_who_is_asked_meanwhile() -> None:
    booking = make_booking(state="waiting", ticket=1, confirmed_at=None)
    why = "Your agency has its 4 places."
    for body in bodies(announcements.waiting(booking, position=1, why=why, manager="m@x.example")):
        assert why in body
        assert "We ask m@x.example now" in body


def offered(policy: CancellationPolicy | None, *, days_ahead: int) -> list[str]:
    """The bodies of an offer of a place on a session so many days ahead."""
    session = make_session(starts_at=NOW + timedelta(days=days_ahead), policy=policy)
    until = NOW + timedelta(hours=6)
    booking = make_booking(
        session, policy=policy, state="offered", ticket=1, offered_until=until, confirmed_at=None
    )
    Booking.objects.update(notice_days=policy.notice_days if policy else 0)
    return bodies(announcements.offered(booking, why="You asked for more dates."))


def test_an_offer_inside_the_notice_period_says_that_cancelling_is_not_free_any_more() -> None:
    for body in offered(make_policy(late=3500, absent=5000), days_ahead=3):
        assert "cancelling it will no longer be free: it costs £35" in body
        assert "You asked for more dates." in body


def test_an_offer_before_it_says_until_when_cancelling_is_free() -> None:
    for body in offered(make_policy(late=3500, absent=5000), days_ahead=21):
        assert "free of charge until 5pm on Tuesday 26 January 2027" in body
        assert "After that it costs £35" in body


def test_an_offer_where_nothing_is_charged_does_not_speak_of_money() -> None:
    for body in offered(make_policy(), days_ahead=3):
        assert "only if you are sure that you can come" in body
        assert "£" not in body
    for body in offered(None, days_ahead=3):
        assert "notice period" not in body
