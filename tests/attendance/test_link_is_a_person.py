"""A join link is a person: whatever happens to places, in whatever order, it lets in who has one.

The histories are those of `tests/places/test_any_order.py`, with sessions online, scanners that
fetch every link, other meetings, trainers that come and go, and people who press Join at any
moment. Twenty in `make test`, five thousand in `make test-deep`; `EXAMPLES` asks for another
number.
"""

import os
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from accounts.models import User
from booking.attendance.joining import DoorClosed, entrance, join
from booking.attendance.models import Arrival, new_device
from booking.catalogue.models import Session, Sitting
from booking.partnership import kept
from booking.places import links
from booking.places.models import Booking
from booking.places.refusals import PlaceRefused
from booking.places.sweep import sweep
from booking.scheduling import changing
from booking.site.sealing import Sealed
from tests.factories import make_trainer
from tests.places.by_phone import numbers, which_date
from tests.places.test_any_order import Places
from tests.scheduling.changes import as_it_is

EXAMPLES = int(os.environ.get("EXAMPLES", 5000 if "DEEP" in os.environ else 20))
# So many tests share them, for as many processes.
PARTS = 10 if EXAMPLES > 100 else 1
STEPS = 20
_EARLY, _LATE = timedelta(minutes=15), timedelta(minutes=30)
_MEETING = "https://meet.example/"
# Around the edges of when a date is open: from its start, or from its end.
_MOMENTS = [
    ("starts_at", minutes) for minutes in (-600, -16, -15, 0, 40)
] + [("ends_at", minutes) for minutes in (-1, 0, 29, 30, 600)]  # fmt: skip


