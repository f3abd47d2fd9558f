"""The sample programme: alive, ahead of today, and nothing of it mailed."""

import re
from datetime import timedelta
from html import unescape
from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.core.management import call_command
from django.db.models import F
from django.test import Client
from django.utils import timezone

from accounts.failing import people_whose_mail_may_fail
from accounts.models import User
from booking.attendance.models import AbsenceCase, Register
from booking.bulletins.models import Bulletin
from booking.catalogue.models import CancellationPolicy, Course, Session, Venue
from booking.local import AGENCY_LEAD, COORDINATOR, PRACTITIONER, TRAINER
from booking.local.sample_programme import FOLDER
from booking.materials.models import Material
from booking.outbox.models import Message
from booking.partnership.kept import the_partnership
from booking.places.models import Booking
from booking.replies.models import CalendarReply, ReceivedMail
from booking.scheduling import demand

pytestmark = pytest.mark.django_db


def loaded() -> str:
    out = StringIO()
    call_command("load_sample", stdout=out)
    return out.getvalue()


def test_the_sample_is_a_programme_in_use() -> None:
    said = loaded()
    now = timezone.now()
    assert all(address in said for address in (PRACTITIONER, AGENCY_LEAD, TRAINER, COORDINATOR))

    sessions = Session.objects.upcoming(now=now)
    assert (sessions.count(), Session.objects.count()) == (75, 81)
    first = sessions[0].starts_at
    assert now + timedelta(days=9) < first < now + timedelta(days=60)
    assert not Venue.objects.filter(getting_there="").exists()

    [policy] = CancellationPolicy.objects.all()
    assert policy.notice_days == 5
    bands = sorted(f"over {int(band.over_hours)}h: {band.pence}" for band in policy.bands.all())
    assert bands == ["over 0h: 3500"] * 2 + ["over 4h: 5000"] * 2
    assert Course.objects.filter(usual_policy=policy).count() == Course.objects.count()
    assert sessions.filter(policy=policy).count() == 75
    assert Material.objects.filter(course__code="PCR", audience="everybody").count() == 1
    assert Booking.objects.filter(policy=None).count() == 0

    full = sessions.filter(places_taken=F("capacity"))
    assert 3 <= full.count() <= 4
    assert all(3 <= session.waiting_count <= 8 for session in full)
    assert sessions.with_places().count() > 60
    assert sessions.filter(promotion=Session.Promotion.OFFER).count() == 2
    assert sessions.filter(booking_opens_at__gt=now).count() == 1
    assert sessions.filter(booking_closes_at__gt=now).count() == 1

    assert Booking.objects.holding_a_place().count() > 300
    # Nobody loses a place when the worker starts.
    assert not Booking.objects.requests_run_out(now=now).exists()
    assert Booking.objects.filter(state=Booking.State.REQUESTED).exists()
    # Neither waiting to go out nor dropped: only what mail came back about.
    assert set(Message.objects.values_list("state", flat=True)) == {Message.State.SENT}

    # One of each kind of mail that came in, as the code that reads a mailbox takes it.
    assert [(each.kind, each.state) for each in ReceivedMail.objects.order_by("pk")] == [
        ("report", "done"),
        ("report", "done"),
        ("report", "listed"),
        ("answer", "done"),
        ("answer", "done"),
        ("notice", "done"),
        ("receipt", "done"),
        ("other", "listed"),
    ]
    assert Message.objects.filter(bounced_at__isnull=False).count() == 2
    assert Message.objects.doubted().count() == 1
    assert people_whose_mail_may_fail().count() == 2
    assert set(CalendarReply.objects.values_list("partstat", flat=True)) == {
        "accepted",
        "declined",
    }

    # A past term with registers, one of them open, and one session without.
    assert Register.objects.count() == 5
    assert Register.objects.filter(closed_at=None).count() == 1
    assert Booking.objects.filter(is_walk_in=True, outcome="attended").count() == 1
    assert set(AbsenceCase.objects.values_list("state", flat=True)) == {
        "open",
        "accepted",
        "charged",
    }
    assert set(Booking.objects.values_list("outcome", flat=True)) == {
        "",
        *Booking.Outcome.values,
    }

    wanted = {each.code: each.people for each in demand.by_course(now=now)}
    assert wanted["FII"] >= 14
    assert Course.objects.exclude(sectors=[]).exists()
    assert Course.objects.filter(least_level__isnull=False).exists()

    person = User.objects.get(email=PRACTITIONER)
    theirs = Booking.objects.for_person(person)
    ahead = theirs.filter(session__in=sessions)
    assert (ahead.holding_a_place().count(), ahead.waiting().count()) == (1, 1)
    assert set(theirs.exclude(outcome="").values_list("outcome", flat=True)) == {
        "attended",
        "absent",
    }
    lead = User.objects.get(email=AGENCY_LEAD)
    assert lead.is_agency_lead
    assert lead.agency == person.agency
    assert Booking.objects.of_agency(lead.agency_id or 0, now=now).count() > 20
    trainer = User.objects.get(email=TRAINER)
    assert (trainer.full_name, trainer.is_complete) == ("Martin Oyelaran", True)
    assert Booking.objects.filter(session__in=Session.objects.led_by(trainer)).count() > 10
    coordinator = User.objects.get(email=COORDINATOR)
    assert coordinator.is_coordinator
    assert coordinator.is_staff
    assert coordinator.is_superuser
    assert coordinator.is_complete
    assert the_partnership().name == "Leeds Safeguarding Children Partnership (sample)"
    assert the_partnership().help_email
    verified = EmailAddress.objects.filter(verified=True, primary=True)
    assert verified.count() == User.objects.count()

    before = Session.objects.count(), Booking.objects.count(), Message.objects.count()
    assert "nothing was changed" in loaded()
    assert before == (Session.objects.count(), Booking.objects.count(), Message.objects.count())


def test_nothing_is_added_where_there_is_a_programme_already() -> None:
    starts = timezone.now() + timedelta(days=1)
    Session.objects.create(
        reference="S1",
        course=Course.objects.create(code="INTRO", title="Introduction", kind="training"),
        starts_at=starts,
        ends_at=starts + timedelta(hours=1),
        capacity=1,
    )
    said = loaded()
    assert "There are sessions already: nothing was changed." in said
    assert PRACTITIONER in said
    assert (Session.objects.count(), Course.objects.count(), User.objects.count()) == (1, 1, 0)


def test_the_july_newsletter_is_a_bulletin_of_its_own_words() -> None:
    loaded()
    page = Client().get(Bulletin.objects.get().get_absolute_url()).text
    words = " ".join(unescape(re.sub(r"<[^>]+>", " ", page.partition("<main")[2])).split())
    newsletter = (FOLDER / "newsletter-july.txt").read_text(encoding="utf-8")
    typed = newsletter.partition("New briefings")[0].splitlines()
    lines = [" ".join(line.replace("•", "").split()) for line in typed]
    assert len([line for line in lines if line]) > 40
    # What the picture shows is said by the picture.
    shown = "David Derbyshire, Independent Scrutineer for the"
    shown += " Leeds Safeguarding Children Partnership"
    assert f'alt="{shown}"' in page
    missing = [line for line in lines if line not in words and line not in ("Image", shown)]
    assert not missing
    assert page.count("places left") > 5
    for title in ("Safer Internet Day", "World Suicide Prevention Day"):
        assert title in page
