"""Cases of absence: what the person and their manager say, and what a coordinator decides."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.views import signed_in
from booking.attendance import absences
from booking.attendance.models import AbsenceCase
from booking.desk.lists import page_of_people
from booking.places.history import repeated_absences
from booking.site.form_kit import Form
from booking.site.web import done, page, posted, refusals_shown

State = AbsenceCase.State
_ANSWERS = {
    "accept": (absences.accept, "The reason is accepted."),
    "decline": (absences.decline, "The reason is not accepted."),
    "charge": (absences.charge, "The absence is charged."),
    "waive": (absences.waive, "Nothing is charged any more."),
}


def _cases() -> Any:
    return AbsenceCase.objects.select_related(
        "booking__person__agency", "booking__session__course", "decided_by"
    ).defer("booking__session__course__search")


class DecisionForm(Form):
    """A sentence to the person, beside what is decided."""

    why = forms.CharField(
        label="Say why (optional)",
        max_length=400,
        required=False,
        help_text="The person reads it.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )


@desk()
def cases(request: HttpRequest) -> HttpResponse:
    """Absences to decide, the oldest first; or those that are settled."""
    show = "settled" if request.GET.get("show") == "settled" else "open"
    found = _cases().filter(state=State.OPEN).order_by("opened_at", "pk")
    if show == "settled":
        found = _cases().exclude(state=State.OPEN).order_by("-decided_at", "-pk")
    return page_of_people(request, "desk/people/absences.html", found, what="absences", show=show)


@desk(post=60)
def case(request: HttpRequest, case_id: int) -> HttpResponse:
    """One absence: accept the reason, or do not, or charge what was promised, or take that back."""
    now = timezone.now()
    found = get_object_or_404(_cases(), pk=case_id)
    person = found.booking.person
    looked_at(person, by=signed_in(request), what="absence")
    form = DecisionForm(posted(request))
    context: dict[str, Any] = {
        "case": found,
        "booking": found.booking,
        "session": found.booking.session,
        "stands": absences.sentence_of(found),
        "repeated": repeated_absences([person.pk], now=now).get(person.pk, ""),
        "form": form,
    }
    answer = _ANSWERS.get(request.POST.get("answer", ""))
    if answer and form.is_valid():
        act, words = answer
        with refusals_shown(context):
            act(case=found, why=form.cleaned_data["why"], by=signed_in(request), now=now)
            return done(request, f"{person}: {words}", "manage_absences")
    if "refusal" in context:
        found = get_object_or_404(_cases(), pk=case_id)
        context |= {"case": found, "stands": absences.sentence_of(found)}
    return page(request, "desk/people/absence.html", context)
