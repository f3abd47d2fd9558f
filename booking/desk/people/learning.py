"""Coordinators' pages about training done elsewhere: they look at what people declared."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from accounts.access import desk
from accounts.views import signed_in
from booking.learning import actions
from booking.learning.models import PriorLearning
from booking.learning.views import _NOTE_LENGTH
from booking.site.form_kit import Form
from booking.site.refusals import Refused
from booking.site.web import page, paged, posted

_PER_PAGE = 30
SHOWN = {"declared": "To check", "verified": "Verified", "rejected": "Rejected"}


@desk()
def to_check(request: HttpRequest) -> HttpResponse:
    """What people have declared, the oldest to be checked first."""
    show = request.GET.get("show", "")
    show = show if show in SHOWN else "declared"
    declared = PriorLearning.objects.filter(state=show).select_related("course", "person__agency")
    order = ("declared_at", "id") if show == "declared" else ("-checked_at", "-id")
    declared = declared.defer("course__search").order_by(*order)
    context = {
        "page_obj": paged(request, declared, per_page=_PER_PAGE),
        "show": show,
        "shown": SHOWN,
    }
    return render(request, "desk/people/learning.html", context)


@desk(post=60)
def check(request: HttpRequest, declaration_id: int) -> HttpResponse:
    """Verify or reject one declaration."""
    found = PriorLearning.objects.select_related("course", "person__agency", "checked_by")
    declaration = get_object_or_404(found, pk=declaration_id)
    form = CheckForm(posted(request))
    if form.is_valid():
        act = actions.reject if form.cleaned_data["rejects"] else actions.verify
        note = form.cleaned_data["note"]
        try:
            act(declaration=declaration, by=signed_in(request), now=timezone.now(), note=note)
        except Refused as refused:
            form.add_error(None, refused.sentence)
        else:
            done = "rejected" if form.cleaned_data["rejects"] else "verified"
            about = f"{declaration.course.title} of {declaration.person}"
            messages.success(request, f"{about} is {done}.")
            return redirect("manage_learning")
    context = {"declaration": declaration, "form": form}
    return page(request, "desk/people/check_learning.html", context)


class CheckForm(Form):
    """A note, which a rejection needs."""

    note = forms.CharField(
        label="Note",
        max_length=_NOTE_LENGTH,
        required=False,
        help_text="The person reads it. To reject, say why.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def clean(self) -> dict[str, Any]:
        """Nobody is rejected without a reason."""
        cleaned: dict[str, Any] = super().clean() or {}
        cleaned["rejects"] = "reject" in self.data
        if cleaned["rejects"] and not cleaned.get("note") and "note" not in self.errors:
            self.add_error("note", "Say why you reject it. The person reads this.")
        return cleaned
