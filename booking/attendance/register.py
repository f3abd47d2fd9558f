"""The register on a tablet: one press for a person and a sitting, and closing it in one page.

For trainers of the session and coordinators. It works without a script; with one, what is pressed
is kept while there is no connection (static/briefed/register.js) and sent once there is again.
Nobody's needs are shown: the page goes round the room.
"""

import json
import re
from datetime import datetime
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.access import looked_at, signed_in_page
from accounts.models import User
from accounts.views import signed_in
from booking.attendance import closing, marking
from booking.attendance.lists import session_with_people
from booking.attendance.marking import Press
from booking.attendance.models import MARK_KEY_LENGTH, Mark
from booking.attendance.outcomes import minutes_between
from booking.attendance.roster import Roster, found_on, marks_of, not_certain, roster_of
from booking.catalogue.models import Session, Sitting
from booking.places.models import Booking
from booking.site.form_kit import Form, whole_number_field
from booking.site.readable import key_in
from booking.site.refusals import Refused
from booking.site.web import done, page, posted, refusals_shown, search_text
from booking.site.wording import counted, sitting_times

What, Outcome = Mark.What, Booking.Outcome
# A whole conference may be marked in a few minutes, and a tablet may send what it has kept.
_A_MINUTE = 600
_MOST_AT_ONCE = 2000
_MOST_MINUTES = 1000
# In seconds: what is longer ago than anybody lives is no time.
_LONGEST_AGO = 1e13
_LATE = "late"
_UNDO = "undo"
_PRESSES = (What.ATTENDED, What.ABSENT, What.APOLOGIES)
# What a script sends, and the random name of each press.
_SENT = (*_PRESSES, _LATE, What.NOTHING)
_KEY = re.compile(rf"[A-Za-z0-9.-]{{1,{MARK_KEY_LENGTH}}}")


@signed_in_page(post=_A_MINUTE)
def register(request: HttpRequest, session_id: int) -> HttpResponse:
    """Everybody with a place, with a press for what was seen of each at one sitting."""
    by, now = signed_in(request), timezone.now()
    session = session_with_people(by, session_id, now=now)
    if "marks" in request.POST:
        return _kept_marks(request, session, now=now)
    if request.method == "POST":
        return _pressed(request, session, now=now)
    roster = roster_of(session)
    sitting = roster.sitting(key_in(request.GET.get("sitting", "")), now=now)
    looked_at(session, by=by, what="register", rows=len(roster.attendees))
    return _page(request, roster, sitting, now=now)


def _page(
    request: HttpRequest,
    roster: Roster,
    sitting: Sitting,
    *,
    now: datetime,
    refusal: Refused | None = None,
) -> HttpResponse:
    session, at = roster.session, roster.number_of(sitting)
    search = search_text(request)
    found = found_on(session, search) if search else None
    # The key as a text: a thousand rows show it several times each.
    rows = [
        (each, each.seen[at], str(each.booking.pk))
        for each in roster.attendees
        if found is None or each.booking.pk in found
    ]
    seen = [each.seen[at].what for each in roster.attendees]
    is_on = marking.may_be_marked(session, now=now) and not roster.is_closed
    begins = marking.marking_begins(session, sitting)
    is_begun = is_on and begins is not None and begins <= now
    context = {
        "session": session,
        "sitting": sitting,
        "sittings": roster.sittings,
        "roster": roster,
        "rows": rows,
        "search": search,
        "came": sum(each in Mark.CAME for each in seen),
        "unmarked": sum(each == What.NOTHING for each in seen),
        "is_on": is_on,
        "is_begun": is_begun,
        # At once means everybody: not those alone whom a search has found.
        "others": roster.open_otherwise(sitting) if is_begun and not search else [],
        "may_undo_everybody": any(each.seen[at].is_with_everybody for each in roster.attendees),
        "is_late": sitting.starts_at < now < sitting.ends_at,
        "not_certain": not_certain(session),
        "may_close": closing.may_be_closed(session, now=now) and not roster.is_closed,
        "closes_from": closing.closes_from(session),
        "not_yet": marking.NotYetMarked(begins),
        "refusal": refusal,
    }
    return page(request, "attendance/register.html", context)


