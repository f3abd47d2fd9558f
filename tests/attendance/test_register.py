"""The register: who presses what, the later press wins, nobody hears of it until it is closed."""

import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import AccessRecord
from booking.attendance import marking
from booking.attendance.marking import NothingToMark, NotYetMarked, RegisterClosed
from booking.attendance.models import LONGEST_OPEN, Arrival, Mark
from booking.attendance.roster import roster_of
from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places.changing import undoing
from booking.places.changing.walking_in import walk_in
from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.site.wording import deadline
from tests.attendance.rooms import (
    bookings_of,
    close_as_it_is,
    close_now,
    end_now,
    held_session,
    press,
    trainer_of,
)
from tests.factories import make_coordinator, make_person, make_trainer, session_ahead
from tests.people import book_now, give_up, signed_in

pytestmark = pytest.mark.django_db
What = Mark.What


def address(session: Session) -> str:
    return reverse("register", args=[session.pk])


def standing(session: Session) -> list[str]:
    """What stands of each at the first sitting, in the order in which they were booked."""
    by_key = {each.booking.pk: each.seen[0].what.value for each in roster_of(session).attendees}
    return [by_key[each.pk] for each in bookings_of(session)]


def send(client: Client, session: Session, **pressed: str) -> int:
    sitting = str(session.sittings.all()[0].pk)
    return client.post(address(session), {"sitting": sitting, **pressed}).status_code


def test_one_press_marks_and_another_undoes_it() -> None:
    session = held_session()
    trainer = signed_in(trainer_of(session))
    first, second, third = bookings_of(session)
    assert send(trainer, session, press=f"{first.pk}:attended") == 302
    send(trainer, session, press=f"{second.pk}:absent")
    send(trainer, session, press=f"{third.pk}:late")
    assert standing(session) == ["attended", "absent", "attended"]
    assert Mark.objects.get(booking=third).minutes_late == 60
    page = trainer.get(address(session)).content.decode()
    assert "Attended, 60 minutes late" in page
    assert ">2</strong> of 3 came, <strong data-unmarked>0<" in page
    send(trainer, session, press=f"{second.pk}:attended")
    send(trainer, session, press=f"{second.pk}:undo")
    assert standing(session)[1] == "absent"
    send(trainer, session, press=f"{first.pk}:undo")
    assert standing(session) == ["nothing", "absent", "attended"]
    send(trainer, session, press=f"{first.pk}:undo")
    assert standing(session)[0] == "attended"


def test_of_two_trainers_the_later_press_wins_and_both_stand() -> None:
    session = held_session(people=1)
    (booking,) = bookings_of(session)
    now, early = timezone.now(), timezone.now() - timedelta(minutes=5)
    press(session, booking, What.ATTENDED, now=now)
    # Pressed before, on a tablet without a connection; it arrives after.
    press(session, booking, What.ABSENT, at=early)
    assert standing(session) == ["attended"]
    assert list(Mark.objects.values_list("what", flat=True)) == ["absent", "attended"]
    page = signed_in(trainer_of(session)).get(
        reverse("register_person", args=[session.pk, booking.pk])
    )
    assert page.content.decode().count("app-timeline__item") == 2


def test_everybody_else_came_and_did_not() -> None:
    session = held_session()
    trainer = signed_in(trainer_of(session))
    press(session, bookings_of(session)[1], What.APOLOGIES)
    undo = 'name="everybody-back"'
    assert undo not in trainer.get(address(session)).text
    send(trainer, session, everybody="1")
    assert undo in trainer.get(address(session)).text
    assert standing(session) == ["attended", "apologies", "attended"]
    press(session, bookings_of(session)[0], What.ABSENT)
    send(trainer, session, **{"everybody-back": "1"})
    assert standing(session) == ["absent", "apologies", "nothing"]


def test_everybody_else_is_not_offered_of_those_alone_whom_a_search_found() -> None:
    session = held_session()
    trainer = signed_in(trainer_of(session))
    press(session, bookings_of(session)[1], What.APOLOGIES)
    assert "Everybody else came" in trainer.get(address(session)).text
    assert "Everybody else came" not in trainer.get(f"{address(session)}?q=ahmed0").text
    send(trainer, session, everybody="1")
    assert 'name="everybody-back"' not in trainer.get(f"{address(session)}?q=ahmed0").text


