"""Cases of absence: the person and their manager say why, and a coordinator decides what follows.

A case opens when the register is closed. It closes by itself where somebody else came in the place,
if the rules that were promised say so. Nobody is charged but by a coordinator.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from accounts.models import User
from booking.attendance.models import AbsenceCase, new_absence_key
from booking.catalogue.sittings import SittingTimes
from booking.outbox import posting as outbox
from booking.outbox.posting import Draft
from booking.outbox.topics import MailTopic, register
from booking.places import history, terms
from booking.places.events import BookingEvent
from booking.places.lock import locked_booking
from booking.places.managers.copies import manager_to_ask
from booking.places.models import Booking
from booking.places.news.drafts import about
from booking.site.refusals import Refused
from booking.site.wording import pounds

ASKED, MANAGER_ASKED = "absence.asked", "absence.manager_asked"
register(
    MailTopic(ASKED, "Question about an absence"),
    MailTopic(
        MANAGER_ASKED,
        "Question to the manager about an absence",
        holds="link",
        is_to_manager=True,
    ),
    MailTopic("absence.decided", "What was decided about an absence"),
)

State = AbsenceCase.State
# What is written anew whenever a case is opened.
_OPENED = (
    "state", "opened_at", "key", "manager_email", "manager_reason", "manager_reason_at", "pence",
    "decided_at", "decided_by", "why",
)  # fmt: skip
_TAKEN = "Somebody else came in the place."
# For answers by link; a coordinator may decide any day.
ANSWERED_WITHIN = timedelta(days=28)


class CaseSettled(Refused):
    """It has been decided, or closed by itself."""

    sentence = "This has been settled already."


class NothingToCharge(Refused):
    """The rules that were promised charge nothing."""

    sentence = "Nothing is charged by the rules that were promised with this booking."


def to_decide() -> QuerySet[AbsenceCase]:
    """Cases that wait for a coordinator, the oldest first."""
    return AbsenceCase.objects.filter(state=State.OPEN).order_by("opened_at", "pk")


def absence_of(booking: Booking) -> AbsenceCase | None:
    """The case of a booking whose person did not come; costs a statement for those alone."""
    if booking.outcome != Booking.Outcome.ABSENT:
        return None
    return AbsenceCase.objects.filter(booking=booking).first()


def absences_of(person: User) -> list[AbsenceCase]:
    """A person's cases, the newest first."""
    theirs = AbsenceCase.objects.filter(booking__person=person)
    shown = theirs.select_related("booking__session__course").order_by("-opened_at", "-pk")
    return list(shown.defer("booking__session__course__search"))


def open_cases(bookings: Sequence[Booking], *, now: datetime) -> list[Draft]:
    """A case for each of these absences, or the one of before opened again; what is to be told.

    The caller holds the session's lock. Where somebody else came in the place, a case is closed at
    once if the promised rules say so. What one manager said is not kept where another is asked.
    """
    keys = [each.pk for each in bookings]
    absent = (
        Booking.objects.filter(pk__in=keys)
        .select_related("person__agency", "agency", "policy", "approval", "session__course")
        .prefetch_related("session__sittings", "policy__bands")
    )
    taken = Booking.objects.filter(replaces__in=keys, is_walk_in=True, outcome__in=Booking.CAME)
    in_their_place = set(taken.values_list("replaces_id", flat=True))
    before = AbsenceCase.objects.filter(booking__in=keys)
    known = {each.booking_id: each for each in before}
    cases: list[AbsenceCase] = []
    for booking in absent.order_by("pk"):
        sittings = [SittingTimes.of(each) for each in booking.session.sittings.all()]
        manager = manager_to_ask(booking)
        is_closed = booking.pk in in_their_place and _is_free_if_taken(booking)
        case = known.get(booking.pk) or AbsenceCase()
        case.booking, case.opened_at, case.key = booking, now, new_absence_key()
        if case.manager_email != manager:
            case.manager_reason, case.manager_reason_at = "", None
        case.manager_email = "" if is_closed else manager
        case.pence = terms.absence_pence(booking, sittings)
        case.state, case.decided_at, case.decided_by, case.why = State.OPEN, None, None, ""
        if is_closed:
            case.state, case.decided_at = State.CLOSED, now
            case.why = _TAKEN
        cases.append(case)
    AbsenceCase.objects.bulk_create([each for each in cases if each.pk is None])
    AbsenceCase.objects.bulk_update([each for each in cases if each.booking_id in known], _OPENED)
    opened = [each for each in cases if each.state == State.OPEN]
    drafts = [asked(each) for each in opened]
    return drafts + [asked_of_manager(each) for each in opened if each.manager_email]


def look_again(came: Booking, *, now: datetime) -> list[Draft]:
    """Somebody who came in another's place was there after all, or was not; what is to be told.

    The absence of the other follows: a case that closed by itself for it is opened again, or one
    that is open or charged ends, if the promised rules say so. The caller holds the session's lock.
    """
    cases = AbsenceCase.objects.select_related("booking__policy")
    case = cases.filter(booking=came.replaces_id, booking__outcome=Booking.Outcome.ABSENT).first()
    if case is None:
        return []
    was_there = came.outcome in Booking.CAME
    if case.state == State.CLOSED and not was_there:
        return open_cases([case.booking], now=now)
    if case.state in (State.OPEN, State.CHARGED) and was_there and _is_free_if_taken(case.booking):
        return end_case(case.booking, why=_TAKEN, now=now)
    return []


