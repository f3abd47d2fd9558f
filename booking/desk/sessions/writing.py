"""Writing to people of a session, for trainers too: typed, shown with whom it goes to, sent."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone

from accounts.access import looked_at, signed_in_page
from accounts.views import signed_in
from booking.attendance.lists import session_with_people
from booking.catalogue.bounds import LONGEST_TEXT
from booking.catalogue.models import Session
from booking.desk.questions import point_out_meetings, small_boxes
from booking.places.models import Booking
from booking.scheduling.writing import (
    GROUPS,
    OthersByNow,
    check_may_write,
    recipients,
    write_to_people,
)
from booking.site.form_kit import Form
from booking.site.readable import key_in
from booking.site.web import done, page, posted, refusals_shown
from booking.site.wording import counted, in_mails

_SENT_SHOWN = 20


class WriteForm(Form):
    """What is written to which people of a session."""

    states = forms.MultipleChoiceField(
        label="To everybody of these", required=False, widget=small_boxes()
    )
    chosen = forms.MultipleChoiceField(
        label="And to these people", required=False, widget=small_boxes()
    )
    subject = forms.CharField(max_length=120)
    text = forms.CharField(
        label="Message",
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="Plain text. The email adds a greeting, and when and where the session is.",
    )

    def __init__(self, data: QueryDict | None, *, people: Sequence[Booking], chosen: str) -> None:
        super().__init__(data, initial={"chosen": [chosen]})
        fields = cast(dict[str, Any], self.fields)
        numbers = Counter(booking.state for booking in people)
        fields["states"].choices = [
            (state, f"{counted(numbers[state], 'person', 'people')} {words}")
            for state, words in GROUPS.items()
            if numbers[state]
        ]
        fields["chosen"].choices = [
            (str(each.pk), f"{each.person}, {each.get_state_display().lower()}") for each in people
        ]

    def clean_subject(self) -> str:
        """One line."""
        return " ".join(str(self.cleaned_data["subject"]).split())

    def clean(self) -> dict[str, Any]:
        """Somebody is chosen."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not cleaned.get("states") and not cleaned.get("chosen"):
            self.add_error("states", "Choose to whom you write.")
        return cleaned

    @property
    def to(self) -> dict[str, Any]:
        """To whom, once valid: states, and keys of bookings."""
        keys = {int(key) for key in self.cleaned_data["chosen"]}
        return {"states": self.cleaned_data["states"], "chosen": keys}


@signed_in_page(post=20)
def write(request: HttpRequest, session_id: int) -> HttpResponse:
    """Write to people of a session, as a coordinator or one who leads it; shown, then sent."""
    by, now = signed_in(request), timezone.now()
    session = session_with_people(by, session_id, now=now)
    people = list(recipients(session, states=list(GROUPS), chosen=()))
    looked_at(session, by=by, what="people to write to", rows=len(people))
    form = WriteForm(posted(request), people=people, chosen=request.GET.get("booking", ""))
    context: dict[str, Any] = {
        "session": session,
        "form": form,
        "refusal": None,
        "people": people,
        "sent": session.notes.select_related("by").order_by("-at", "-pk")[:_SENT_SHOWN],
        "base": "desk/base.html" if by.is_coordinator else "base.html",
    }
    if form.is_valid() and request.POST.get("step") != "edit":
        with refusals_shown(context):
            check_may_write(by, now=now)
            return _sent_or_shown(request, session, form, context)
    return page(request, "desk/sessions/write.html", context)


def _sent_or_shown(
    request: HttpRequest, session: Session, form: WriteForm, context: dict[str, Any]
) -> HttpResponse:
    """Show to whom it goes, or send it to these and nobody else. Raises `Refused`."""
    told = list(recipients(session, **form.to))
    letters = sum(not each.person.has_address for each in told)
    mails = in_mails(len(told) - letters, letters)
    if request.POST.get("step") == "do":
        shown = request.POST.get("shown", "")
        try:
            write_to_people(
                session=session,
                **form.to,
                shown={key for each in shown.split(",") if (key := key_in(each)) is not None},
                subject=form.cleaned_data["subject"],
                text=form.cleaned_data["text"],
                by=signed_in(request),
                now=timezone.now(),
            )
        except OthersByNow as others:
            form.add_error(None, others.sentence)
        else:
            words = f"{mails} on the way, one for each person."
            return done(request, words, "manage_session_write", session.pk)
    point_out_meetings(request, form.cleaned_data["subject"], form.cleaned_data["text"])
    seen = {"told": told, "mails": mails, "shown": ",".join(str(each.pk) for each in told)}
    return page(request, "desk/sessions/write_preview.html", {**context, **seen})
