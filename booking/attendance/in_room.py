"""Being there, said on a phone in the room: by a code on the trainer's screen that changes.

The code says which session somebody sits in; who they are is said by signing in, by a join link of
their own, or by an address that the trainer confirms. Each way notes an arrival, as joining online
does, and looking notes nothing.
"""

from datetime import datetime

from django.db import models, transaction
from django.shortcuts import get_object_or_404
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.codes import code_of_number
from accounts.models import User
from booking.attendance.joining import note_arrival, open_sitting
from booking.attendance.models import DEVICE_LENGTH, LONGEST_OPEN, Arrival
from booking.catalogue.models import Session, Sitting
from booking.places.models import Booking
from booking.site.refusals import Refused
from booking.site.signed_links import SignedLink

_SALT = "booking.attendance.in_room"
# Somebody types the code that they saw when the screen shows the next one already.
_MINUTES_GOOD = 2


class NotInTheRoom(Refused):
    """A code that no session shows now."""

    sentence = "No session shows this code now. Look at the screen again: it changes every minute."
    field = "code"


class NotExpectedHere(Refused):
    """Somebody has no certain place at the session."""

    sentence = "You have no certain place at this session."
    instead = "Speak to the trainer."


class NotNow(Refused):
    """None of the dates of the session is open."""

    sentence = "The session is not on now."


class Claim(models.Model):
    """Somebody in the room typed the address of a person with a place; the trainer confirms it."""

    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="claims")
    sitting = models.ForeignKey(Sitting, on_delete=models.CASCADE, related_name="claims")
    at = models.DateTimeField()
    device = models.CharField(max_length=DEVICE_LENGTH, help_text="A random name of the browser.")
    settled_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    agreed = models.BooleanField(null=True)

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["booking", "sitting"],
                condition=models.Q(settled_at__isnull=True),
                name="one_open_claim_of_a_booking",
            )
        ]

    def __str__(self) -> str:
        return f"{self.booking} at {self.at:%Y-%m-%d %H:%M}"


def code_of(session: Session, *, now: datetime) -> str:
    """What the trainer's screen shows in this minute."""
    return _code(session.pk, int(now.timestamp()) // 60)


def _code(session_id: int, minute: int) -> str:
    digest = salted_hmac(_SALT, f"{session_id}:{minute}", algorithm="sha256").digest()
    return code_of_number(int.from_bytes(digest[:8]))


def session_showing(code: str, *, now: datetime) -> Session:
    """The session whose screen shows this code, or did a minute ago. Raises `NotInTheRoom`."""
    around = Session.objects.public().exclude(state=Session.State.CANCELLED)
    around = around.filter(
        sittings__starts_at__lte=now + LONGEST_OPEN, sittings__ends_at__gte=now - LONGEST_OPEN
    )
    minute = int(now.timestamp()) // 60
    shown = [
        session
        for session in around.distinct().select_related("course").prefetch_related("sittings")
        for back in range(_MINUTES_GOOD)
        if constant_time_compare(_code(session.pk, minute - back), code)
    ]
    if not shown or sitting_now(shown[0], now=now) is None:
        raise NotInTheRoom
    return shown[0]


def pass_for(session: Session, *, now: datetime) -> str:
    """A token that whoever saw the code has until they have said who they are."""
    return SignedLink.ROOM.token(str(session.pk), since=now)


def session_of_pass(token: str, *, now: datetime) -> Session:
    """The session whose code somebody saw. Raises `LinkRefused` or `Http404`."""
    key = int(SignedLink.ROOM.content(token, now=now))
    sessions = Session.objects.public().select_related("course").prefetch_related("sittings")
    return get_object_or_404(sessions.exclude(state=Session.State.CANCELLED), pk=key)


def sitting_now(session: Session, *, now: datetime) -> Sitting | None:
    """The date of a session that is on, from some minutes before until some minutes after."""
    return open_sitting(list(session.sittings.all()), now=now)


def booking_here(session: Session, person: User) -> Booking | None:
    """The certain place of somebody at a session."""
    if not person.is_active:
        return None
    return Booking.objects.confirmed().for_session(session).for_person(person).first()


def came(session: Session, booking: Booking, *, now: datetime) -> Arrival | None:
    """When somebody came to the date that is on, if that is noted."""
    found = Arrival.objects.filter(booking=booking, sitting=sitting_now(session, now=now))
    return found.first()


def say_here(*, session: Session, person: User, device: str, now: datetime) -> None:
    """Note that somebody with a place is in the room.

    Raises `NotExpectedHere` or `NotNow`.
    """
    booking, sitting = booking_here(session, person), sitting_now(session, now=now)
    if booking is None:
        raise NotExpectedHere
    if sitting is None:
        raise NotNow
    note_arrival(booking, sitting, device=device, at=now)


def claim_to_be(*, session: Session, address: str, device: str, now: datetime) -> None:
    """Somebody in the room says whose address is theirs, for the trainer to confirm.

    The answer is the same whether somebody with a place has it. Raises `NotNow`.
    """
    sitting = sitting_now(session, now=now)
    if sitting is None:
        raise NotNow
    places = Booking.objects.confirmed().for_session(session).filter(person__is_active=True)
    booking = places.filter(person__email__iexact=address).first()
    if booking is None or Arrival.objects.filter(booking=booking, sitting=sitting).exists():
        return
    claim = Claim(booking=booking, sitting=sitting, at=now, device=device)
    Claim.objects.bulk_create([claim], ignore_conflicts=True)


def open_claims(session: Session) -> models.QuerySet[Claim]:
    """What waits for the trainer's word, in the order in which it was said."""
    claims = Claim.objects.filter(booking__session=session, settled_at=None)
    claims = claims.filter(booking__state=Booking.State.CONFIRMED)
    return claims.select_related("booking__person__agency", "sitting").order_by("at", "pk")


def settle_claim(
    *, session: Session, claim_id: int, agrees: bool, by: User, now: datetime
) -> Claim | None:
    """The trainer says whether it is them, which notes that they came when they said so.

    Nothing if it has been settled meanwhile, or the place is gone.
    """
    with transaction.atomic():
        held = open_claims(session).select_for_update(no_key=True, of=("self",))
        claim = held.filter(pk=claim_id).first()
        if claim is None:
            return None
        claim.settled_at, claim.settled_by, claim.agreed = now, by, agrees
        claim.save(update_fields=["settled_at", "settled_by", "agreed"])
        if agrees:
            note_arrival(claim.booking, claim.sitting, device=claim.device, at=claim.at)
    return claim


def seconds_left(*, now: datetime) -> int:
    """How many seconds until the screen shows another code."""
    return 60 - int(now.timestamp()) % 60
