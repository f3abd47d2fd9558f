"""Where a person says why they did not come, and their manager by a link from a mail."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from accounts.access import looked_at, signed_in_page
from accounts.views import signed_in
from booking.attendance import absences
from booking.attendance.models import AbsenceCase
from booking.places.links import absence_key
from booking.site.form_kit import Form
from booking.site.limits import opened_by_link
from booking.site.web import done, page, posted, refusals_shown

_CASES = AbsenceCase.objects.select_related("booking__person", "booking__session__course")


class AbsenceReasonForm(Form):
    """Why somebody did not come."""

    reason = forms.CharField(
        label="Why?",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": "Say why."},
    )

    def __init__(self, *args: Any, is_manager: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        whose = "their" if is_manager else "your"
        self.fields["reason"].help_text = (
            f"Only coordinators read it. Please say nothing about {whose} health that we need not"
            " know."
        )


@signed_in_page(post=20)
def absence(request: HttpRequest, booking_id: int) -> HttpResponse:
    """The person's own reason, as long as nothing is decided."""
    case = get_object_or_404(_CASES, booking=booking_id, booking__person=signed_in(request))
    return _asked(request, case, case.reason, to=case.booking.get_absolute_url())


@opened_by_link()
def by_link(request: HttpRequest, token: str) -> HttpResponse:
    """What the manager knows of it. Looking says nothing: mail scanners look."""
    key = absence_key(token, now=timezone.now())
    case = get_object_or_404(_CASES.exclude(manager_email=""), key=key)
    looked_at(case.booking.person, by=None, what="absence")
    return _asked(request, case, case.manager_reason, to=request.path, is_manager=True)


def _asked(
    request: HttpRequest, case: AbsenceCase, said: str, *, to: str, is_manager: bool = False
) -> HttpResponse:
    is_open = case.state == AbsenceCase.State.OPEN
    form = AbsenceReasonForm(posted(request), initial={"reason": said}, is_manager=is_manager)
    context: dict[str, Any] = {
        "case": case,
        "booking": case.booking,
        "session": case.booking.session,
        "said": said,
        "stands": absences.sentence_of(case),
        "counts_as": absences.counts_as(case),
        "is_manager": is_manager,
        "is_open": is_open,
        "form": form if is_open else None,
    }
    if is_open and form.is_valid():
        with refusals_shown(context):
            reason, now = form.cleaned_data["reason"], timezone.now()
            absences.say_why(case=case, reason=reason, now=now, is_manager=is_manager)
            # Whoever came by the link sees it there: it has no session that could say so.
            words = "Thank you. A coordinator reads it."
            return redirect(to) if is_manager else done(request, words, to)
    is_gone = is_manager and not is_open
    return page(request, "attendance/absence.html", context, is_open=is_open, is_gone=is_gone)