def _pressed(request: HttpRequest, session: Session, *, now: datetime) -> HttpResponse:
    """Do what was pressed, then show the same sitting again, at the person."""
    by, typed = signed_in(request), request.POST
    sittings = session.sittings.all()
    sitting = get_object_or_404(sittings, pk=key_in(typed.get("sitting", "")) or 0)
    booking, _, what = typed.get("press", "").partition(":")
    key = key_in(booking)
    address = f"{request.path}?{urlencode({'sitting': sitting.pk})}"
    held: dict[str, Any] = {"session": session, "sitting": sitting, "by": by, "now": now}
    try:
        if "everybody" in typed:
            roster = roster_of(session)
            others = {each.booking.pk for each in roster.open_otherwise(sitting)}
            standing = [e.booking.pk for e in roster.attendees if e.booking.pk not in others]
            number = marking.mark_everybody_else(**held, standing=standing)
            return done(request, f"{number} more marked as attended.", address)
        if "everybody-back" in typed:
            number = marking.undo_everybody_else(**held)
            return done(request, f"{number} not marked any more.", address)
        if key is not None and what == _UNDO:
            marking.undo_mark(**held, booking_id=key)
        elif key is not None and what in (*_PRESSES, _LATE):
            press = _press(key, sitting, what, at=now)
            marking.mark(session=session, presses=[press], by=by, now=now)
    except Refused as refused:
        return _page(request, roster_of(session), sitting, now=now, refusal=refused)
    search = search_text(request)
    address += f"&{urlencode({'q': search})}" if search else ""
    return redirect(f"{address}#b{key}" if key is not None else address)


def _press(
    booking: int, sitting: Sitting, what: str, *, at: datetime, key: str | None = None
) -> Press:
    """A press of a button; “late” is as late as it was pressed."""
    pressed: dict[str, Any] = {"booking": booking, "sitting": sitting.pk, "key": key, "at": at}
    if what == _LATE:
        late = minutes_between(sitting.starts_at, min(at, sitting.ends_at))
        return Press(**pressed, what=What.ATTENDED, late=late)
    return Press(**pressed, what=What(what), confirms=what == What.ATTENDED)


def _kept_marks(request: HttpRequest, session: Session, *, now: datetime) -> HttpResponse:
    """What a tablet has kept, in its order: each is noted once, whatever is sent again.

    The answer says of each that could not be noted why not, by the name of the press.
    """
    sittings = {each.pk: each for each in session.sittings.all()}
    presses = _read_marks(request.POST["marks"], sittings, now=now)
    try:
        noted = marking.note_presses(
            session=session, presses=presses, by=signed_in(request), now=now
        )
    except Refused as refused:
        left_out, status = dict.fromkeys(presses, refused), 409
    else:
        left_out, status = noted.left_out, 200
    why = {str(each.key): refused.with_instead for each, refused in left_out.items()}
    return JsonResponse({"left_out": why}, status=status)


def _read_marks(text: str, sittings: dict[int, Sitting], *, now: datetime) -> list[Press]:
    """The presses in what a script has sent; what is none is left out."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return []
    presses = []
    for each in told[:_MOST_AT_ONCE] if isinstance(told, list) else []:
        if not isinstance(each, dict):
            continue
        booking, key = key_in(str(each.get("booking"))), each.get("key")
        sitting_key = key_in(str(each.get("sitting")))
        what, ago = each.get("what"), each.get("ago")
        if booking is None or sitting_key is None:
            continue
        if not isinstance(ago, int | float) or not isinstance(key, str):
            continue
        if what in _SENT and _KEY.fullmatch(key) and abs(ago) < _LONGEST_AGO:
            at = marking.pressed_at(ago, now=now)
            # A date that is gone meanwhile is told as such.
            sitting = sittings.get(sitting_key, Sitting(pk=sitting_key, starts_at=at, ends_at=at))
            presses.append(_press(booking, sitting, what, at=at, key=key))
    return presses


class MinutesForm(Form):
    """How much of a sitting somebody was there."""

    sitting = forms.ModelChoiceField(
        label="Date", queryset=Sitting.objects.none(), empty_label=None
    )
    what = forms.ChoiceField(
        label="What was seen",
        choices=[(each.value, each.label) for each in What if each != What.NOTHING],
        widget=forms.RadioSelect,
        error_messages={"required": "Say what was seen."},
    )
    late = whole_number_field("Minutes late (optional)", 0, _MOST_MINUTES, required=False)
    early = whole_number_field("Minutes left early (optional)", 0, _MOST_MINUTES, required=False)

    def __init__(self, *args: Any, session: Session, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        dates = self.fields["sitting"]
        dates.queryset = session.sittings.all()  # type: ignore[attr-defined]
        dates.label_from_instance = lambda each: sitting_times(each.starts_at, each.ends_at)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Minutes are missed only by somebody who came, and no more than the date has."""
        told: dict[str, Any] = super().clean() or {}
        late, early = told.get("late") or 0, told.get("early") or 0
        if not (late or early) or "what" not in told or "sitting" not in told:
            return told
        length = minutes_between(told["sitting"].starts_at, told["sitting"].ends_at)
        field = "late" if late > length or not early else "early"
        if told["what"] not in Mark.CAME:
            seen = What(told["what"]).label
            why = f"Leave the minutes empty for “{seen}”, or say that the person came."
            self.add_error(field, why)
        elif late + early > length:
            missed, of = counted(late + early, "minute"), counted(length, "minute")
            self.add_error(field, f"This date lasts {of}, so nobody misses {missed} of it.")
        return told