def test_whose_place_somebody_took_is_named_and_is_not_among_everybody_else() -> None:
    session = held_session()
    missing, _there, _ = bookings_of(session)
    by, now = trainer_of(session), timezone.now()
    walker = make_person(first_name="Walk", last_name="Inn")
    came = walk_in(session=session, person=walker, by=by, now=now, instead_of=missing)
    press(session, came, What.ATTENDED)
    trainer = signed_in(by)
    page = trainer.get(address(session)).text
    assert f"walk-in, in the place of {missing.person}<" in page
    assert f"{walker} came in their place<" in page
    assert "<strong data-unmarked>3</strong> not marked" in page
    assert "Everybody else came (<span data-others>2</span>)" in page
    send(trainer, session, everybody="1")
    assert standing(session) == ["nothing", "attended", "attended", "attended"]
    assert 'name="everybody"' not in trainer.get(address(session)).text
    end_now(session)
    closes = trainer.get(reverse("register_close", args=[session.pk])).text
    assert f"{walker} came in their place" in closes


def test_a_register_says_how_many_came_and_once_closed_what_came_of_the_places() -> None:
    session = held_session()
    first, second, _ = bookings_of(session)
    press(session, first, What.ATTENDED)
    trainer = signed_in(trainer_of(session))
    heard = "People hear nothing of the register until it is closed."
    page = trainer.get(address(session)).text
    assert ">1</strong> of 3 came, <strong data-unmarked>2<" in page
    assert heard in page
    press(session, second, What.APOLOGIES)
    close_as_it_is(session)
    page = trainer.get(address(session)).text
    assert "1 attended, 1 sent apologies, 1 absent." in page
    assert " came, " not in page
    assert heard not in page
    told = {"outcome": "part", "why": "She came late."}
    trainer.post(reverse("register_person", args=[session.pk, second.pk]), told)
    assert "1 attended, 1 attended in part, 1 absent." in trainer.get(address(session)).text


def test_nobody_counts_as_absent_from_a_date_that_lies_ahead() -> None:
    session = session_ahead(2, trainers=[make_trainer()])
    booking = book_now(session)
    trainer = signed_in(trainer_of(session))
    page = trainer.get(address(session)).text
    assert "1 person has a certain place." in page
    assert "not marked" not in page
    page = trainer.get(reverse("register_person", args=[session.pk, booking.pk])).text
    assert "Would count as" not in page


def test_who_joined_online_and_who_sent_apologies_is_filled_in() -> None:
    session = held_session(people=3, delivery=Session.Delivery.ONLINE)
    first, second, third = bookings_of(session)
    sitting = session.sittings.get()
    at = sitting.starts_at + timedelta(minutes=20)
    Arrival.objects.create(booking=first, sitting=sitting, at=at, device="a")
    by, now = make_coordinator(), timezone.now()
    undoing.note_apology(booking=second, by=by, now=now, why="Ill.")
    assert standing(session) == ["attended", "apologies", "nothing"]
    assert not Mark.objects.exists()
    page = signed_in(trainer_of(session)).get(address(session)).content.decode()
    assert "Attended, 20 minutes late, joined online" in page
    send(signed_in(trainer_of(session)), session, everybody="1")
    assert list(Mark.objects.values_list("booking_id", flat=True)) == [third.pk]
    # “Came” confirms what is filled in, with the minutes late.
    send(signed_in(trainer_of(session)), session, press=f"{first.pk}:attended")
    assert Mark.objects.get(booking=first).minutes_late == 20
    press(session, first, What.ABSENT)
    assert standing(session)[0] == "absent"


