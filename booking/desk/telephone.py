"""Booking for somebody on the telephone: found by a few letters, or written down as they speak.

Every rule that stands in the way is named at once. Each that a coordinator may let them past asks
for a reason of its own; a reason left empty leaves the rule as it is.
"""

from collections.abc import Sequence, Set
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.access import desk, looked_at
from accounts.agency_question import EmployerForm
from accounts.fields import NameQuestion, email_field
from accounts.models import User
from accounts.views import signed_in
from booking.catalogue.models import Session
from booking.desk.queries import managed_session
from booking.places.agency import callers
from booking.places.history import repeated_absences
from booking.places.lock import practitioner_as_read, read_newcomer, read_session
from booking.places.models import Booking
from booking.places.pages.forms import NEEDS_LENGTH
from booking.places.refusals import Effect
from booking.places.rules.decision import Decision, decide
from booking.places.rules.line import asked_for
from booking.places.rules.rules import MANAGER, NEEDS_ONE_MORE
from booking.site.form_kit import Form
from booking.site.readable import key_in
from booking.site.web import done, page, posted, refusals_shown, search_text, searched

_SHOWN = 12
_SHORTEST_SEARCH = 2
_REASON_LENGTH = 300
_ONE_MORE = "one more place"
# What a press sends that has not seen the rules, and what it sends that has.
_SEEN = "seen"