def _is_free_if_taken(booking: Booking) -> bool:
    return booking.policy is None or booking.policy.absence_free_if_taken


def end_case(booking: Booking, *, why: str, now: datetime) -> list[Draft]:
    """Nothing is asked or charged any more, for this reason; what is to be told.

    The caller holds the session's lock.
    """
    case = AbsenceCase.objects.select_for_update().filter(booking=booking).first()
    if case is None or case.state == State.CLOSED:
        return []
    case.booking = booking
    _store(case, State.CLOSED, by=None, why=why, now=now)
    return [decided(case, now=now)]


def say_why(*, case: AbsenceCase, reason: str, now: datetime, is_manager: bool = False) -> None:
    """Keep the reason that the person gives, or their manager. Raises `CaseSettled`."""
    name = "manager_reason" if is_manager else "reason"
    open_one = AbsenceCase.objects.filter(pk=case.pk, state=State.OPEN, key=case.key)
    if not open_one.update(**{name: reason, f"{name}_at": now}):
        raise CaseSettled


def accept(*, case: AbsenceCase, why: str, by: User, now: datetime) -> None:
    """The reason is accepted: nothing is charged. Raises `CaseSettled`."""
    _settle(case, State.ACCEPTED, why=why, by=by, now=now)


def decline(*, case: AbsenceCase, why: str, by: User, now: datetime) -> None:
    """The reason is not accepted, and nothing is charged all the same. Raises `CaseSettled`."""
    _settle(case, State.DECLINED, why=why, by=by, now=now)


def charge(*, case: AbsenceCase, why: str, by: User, now: datetime) -> None:
    """The absence is charged, by the band promised when it was booked.

    Raises `CaseSettled` or `NothingToCharge`.
    """
    _settle(case, State.CHARGED, why=why, by=by, now=now)


def waive(*, case: AbsenceCase, why: str, by: User, now: datetime) -> None:
    """The charge is taken back. Raises `CaseSettled` if there is none any more."""
    _settle(case, State.CLOSED, was=State.CHARGED, why=why, by=by, now=now)


def _settle(
    case: AbsenceCase,
    state: AbsenceCase.State,
    *,
    was: AbsenceCase.State = State.OPEN,
    why: str,
    by: User,
    now: datetime,
) -> None:
    with locked_booking(case.booking) as (_, booking):
        fresh = AbsenceCase.objects.select_for_update().get(pk=case.pk)
        fresh.booking = booking
        if fresh.state != was:
            raise CaseSettled
        if state == State.CHARGED and not fresh.pence:
            raise NothingToCharge
        _store(fresh, state, by=by, why=why, now=now)
        outbox.post([decided(fresh, now=now)], now=now)


def _store(
    case: AbsenceCase, state: AbsenceCase.State, *, by: User | None, why: str, now: datetime
) -> None:
    case.state, case.decided_at, case.decided_by, case.why = state, now, by, why
    case.save(update_fields=["state", "decided_at", "decided_by", "why"])
    booking = case.booking
    booking.charge_pence = case.pence if state == State.CHARGED else 0
    booking.save(update_fields=["charge_pence"])
    told = f"{sentence_of(case)} {why}".strip()
    history.record([booking], BookingEvent.What.ABSENCE_SETTLED, by=by, now=now, why=told)


def sentence_of(case: AbsenceCase) -> str:
    """How a case stands, in a sentence."""
    match case.state:
        case State.CHARGED:
            return f"Absence: {pounds(case.pence)} is charged."
        case State.ACCEPTED:
            return "The reason for the absence was accepted: nothing is charged."
        case State.DECLINED:
            return "The reason for the absence was not accepted: nothing is charged."
        case State.CLOSED:
            return "Nothing is charged for the absence."
    return "It is to be decided what follows from the absence."


def counts_as(case: AbsenceCase) -> str:
    """What a corrected register says instead of an absence; nothing while it says so."""
    booking = case.booking
    is_absent = booking.outcome == Booking.Outcome.ABSENT
    return "" if is_absent else booking.get_outcome_display().lower()


def asked(case: AbsenceCase) -> Draft:
    """To the person: why did they not come?"""
    payload = {"pence": case.pence}
    return about(case.booking, ASKED, case.opened_at.isoformat(), payload)


def asked_of_manager(case: AbsenceCase) -> Draft:
    """To the manager, by a link of their own: do they know why?"""
    key = hashlib.sha256(case.key.encode()).hexdigest()[:16]
    return Draft(
        topic=MANAGER_ASKED,
        subject_key=f"booking:{case.booking_id}",
        revision=case.opened_at.isoformat(),
        stream=f"absence:{case.booking_id}:{key}",
        to_email=case.manager_email,
        booking_id=case.booking_id,
        payload={"pence": case.pence, "absence_key_of": case.pk},
    )


def decided(case: AbsenceCase, *, now: datetime) -> Draft:
    """To the person: what follows from it."""
    payload: dict[str, Any] = {"state": case.state, "pence": case.pence, "why": case.why}
    payload["counts_as"] = counts_as(case)
    return about(case.booking, "absence.decided", now.isoformat(), payload)
