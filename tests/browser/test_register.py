"""The register in a real browser: without a connection, and a session from its first press on."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone
from playwright.sync_api import Browser, Dialog, Page, Route, expect

from booking.attendance.models import AbsenceCase, Arrival, Mark
from booking.catalogue.models import Session
from booking.places.links import join_path
from booking.places.models import Booking
from booking.places.prerequisites import tell_of_missing
from booking.site.sealing import Sealed
from tests.attendance.rooms import bookings_of, end_now, held_session, outcomes, trainer_of
from tests.browser.journeys import DESK, SCREENS, Accessible, as_person, show_heading
from tests.factories import (
    make_coordinator,
    make_course,
    make_person,
    make_policy,
    make_trainer,
    make_venue,
    session_ahead,
)
from tests.people import book, book_now, give_up
from tests.scheduling.changes import rearrange

pytestmark = pytest.mark.django_db(transaction=True)


def address(session: Session) -> str:
    return f"/sessions/{session.pk}/register/"


def press(page: Page, booking: Booking, word: str) -> None:
    page.locator(f"#b{booking.pk}").get_by_role("button", name=word).click()


def go_by(session: Session, time: timedelta) -> None:
    """As if so much time had gone by: what is of the session lies so much further back."""
    for rows, fields in (
        (Session.objects.filter(pk=session.pk), ("starts_at", "ends_at")),
        (session.sittings.all(), ("starts_at", "ends_at")),
        (Arrival.objects.filter(sitting__session=session), ("at",)),
    ):
        rows.update(**{name: F(name) - time for name in fields})


def kept(page: Page) -> list[dict[str, Any]]:
    """What the browser has not sent yet."""
    stored: str = page.evaluate("localStorage.getItem('briefed.marks') ?? '[]'")
    return list(json.loads(stored))


@SCREENS
@pytest.mark.parametrize("scripts", [True, False])
def test_the_register_can_be_used(
    browser: Browser, base_url: str, accessible: Accessible, screen: Any, scripts: bool
) -> None:
    session = held_session(people=3)
    first, second, _ = bookings_of(session)
    page = as_person(browser, trainer_of(session), base_url, screen, scripts=scripts)
    page.goto(address(session))
    if scripts:
        accessible(page)
    press(page, first, "Came")
    expect(page.locator(f"#b{first.pk}")).to_contain_text("Attended")
    press(page, second, "Absent")
    expect(page.locator("[data-came]")).to_have_text("1")
    page.reload()
    page.get_by_role("button", name="Everybody else came (1)").click()
    expect(page.locator("[data-unmarked]").first).to_have_text("0")
    press(page, second, "Undo")
    expect(page.locator("[data-unmarked]").first).to_have_text("1")


def test_marks_made_without_a_connection_survive_and_are_sent_once(
    browser: Browser, base_url: str
) -> None:
    session = held_session(people=3)
    first, second, third = bookings_of(session)
    page = as_person(browser, trainer_of(session), base_url, DESK)
    page.goto(address(session))
    page.context.set_offline(True)
    press(page, first, "Came")
    press(page, second, "Came")
    press(page, second, "Absent")
    expect(page.locator("#kept")).to_contain_text("3 marks are kept on this device")
    expect(page.locator(f"#b{second.pk}")).to_contain_text("Absent (not sent yet)")
    assert [each["what"] for each in kept(page)] == ["attended", "attended", "absent"]
    # No name is kept, nor anything but numbers.
    assert first.person.last_name not in json.dumps(kept(page))
    assert not Mark.objects.exists()
    # The answer to what was sent is lost: it is sent again, and counts once.

    lost: list[str] = []

    def lose_answer(route: Route) -> None:
        route.fetch()
        route.abort()
        lost.append(route.request.url)

    page.route(f"**{address(session)}", lose_answer)
    page.context.set_offline(False)
    for _ in range(200):
        page.wait_for_timeout(100)
        if lost:
            break
    assert len(lost) == 1
    assert len(kept(page)) == 3
    page.unroute(f"**{address(session)}")
    page.reload()
    expect(page.locator("#kept")).to_be_hidden()
    assert kept(page) == []
    assert list(Mark.objects.order_by("id").values_list("booking_id", "what")) == [
        (first.pk, "attended"),
        (second.pk, "attended"),
        (second.pk, "absent"),
    ]
    press(page, third, "Apologies")
    expect(page.locator(f"#b{third.pk}")).not_to_contain_text("not sent yet")
    assert Mark.objects.count() == 4


def test_a_page_made_before_the_marks_on_their_way_were_taken_shows_them(
    browser: Browser, base_url: str
) -> None:
    session = held_session(people=1)
    (booking,) = bookings_of(session)
    page = as_person(browser, trainer_of(session), base_url, DESK)
    page.goto(address(session))
    on_their_way: list[Route] = []

    def answer_late(route: Route) -> None:
        if route.request.method == "POST":
            on_their_way.append(route)
            return
        without = route.fetch()
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            on_their_way.pop().continue_()
        page.wait_for_timeout(300)
        route.fulfill(response=without)

    page.route(f"**{address(session)}", answer_late)
    press(page, booking, "Came")
    expect(page.locator(f"#b{booking.pk}")).to_contain_text("Attended (not sent yet)")
    page.reload()
    expect(page.locator(f"#b{booking.pk}")).to_contain_text("Attended")
    assert Mark.objects.count() == 1
    page.unroute(f"**{address(session)}")
    page.reload()
    expect(page.locator("#kept")).to_be_hidden()
    assert Mark.objects.get().what == Mark.What.ATTENDED


def test_came_confirms_what_is_filled_in_and_a_second_press_takes_it_back(
    browser: Browser, base_url: str
) -> None:
    session = held_session(people=1, delivery=Session.Delivery.ONLINE)
    (booking,) = bookings_of(session)
    sitting = session.sittings.get()
    at = sitting.starts_at + timedelta(minutes=20)
    Arrival.objects.create(booking=booking, sitting=sitting, at=at, device="a")
    page = as_person(browser, trainer_of(session), base_url, DESK)
    page.goto(address(session))
    row = page.locator(f"#b{booking.pk}")
    for words, marked in (("Attended, 20 minutes late", "attended"), ("", "nothing")):
        press(page, booking, "Came")
        expect(row).not_to_contain_text("not sent yet")
        expect(row).to_contain_text(words)
        expect(page.locator("#kept")).to_be_hidden()
        assert Mark.objects.latest("pk").what == marked
    assert Mark.objects.earliest("pk").minutes_late == 20


def test_marks_that_cannot_be_noted_are_named_with_the_reason(
    browser: Browser, base_url: str, accessible: Accessible
) -> None:
    session = held_session(people=2)
    first, second = bookings_of(session)
    page = as_person(browser, trainer_of(session), base_url, DESK)
    page.goto(address(session))
    page.context.set_offline(True)
    press(page, first, "Came")
    press(page, second, "Absent")
    Booking.objects.filter(pk=first.pk).update(state=Booking.State.CANCELLED)
    page.context.set_offline(False)
    expect(page.locator("#kept")).to_contain_text(
        f"Not taken: {first.person.full_name} (attended). The place or the date is not there"
    )
    expect(page.locator("#kept")).not_to_contain_text(second.person.full_name)
    expect(page.locator(f"#b{first.pk}")).to_contain_text("Not taken")
    assert Mark.objects.get().booking == second
    accessible(page)


def test_marks_wait_for_sign_in_and_signing_out_warns(browser: Browser, base_url: str) -> None:
    session = held_session(people=1)
    (booking,) = bookings_of(session)
    trainer = trainer_of(session)
    page = as_person(browser, trainer, base_url, DESK)
    page.goto(address(session))
    page.context.set_offline(True)
    press(page, booking, "Came")
    asked: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    page.get_by_role("button", name="Sign out").click()
    assert asked == [
        "1 mark of a register is not sent yet. Sign out all the same?"
        " They stay on this device until you sign in again."
    ]
    cookies = page.context.cookies()
    page.context.clear_cookies()
    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.get_by_role("link", name="Sign in again to send them")).to_be_visible()
    assert len(kept(page)) == 1
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    page.goto(address(session))
    expect(page.locator("#kept")).to_be_hidden()
    assert Mark.objects.get().what == "attended"
    # Nobody else sends what this trainer pressed.
    page.context.set_offline(True)
    press(page, booking, "Absent")
    page.context.set_offline(False)


def test_a_session_of_two_dates_from_the_first_press_to_a_correction(
    browser: Browser, base_url: str, accessible: Accessible, mail: Any
) -> None:
    trainer, coordinator = make_trainer(), make_coordinator()
    policy = make_policy(absent=3500)
    session = held_session(people=0, sittings=2, trainers=[trainer], policy=policy)
    # The first date is online, the second in a hall.
    session.delivery, session.venue = Session.Delivery.ONLINE, None
    session.meeting = Sealed.of("https://meet.example/1")
    session.save()
    before = session.starts_at - timedelta(days=60)
    late, away, gone, ill = (
        book(session, make_person(first_name=name, last_name="Ahmed"), now=before)
        for name in ("Late", "Away", "Gone", "Ill")
    )
    give_up(gone, now=before + timedelta(days=1))
    later = session_ahead(20, course=make_course(title="After it"))
    later.course.prerequisites.add(session.course)
    built_on = book_now(later, away.person)
    # A link that was given up is refused; a forwarded one says whose it is.
    page = as_person(browser, make_person(), base_url, DESK)
    page.goto(join_path(gone.join_key))
    expect(page.get_by_text("There is no place for Gone A.")).to_be_visible()
    page.goto(join_path(late.join_key))
    expect(page.get_by_text("This link is for Late A. alone")).to_be_visible()
    page.route("https://meet.example/**", lambda route: route.fulfill(body="The meeting"))
    since = timezone.now() - session.starts_at - timedelta(minutes=4)
    go_by(session, -since)
    page.goto(join_path(late.join_key))
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_text("The meeting", exact=True)).to_be_visible()
    go_by(session, since)
    between = session.starts_at + timedelta(hours=20)
    rearrange(session, now=between, delivery="in person", venue=make_venue(), meeting="")
    # The register of both dates, with the network cut during the second.
    page = as_person(browser, trainer, base_url, DESK)
    page.goto(address(session))
    page.get_by_label("Dates").get_by_role("link").first.click()
    expect(page.locator(f"#b{late.pk}")).to_contain_text("minutes late, joined online")
    press(page, late, "Came")
    expect(page.locator(f"#b{late.pk}")).not_to_contain_text("not sent yet")
    assert Mark.objects.get().minutes_late
    page.goto(address(session))
    page.context.set_offline(True)
    press(page, late, "Late, now")
    page.context.set_offline(False)
    page.reload()
    expect(page.locator(f"#b{late.pk}")).to_contain_text("Attended")
    expect(page.locator("#kept")).to_be_hidden()
    page.reload()
    expect(page.locator(f"#b{late.pk}")).to_contain_text("minutes late")
    # Somebody comes without a booking.
    walk_in = make_person("walk.in@agency.example", first_name="Walk", last_name="Inn")
    page.get_by_role("button", name="Somebody came without a booking").click()
    page.get_by_label("Work email address").fill(walk_in.email)
    page.get_by_role("button", name="Go on").click()
    show_heading(page, "Walk Inn")
    accessible(page)
    page.get_by_role("button", name="Let them in").click()
    expect(page.get_by_text("Walk Inn has a place")).to_be_visible()
    # Closed in two presses, once it is over.
    end_now(session)
    page.reload()
    page.get_by_role("button", name="Close the register").click()
    accessible(page)
    page.get_by_role("button", name="Close the register").click()
    expect(page.get_by_text("Closed at")).to_be_visible()
    assert outcomes(session) == ["part", "absent", "", "absent", "part"]
    mail(away.person.email, "You did not come")
    # The worker's round may have done so already.
    tell_of_missing(now=timezone.now())
    mail(away.person.email, "Something to do before After it")
    # One is charged, the other waived; then it is corrected.
    desk = as_person(browser, coordinator, base_url, DESK)
    for name, answer in (("Away Ahmed", "Charge £35"), ("Ill Ahmed", "Accept the reason")):
        desk.goto("/manage/absences/")
        accessible(desk)
        desk.get_by_role("link", name=name).click()
        accessible(desk)
        desk.get_by_role("button", name=answer).click()
        expect(desk.get_by_role("heading", level=1)).to_have_text("Absences")
    page.get_by_role("link", name="Away Ahmed").click()
    page.get_by_label("Attended", exact=True).check()
    page.get_by_label("Why is it corrected?").fill("She signed the sheet.")
    page.get_by_role("button", name="Correct").click()
    expect(page.get_by_text("corrected to “Attended”")).to_be_visible()
    away.refresh_from_db()
    assert (away.outcome, away.charge_pence) == ("attended", 0)
    assert AbsenceCase.objects.get(booking=ill).state == AbsenceCase.State.ACCEPTED
    built_on.refresh_from_db()
    assert built_on.state == Booking.State.CONFIRMED
    assert timezone.now() > session.starts_at