class Joined(Places):
    """The same people and sessions, all of them online."""

    def prepare(self) -> None:
        """Every session has a meeting and a trainer, and the partnership decides about agencies."""
        self.trainer, self.number = make_trainer(), 0
        self.before_agency = self.people[0].pk % 2 == 0
        kept.change(values={"join_before_agency": self.before_agency}, by=None)
        for session in self.sessions:
            session.delivery, session.meeting = "online", self.another()
            session.save()
            session.trainers.add(self.trainer)

    def another(self) -> Sealed:
        """A meeting that no session had."""
        self.number += 1
        return Sealed.of(f"{_MEETING}{self.number}")

    # ------------------------------------------------------------ what happens besides

    @rule(date=which_date, is_there=st.booleans())
    def change_meeting(self, date: int, is_there: bool) -> None:
        """It is held elsewhere on the web, or nobody knows where yet."""
        session = self.sessions[date]
        self.rearranged(session, meeting=self.another().opened() if is_there else "")

    @rule(date=which_date)
    def change_delivery(self, date: int) -> None:
        """It is held in a room instead, or online again."""
        session = Session.objects.get(pk=self.sessions[date].pk)
        is_online = session.is_online
        self.rearranged(
            session,
            delivery="in person" if is_online else "online",
            meeting="" if is_online else self.another().opened(),
        )

    @rule(date=which_date)
    def change_trainer(self, date: int) -> None:
        """The trainer leads it no more, or again."""
        session = self.sessions[date]
        leads = session.trainers.filter(pk=self.trainer.pk).exists()
        self.rearranged(session, trainers=() if leads else (self.trainer,))

    @rule(number=numbers)
    def account_ends_and_is_opened_again(self, number: int) -> None:
        """Somebody's account ends, or the trainer's: their links let nobody in meanwhile."""
        somebody = [*self.people, self.trainer]
        ended = somebody[number % len(somebody)]
        User.objects.filter(pk=ended.pk).update(is_active=False)
        theirs = set(Booking.objects.filter(person=ended).values_list("session", flat=True))
        of_them = [session for session in self.sessions if session.pk in theirs]
        self.check(*(of_them or self.sessions[:1]))
        User.objects.filter(pk=ended.pk).update(is_active=True)

    def rearranged(self, session: Session, **changed: Any) -> None:
        """A coordinator has it so, if it is not over."""
        with suppress(PlaceRefused):
            changing.rearrange(
                session=session,
                arrangements=replace(as_it_is(session), **changed),
                by=self.coordinator,
                now=self.now,
            )
        self.check(session)

    @rule(number=numbers)
    def scanners_fetch_links(self, number: int) -> None:
        """Mail scanners look at links while they are open, at all of them or at some of their
        pages: nobody came by that."""
        before, client, by_page = Arrival.objects.count(), Client(), number % 2
        for owner in self.owners()[number % 5 :: 5] if by_page else self.owners():
            session = owner.session if isinstance(owner, Booking) else owner
            path, moment = self.path(owner), session.starts_at
            if not by_page:
                entrance(links.join_link(path.split("/")[2], now=moment), now=moment)
                continue
            with time_machine.travel(moment, tick=False):
                answer = client.get(path)
            assert answer.status_code in (200, 410)
            assert _MEETING not in answer.text
        assert Arrival.objects.count() == before, "marked present by a look"

    @rule(number=numbers)
    def somebody_presses(self, number: int) -> None:
        """On the page, at a moment when its date is open or about to be."""
        owners, moment = self.owners(), self.moment()
        owner = owners[number % len(owners)]
        if number % 2:
            moment = (owner.session if isinstance(owner, Booking) else owner).starts_at
        with time_machine.travel(moment, tick=False):
            answer = Client().post(self.path(owner))
        self.compare(owner, answer.text if _MEETING in answer.text else "", moment)

    # ------------------------------------------------------------ what must hold

    def moment(self) -> datetime:
        """Some moment around one of the sittings, another one each time it is asked."""
        sittings = list(Sitting.objects.order_by("pk"))
        self.number += 1
        edge, minutes = _MOMENTS[self.number % len(_MOMENTS)]
        sitting = sittings[self.number % len(sittings)]
        at: datetime = getattr(sitting, edge)
        return at + timedelta(minutes=minutes)

    def owners(self, *sessions: Session) -> list[Booking | Session]:
        """Of whom there are links: every booking that there ever was, and the trainer of each."""
        bookings = Booking.objects.select_related("session", "approval", "person")
        bookings = bookings.order_by("pk")
        keys = [session.pk for session in sessions or self.sessions]
        found = bookings.prefetch_related("session__sittings").filter(session__in=keys)
        led = Session.objects.prefetch_related("sittings", "trainers").filter(pk__in=keys)
        return [*found, *led]

    def path(self, owner: Booking | Session) -> str:
        """The link of the booking's person, or of the session's trainer."""
        if isinstance(owner, Booking):
            return links.join_path(owner.join_key)
        return links.trainer_join_path(owner.pk, self.trainer.pk)

    def check(self, *touched: Session) -> None:
        """All of these press, at one moment: they get in who should, and nobody else."""
        sweep(now=self.now)
        moment = self.moment() if self.number % 4 else self.now
        for owner in self.owners(*touched):
            link = links.join_link(self.path(owner).split("/")[2], now=moment)
            handed = ""
            with suppress(DoorClosed):
                handed = join(link, device=new_device(), now=moment)[1]
            self.compare(owner, handed, moment)

    def compare(self, owner: Booking | Session, handed: str, moment: datetime) -> None:
        """What somebody was handed with what the rows of the database say."""
        session = owner.session if isinstance(owner, Booking) else owner
        if isinstance(owner, Booking):
            has_place = self.has_place(owner, moment)
        else:
            has_place = any(
                each.pk == self.trainer.pk and each.is_active for each in owner.trainers.all()
            )
        is_held = session.state in ("published", "completed") and session.delivery == "online"
        is_open = any(
            each.starts_at - _EARLY <= moment < each.ends_at + _LATE
            for each in session.sittings.all()
        )
        meeting = session.meeting.opened()
        gets_in = bool(has_place and is_held and is_open and meeting)
        assert bool(handed) == gets_in, (owner, moment, handed)
        if gets_in:
            assert meeting in handed
        if gets_in and isinstance(owner, Booking):
            assert Arrival.objects.filter(booking=owner, at=moment).exists()

    def has_place(self, booking: Booking, moment: datetime) -> bool:
        """By the rows alone."""
        if not booking.person.is_active:
            return False
        if booking.state == "requested" and self.before_agency and booking.agency_until:
            asked = getattr(booking, "approval", None)
            is_asked = asked is not None and asked.state in ("unconfirmed", "asked")
            return booking.agency_until > moment and not is_asked
        return booking.state == "confirmed"


@pytest.mark.deep
@pytest.mark.django_db
@pytest.mark.parametrize("part", range(PARTS))
def test_a_link_is_a_person(part: int) -> None:
    run_state_machine_as_test(
        Joined,
        settings=settings(
            max_examples=EXAMPLES // PARTS,
            stateful_step_count=STEPS,
            suppress_health_check=list(HealthCheck),
            derandomize=PARTS == 1,
            phases=[phase for phase in Phase if phase is not Phase.shrink],
        ),
    )