def test_a_press_that_is_sent_twice_counts_once_and_from_when_it_was_made() -> None:
    session = held_session(people=2)
    trainer = signed_in(trainer_of(session))
    first, second = bookings_of(session)
    sitting = session.sittings.get().pk
    kept = [
        {"booking": first.pk, "sitting": sitting, "what": "late", "key": "k1", "ago": 1800},
        {"booking": second.pk, "sitting": sitting, "what": "absent", "key": "k2", "ago": 1500},
    ]
    for _ in range(2):
        answer = trainer.post(address(session), {"marks": json.dumps(kept)})
        assert answer.json() == {"left_out": {}}
    assert Mark.objects.count() == 2
    # An hour after the start, half an hour ago.
    assert Mark.objects.get(booking=first).minutes_late == 30
    again = [{**kept[1], "key": "k3", "what": "attended", "ago": 10}, kept[0]]
    trainer.post(address(session), {"marks": json.dumps(again)})
    assert standing(session) == ["attended", "attended"]


@pytest.mark.parametrize(
    "marks",
    [
        "",
        "{",
        "[]",
        "7",
        '["x"]',
        '[{"booking": "x"}]',
        '[{"booking": 1, "sitting": 2}]',
        "[[]]",
        "[" * 9999,
        "NaN",
    ],
)
def test_what_is_no_mark_is_left_out(marks: str) -> None:
    session = held_session(people=1)
    answer = signed_in(trainer_of(session)).post(address(session), {"marks": marks})
    assert answer.json() == {"left_out": {}}
    assert not Mark.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"ago": float("nan")}, {"ago": 1e999}, {"ago": "9"}, {"ago": None},
        {"key": ""}, {"key": None}, {"key": "\ud800"}, {"key": "a\0"}, {"key": "x" * 99},
        {"what": "part"}, {"what": []}, {"what": None}, {"sitting": 10**30}, {"booking": True},
    ],
)  # fmt: skip
def test_a_mark_with_something_wrong_is_left_out(wrong: dict[str, object]) -> None:
    session = held_session(people=1)
    mark = {
        "booking": bookings_of(session)[0].pk,
        "sitting": session.sittings.get().pk,
        "what": "absent",
        "key": "k",
        "ago": 9,
    }
    trainer = signed_in(trainer_of(session))
    answer = trainer.post(address(session), {"marks": json.dumps([{**mark, **wrong}])})
    assert answer.json() == {"left_out": {}}
    assert not Mark.objects.exists()
    trainer.post(address(session), {"marks": json.dumps([{**mark, "ago": 1e12}])})
    assert Mark.objects.count() == 1


def test_a_tablet_is_told_which_of_its_marks_could_not_be_noted_and_why() -> None:
    session, other = held_session(people=2), held_session(people=1)
    here, gone = bookings_of(session)
    Booking.objects.filter(pk=gone.pk).update(state=Booking.State.CANCELLED)
    sitting, told = session.sittings.get().pk, {"what": "attended", "ago": 9}
    tomorrow = timezone.now() + timedelta(days=1)
    ahead = session.sittings.create(starts_at=tomorrow, ends_at=tomorrow + timedelta(hours=1))
    kept = [
        {**told, "booking": here.pk, "sitting": sitting, "key": "good"},
        {**told, "booking": gone.pk, "sitting": sitting, "key": "gone"},
        {**told, "booking": here.pk, "sitting": other.sittings.get().pk, "key": "elsewhere"},
        {**told, "booking": here.pk, "sitting": ahead.pk, "key": "ahead"},
    ]
    trainer = signed_in(trainer_of(session))
    left_out = trainer.post(address(session), {"marks": json.dumps(kept)}).json()["left_out"]
    nothing = NothingToMark.sentence
    last = session.sittings.all()[1]
    ahead_of_it = f"Marking for this date begins at {deadline(last.starts_at - LONGEST_OPEN)}."
    assert left_out == {"gone": nothing, "elsewhere": nothing, "ahead": ahead_of_it}
    assert Mark.objects.get().key == "good"


def test_nobody_without_a_place_is_marked() -> None:
    session, other = held_session(people=1), held_session(people=1)
    trainer = signed_in(trainer_of(session))
    (theirs,) = bookings_of(other)
    assert send(trainer, session, press=f"{theirs.pk}:attended") == 409
    with pytest.raises(NothingToMark):
        press(session, theirs, What.ATTENDED)
    assert not Mark.objects.exists()


