"""One person: what they have booked, what was sent to them, their roles, notes, who looked."""

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.leaving import is_forgotten
from accounts.models import AccessRecord, User
from accounts.roles import may_change_account
from accounts.views import signed_in
from booking.attendance.absences import absences_of
from booking.desk.person.finding import roles_of
from booking.desk.questions import point_out_meetings_typed
from booking.learning.models import PriorLearning
from booking.outbox.models import ACCOUNT_MAIL, Message
from booking.outbox.topics import topic_of
from booking.places.history import repeated_absences
from booking.places.models import Booking
from booking.privacy import accounts_of_people
from booking.privacy.models import PersonNote
from booking.site.form_kit import Form
from booking.site.web import done, page, posted

_SHOWN = 20


def person_of(request: HttpRequest, person_id: int, *, what: str = "person") -> User:
    """Anybody, for a coordinator whose look goes on record. Raises `Http404`."""
    found = User.objects.select_related("agency", "agency_confirmed_by")
    person = get_object_or_404(found, pk=person_id)
    looked_at(person, by=signed_in(request), what=what)
    return person


@desk(post=60)
def person(request: HttpRequest, person_id: int) -> HttpResponse:
    """All that coordinators need of one person; a note is added here."""
    who, by, now = person_of(request, person_id), signed_in(request), timezone.now()
    form = NoteForm(posted(request))
    if form.is_valid():
        accounts_of_people.note(person=who, by=by, now=now, **form.cleaned_data)
        point_out_meetings_typed(request, form)
        return done(request, "The note is kept.", "manage_person", who.pk)
    bookings = Booking.objects.for_person(who).with_session().with_who_has_it_instead()
    bookings = bookings.select_related("session__register")
    ahead = Q(state__in=Booking.LIVE, session__ends_at__gt=now)
    live = list(bookings.with_position().filter(ahead).order_by("session__starts_at", "pk"))
    mails = _mails(who)
    context = {
        "person": who,
        "roles": roles_of(who),
        "may_change": may_change_account(who, by=by),
        "is_forgotten": is_forgotten(who),
        "live": live,
        "needs": [each for each in live if each.needs],
        "before": _some(bookings.exclude(ahead).order_by("-session__starts_at", "-pk")),
        "absences": absences_of(who),
        "repeated": repeated_absences([who.pk], now=now).get(who.pk, ""),
        "now": now,
        "mails": [(topic_of(each.topic).words, each) for each in mails],
        "learning": _some(PriorLearning.objects.filter(person=who).select_related("course")),
        "notes": PersonNote.objects.filter(person=who).select_related("by"),
        "looks": _some(AccessRecord.objects.filter(whom=who).select_related("by")),
        "form": form,
        "most": _SHOWN,
    }
    return page(request, "desk/person/person.html", context)


def _some[Row: Booking | Message | PriorLearning | AccessRecord](
    rows: QuerySet[Row],
) -> list[Row]:
    return list(rows[:_SHOWN])


def _mails(person: User) -> list[Message]:
    """The last mails to them, also about their account, without their texts."""
    theirs = Q(recipient=person) | Q(topic=ACCOUNT_MAIL, to_email=person.email)
    mails = Message.objects.filter(theirs).with_doubts().defer("mime", "payload")
    return _some(mails.order_by("-id"))


class NoteForm(Form):
    """A note about somebody, for coordinators."""

    text = forms.CharField(
        label="Add a note",
        max_length=1000,
        help_text="Coordinators see it here, and it is part of the copy that the person may ask"
        " for.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