class CorrectionForm(Form):
    """Another outcome, and why."""

    outcome = forms.ChoiceField(
        label="What came of the place",
        choices=Outcome.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Say what came of the place."},
    )
    why = forms.CharField(
        label="Why is it corrected?",
        max_length=300,
        help_text="It stays with the booking, and the person can read it.",
        error_messages={"required": "Say why it is corrected."},
    )


def _on_register(by: User, session_id: int, booking_id: int, *, now: datetime) -> Booking:
    """A booking on the register of a session whose people `by` may see; the look is recorded."""
    session = session_with_people(by, session_id, now=now)
    confirmed = Booking.objects.for_session(session).confirmed()
    booking = get_object_or_404(confirmed.select_related("person__agency"), pk=booking_id)
    booking.session = session
    looked_at(booking.person, by=by, what="register")
    return booking


@signed_in_page(post=60)
def person(request: HttpRequest, session_id: int, booking_id: int) -> HttpResponse:
    """One person on the register: minutes and every mark; once it is closed, a correction."""
    by, now = signed_in(request), timezone.now()
    booking = _on_register(by, session_id, booking_id, now=now)
    session = booking.session
    roster = roster_of(session, only=[booking.pk])
    now_at = roster.sitting(key_in(request.GET.get("sitting", "")), now=now)
    if roster.is_closed:
        form: Form = CorrectionForm(posted(request), initial={"outcome": booking.outcome})
    else:
        form = MinutesForm(posted(request), session=session, initial={"sitting": now_at})
    context = {
        "session": session,
        "booking": booking,
        "roster": roster,
        "attendee": roster.attendees[0],
        "is_on": marking.may_be_marked(session, now=now),
        "by_sitting": zip(roster.sittings, roster.attendees[0].seen, strict=True),
        "marks": marks_of(booking),
        "form": form,
        "back": f"{reverse('register', args=[session.pk])}?{urlencode({'sitting': now_at.pk})}",
    }
    if form.is_valid():
        with refusals_shown(context, beside=form):
            return _saved(request, booking, form, now=now)
    return page(request, "attendance/register_person.html", context)


def _saved(request: HttpRequest, booking: Booking, form: Form, *, now: datetime) -> HttpResponse:
    """Keep the minutes, or the correction."""
    by, told, session = signed_in(request), form.cleaned_data, booking.session
    if isinstance(form, CorrectionForm):
        outcome = Outcome(told["outcome"])
        closing.correct_outcome(booking=booking, outcome=outcome, why=told["why"], by=by, now=now)
        words = f"{booking.person}: corrected to “{outcome.label}”."
        return done(request, words, "register", session.pk)
    sitting = told["sitting"]
    press = Press(
        booking=booking.pk,
        sitting=sitting.pk,
        what=What(told["what"]),
        late=told["late"],
        early=told["early"],
    )
    marking.mark(session=session, presses=[press], by=by, now=now)
    address = f"{reverse('register', args=[session.pk])}?{urlencode({'sitting': sitting.pk})}"
    return done(request, f"{booking.person}: noted.", f"{address}#b{booking.pk}")


@signed_in_page(post=60)
def close(request: HttpRequest, session_id: int) -> HttpResponse:
    """What is open, what the rule makes of each, what differs from the presses; then close."""
    by, now = signed_in(request), timezone.now()
    session = session_with_people(by, session_id, now=now)
    roster = roster_of(session)
    may_close = closing.may_be_closed(session, now=now)
    refusal = marking.RegisterClosed() if roster.is_closed else None
    context: dict[str, Any] = {
        "session": session,
        "roster": roster,
        "may_close": may_close and not roster.is_closed,
        "seen": closing.fingerprint(roster),
        "by_outcome": [
            (outcome, [each for each in roster.attendees if each.outcome == outcome])
            for outcome in Outcome
        ],
        "differences": [each for each in roster.attendees if each.is_decided_by_rule],
        "refusal": refusal or (None if may_close else closing.CannotBeClosedYet(session)),
    }
    if request.method == "POST" and not context["refusal"]:
        with refusals_shown(context):
            seen = request.POST.get("seen", "")
            closing.close_register(session=session, seen=seen, by=by, now=now)
            return done(request, "The register is closed.", "register", session.pk)
    looked_at(session, by=by, what="register", rows=len(roster.attendees))
    return page(request, "attendance/register_close.html", context)