def test_a_register_opens_shortly_before_and_is_only_for_those_who_lead() -> None:
    session = session_ahead(2, trainers=[make_trainer()])
    booking = book_now(session)
    with pytest.raises(NotYetMarked):
        press(session, booking, What.ATTENDED)
    page = signed_in(trainer_of(session)).get(address(session))
    opens = deadline(session.starts_at - LONGEST_OPEN)
    assert f"Marking for this date begins at {opens}." in page.content.decode()
    for person in (make_trainer(), make_person(), booking.person):
        assert signed_in(person).get(address(session)).status_code == 404


def test_people_hear_nothing_and_needs_are_not_shown_and_looks_are_recorded() -> None:
    session = held_session(people=2)
    Booking.objects.update(needs="A hearing loop")
    Message.objects.all().delete()
    by = make_coordinator()
    close_later = bookings_of(session)[0]
    press(session, close_later, What.ABSENT)
    page = signed_in(by).get(address(session)).content.decode()
    assert "hearing loop" not in page
    assert not Message.objects.exists()
    look = AccessRecord.objects.get(by=by)
    assert (look.what, look.rows, look.about_id) == ("register", 2, session.pk)


def test_a_few_letters_find_somebody_and_the_sitting_is_kept() -> None:
    session = held_session(people=2, sittings=2)
    zoe = make_person(first_name="Zoë", last_name="Nguyễn")
    Booking.objects.filter(pk=bookings_of(session)[0].pk).update(person=zoe)
    last = session.sittings.all()[1].pk
    page = signed_in(trainer_of(session)).get(f"{address(session)}?q=nguyen&sitting={last}")
    names = re.findall(r'app-register__who">\s*<a[^>]*>([^<]*)', page.content.decode())
    assert names == ["Zoë Nguyễn"]
    assert f'name="sitting" value="{last}"' in page.content.decode()


def test_a_closed_register_takes_no_more_marks() -> None:
    session = held_session(people=1)
    (booking,) = bookings_of(session)
    close_now(session, booking)
    with pytest.raises(RegisterClosed):
        press(session, booking, What.ABSENT)
    trainer = signed_in(trainer_of(session))
    assert send(trainer, session, press=f"{booking.pk}:absent") == 409
    kept = [{"booking": booking.pk, "sitting": session.sittings.get().pk, "what": "absent",
             "key": "k", "ago": 9}]  # fmt: skip
    answer = trainer.post(address(session), {"marks": json.dumps(kept)})
    assert answer.status_code == 409
    assert "closed" in answer.json()["left_out"]["k"]


def test_minutes_are_noted_on_the_page_of_a_person() -> None:
    session = held_session(people=1)
    (booking,) = bookings_of(session)
    page = reverse("register_person", args=[session.pk, booking.pk])
    trainer = signed_in(trainer_of(session))
    told = {"sitting": session.sittings.get().pk, "what": "attended", "early": "20"}
    assert trainer.post(page, {**told, "early": "-1"}).status_code == 422
    assert trainer.post(page, told).status_code == 302
    assert Mark.objects.get().minutes_early == 20
    assert "left 20 minutes early" in trainer.get(page).content.decode()


def test_a_register_costs_the_same_for_many(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    counts = []
    for people in (2, 8):
        session = held_session(people=people, capacity=30)
        client = signed_in(trainer_of(session))
        client.get(address(session))
        with django_assert_max_num_queries(25) as asked:
            client.get(address(session))
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_cancelled_bookings_are_not_on_the_register() -> None:
    session = session_ahead(1, trainers=[make_trainer()])
    gone, _stays = book_now(session), book_now(session)
    give_up(gone, now=timezone.now())
    assert len(roster_of(session).attendees) == 1


def test_marks_of_all_at_once_are_one_statement_each_way() -> None:
    session = held_session(people=4)
    sitting, by = session.sittings.get(), trainer_of(session)
    number = marking.mark_everybody_else(
        session=session, sitting=sitting, standing=(), by=by, now=timezone.now()
    )
    assert number == 4
    assert set(Mark.objects.values_list("source", flat=True)) == {"everybody"}
    assert not BookingEvent.objects.filter(what="outcome").exists()