class CallerForm(Form):
    """What is asked for somebody on the telephone, and a reason for each rule they may be let past.

    `decision` says which rules stand in the way, `seen` which of them the page had shown. Without a
    reason nobody is let past one that has been seen and without which nothing can be booked.
    """

    needs = forms.CharField(
        label="Access or dietary needs (optional)",
        max_length=NEEDS_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(
        self,
        *args: Any,
        decision: Decision,
        session: Session,
        person: User,
        seen: Set[str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.decision, self.seen, self.in_the_way = decision, seen, _in_the_way(decision)
        asks_manager = any(MANAGER in names for names, _ in self.in_the_way)
        if asks_manager:
            self.fields["manager_email"] = email_field(
                "Their line manager’s work email address",
                help_text="They are emailed a link by which they agree or do not.",
                required=False,
                initial=person.manager_email,
            )
        for names, sentences in self.in_the_way:
            why = f"eason to book all the same: {' '.join(sentences)}"
            self.fields[_field_of(names)] = forms.CharField(
                label=f"R{why}",
                help_text=_help(names, decision),
                max_length=_REASON_LENGTH,
                required=_is_refused(names, decision) and MANAGER not in names and seen >= {*names},
                error_messages={"required": f"Enter the r{why}"},
            )
        if session.is_online:
            self.fields["needs"].label = "Access needs (optional)"
        self.order_fields([*(_field_of(names) for names, _ in self.in_the_way), "manager_email"])

    def clean(self) -> dict[str, Any]:
        """Their manager is named, or there is a reason to ask none."""
        cleaned: dict[str, Any] = super().clean() or {}
        is_asked = MANAGER in self.seen and not cleaned.get(_field_of([MANAGER]))
        for refused in self.decision.against:
            if refused.rule == MANAGER and is_asked and "manager_email" not in self.errors:
                self.add_error("manager_email", refused.about_another)
        return cleaned

    @property
    def overriding(self) -> dict[str, str]:
        """The reasons that were typed, each for its rules."""
        typed = ((names, self.cleaned_data[_field_of(names)]) for names, _ in self.in_the_way)
        found = {name: reason for names, reason in typed if reason for name in names}
        if NEEDS_ONE_MORE & set(found):
            # Whichever of them speaks under the lock, it is for one place more.
            reason = next(found[name] for name in NEEDS_ONE_MORE if name in found)
            found |= dict.fromkeys(NEEDS_ONE_MORE, reason)
        return found


def _in_the_way(decision: Decision) -> list[tuple[tuple[str, ...], list[str]]]:
    """The rules that a coordinator may let somebody past, those about a free place as one."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for refused in decision.against:
        if refused.may_be_overridden:
            key = _ONE_MORE if refused.rule in NEEDS_ONE_MORE else refused.rule
            names, sentences = found.setdefault(key, ([], []))
            names.append(refused.rule)
            sentences.append(refused.about_another)
    if decision.manager and not decision.is_agreed:
        asked = f"Their line manager, {decision.manager}, is asked first."
        found.setdefault(MANAGER, ([MANAGER], [asked]))
    return [(tuple(names), sentences) for names, sentences in found.values()]


def _field_of(names: Sequence[str]) -> str:
    return "past_" + names[0].replace(" ", "_").replace("'", "")


def _is_refused(names: Sequence[str], decision: Decision) -> bool:
    """Whether one of these rules keeps them from a turn on the waiting list too."""
    against = [each for each in decision.against if each.rule in names]
    return any(each.effect == Effect.REFUSES for each in against)


def _help(names: Sequence[str], decision: Decision) -> str:
    if MANAGER in names:
        return "With a reason, no manager is asked."
    if _is_refused(names, decision):
        return "Without a reason, they cannot be booked."
    they_wait = f"they join the waiting list as number {decision.number}."
    if NEEDS_ONE_MORE & set(names):
        more = "With a reason, the session gets one place more, which is theirs."
        return f"{more} Without one, {they_wait}"
    return f"Without a reason, {they_wait}"


class UnknownCallerForm(EmployerForm):
    """Somebody who has no account yet, as they say it on the telephone."""

    whose = "their"
    first_name = NameQuestion(label="First name", max_length=100)
    last_name = NameQuestion(label="Last name", max_length=100)
    email = email_field(
        "Work email address (optional)",
        help_text="Without one, what they are told goes out by post.",
        required=False,
    )
    phone = NameQuestion(label="Phone number (optional)", max_length=30, required=False)
    job_title = NameQuestion(label="Job title (optional)", max_length=150, required=False)

    def __init__(self, data: QueryDict | None) -> None:
        super().__init__(data, person=User(), known_agency=None, initial={})
        self.fields["agency_name"].label = "Who do they work for?"
        self.fields["agency_name"].help_text = "If a name on our list fits, choose it."


def _decided(session: Session, person: User, by: User, named: str) -> Decision:
    """What booking would come to now. Reads only."""
    read, now = read_session(session.pk), timezone.now()
    newcomer = read_newcomer(read.session, practitioner_as_read(person, read.rules), now=now)
    case, _ = asked_for(read, newcomer, by=by, named=named, now=now)
    return decide(case)


@desk(post=60)
def add_person(request: HttpRequest, session_id: int) -> HttpResponse:
    """Find somebody by a few letters, or write them down, and give them a place."""
    session, by = managed_session(session_id), signed_in(request)
    if "new" in request.GET:
        return _new_person(request, session)
    key = key_in(request.POST.get("person") or request.GET.get("person", ""))
    if key is not None:
        person = get_object_or_404(User.objects.select_related("agency"), pk=key, is_active=True)
        return _book(request, session, person)
    search = search_text(request)
    is_asked = len(search) >= _SHORTEST_SEARCH
    people = User.objects.found_by(search).filter(is_active=True).some_by_name()
    found = list(people.select_related("agency")[: _SHOWN + 1]) if is_asked else []
    if len(found) == 1 and request.method == "GET":
        return _book(request, session, found[0])
    looked_at(None, by=by, what="people found", rows=len(found[:_SHOWN]))
    booked = Booking.objects.for_session(session).live().filter(person__in=found)
    keys = dict(booked.values_list("person_id", "pk"))
    context = {
        "session": session,
        "search": search,
        "too_short": search and not is_asked,
        "found": [(each, keys.get(each.pk)) for each in found[:_SHOWN]],
        "has_more": len(found) > _SHOWN,
        "new": reverse("manage_session_add", args=[session.pk]) + "?new",
    }
    return page(request, "desk/telephone/find_person.html", context)


def _new_person(request: HttpRequest, session: Session) -> HttpResponse:
    """Write somebody down, then go on as for anybody else."""
    form = UnknownCallerForm(posted(request))
    context: dict[str, Any] = {"session": session, "form": form}
    if form.is_valid():
        with refusals_shown(context, beside=form):
            person = callers.write_down(
                by=signed_in(request), now=timezone.now(), **form.cleaned_data
            )
            return redirect(_to(session, person))
    return page(request, "desk/telephone/new_person.html", context)


def _to(session: Session, person: User) -> str:
    """The page on which this person is booked."""
    address = reverse("manage_session_add", args=[session.pk])
    return f"{address}?{urlencode({'person': person.pk})}"


def _book(request: HttpRequest, session: Session, person: User) -> HttpResponse:
    """Book, if every rule in the way has been seen; else show them, with a reason for each."""
    by = signed_in(request)
    looked_at(person, by=by, what="booking for them")
    named = request.POST.get("manager_email") or person.manager_email
    decision = _decided(session, person, by, named)
    has_seen = request.method == "POST" and _SEEN in request.POST
    seen = set(request.POST.getlist(_SEEN))
    form = CallerForm(
        posted(request) if has_seen else None,
        decision=decision,
        session=session,
        person=person,
        seen=seen,
    )
    names = {name for rules, _ in form.in_the_way for name in rules}
    never = [each for each in decision.against if not each.may_be_overridden]
    context: dict[str, Any] = {
        "session": session,
        "person": person,
        "form": form,
        "decision": decision,
        "repeated": repeated_absences([person.pk], now=timezone.now()).get(person.pk, ""),
        "never": never,
        "is_never": any(each.effect == Effect.REFUSES for each in never),
        "names": sorted(names) or [""],
        "is_new_rule": has_seen and not names <= seen,
    }
    may_go_on = names <= seen and form.is_valid() if has_seen else not (names or never)
    if request.method == "POST" and may_go_on:
        with refusals_shown(context):
            return _booked(request, session, person, form if has_seen else None, seen)
    return page(request, "desk/telephone/book.html", context)


def _booked(
    request: HttpRequest, session: Session, person: User, form: CallerForm | None, seen: set[str]
) -> HttpResponse:
    """Do it, and say what it came to. Raises `PlaceRefused`."""
    typed = form.cleaned_data if form else {}
    booking = callers.book_caller(
        session=session,
        person=person,
        by=signed_in(request),
        now=timezone.now(),
        needs=typed.get("needs", ""),
        manager_email=typed.get("manager_email", ""),
        overriding=form.overriding if form else {},
    )
    if booking.state == Booking.State.WAITING:
        words = f"{person} is number {booking.waiting_position} on the waiting list."
        if not NEEDS_ONE_MORE & seen:
            words = f"The last place went a moment ago. {words}"
            messages.warning(request, words)
            return redirect(booking)
        return done(request, words, booking.get_absolute_url())
    words = "has a place" if booking.state == Booking.State.CONFIRMED else "has a place held"
    return done(request, f"{person} {words}.", booking.get_absolute_url())


@desk()
def book_for(request: HttpRequest, person_id: int) -> HttpResponse:
    """The sessions ahead, to book one for a person; every row has its button."""
    people = User.objects.select_related("agency")
    person = get_object_or_404(people, pk=person_id, is_active=True)
    looked_at(person, by=signed_in(request), what="booking for them")
    search, now = search_text(request), timezone.now()
    ahead = Session.objects.upcoming(now=now).for_pages()
    ahead = searched(ahead, search, "course__title", "course__code", "reference")
    found = list(ahead.order_by("starts_at", "pk")[: _SHOWN + 1])
    booked = Booking.objects.for_person(person).live().filter(session__in=found)
    keys = dict(booked.values_list("session_id", "pk"))
    context = {
        "person": person,
        "search": search,
        "found": [(each, keys.get(each.pk)) for each in found[:_SHOWN]],
        "has_more": len(found) > _SHOWN,
    }
    return page(request, "desk/telephone/find_session.html", context)
