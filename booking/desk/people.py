"""Coordinators’ pages about people: what they wait for, declare, and have not settled yet.

Who would come to another date, training done elsewhere, managers’ addresses that are at no domain
of the practitioner’s agency, and places whose person has lost the course that comes first.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.addresses import sharing_a_mailbox
from accounts.models import User
from accounts.views import signed_in
from booking.catalogue.models import Course
from booking.desk.lists import page_of_people
from booking.learning import actions as learning
from booking.learning.models import PriorLearning
from booking.places import prerequisites
from booking.places.changing import answering
from booking.places.managers import asking
from booking.places.managers.models import Approval, ApprovalQuerySet
from booking.places.models import Booking
from booking.places.pages.forms import RefuseAddressForm
from booking.places.refusals import AlreadyAnswered
from booking.scheduling import demand
from booking.site.form_kit import Form
from booking.site.web import done, page, posted, refusals_shown

_SHOWN = {"declared": "To check", "verified": "Verified", "rejected": "Rejected"}
_SETTLED = "This address has been settled, or the request has ended."


@desk()
def courses_wanted(request: HttpRequest) -> HttpResponse:
    """How many people would come to another date of each course."""
    wanted = demand.by_course(now=timezone.now())
    context = {"wanted": wanted, "most": max((each.people for each in wanted), default=0)}
    return render(request, "desk/people/demand.html", context)


@desk()
def agencies_wanting(request: HttpRequest, course_id: int) -> HttpResponse:
    """The agencies of those who would come to another date of one course."""
    course = get_object_or_404(Course.objects.defer("search"), pk=course_id)
    wanted = demand.by_agency(course, now=timezone.now())
    context = {
        "course": course,
        "wanted": wanted,
        "most": max((each.people for each in wanted), default=0),
        "people": sum(each.people for each in wanted),
        "waiting": sum(each.waiting for each in wanted),
    }
    return render(request, "desk/people/demand_of_course.html", context)


@desk()
def learning_to_check(request: HttpRequest) -> HttpResponse:
    """What people have declared, the oldest to be checked first."""
    show = request.GET.get("show", "")
    show = show if show in _SHOWN else "declared"
    declared = PriorLearning.objects.filter(state=show).select_related("course", "person__agency")
    order = ("declared_at", "id") if show == "declared" else ("-checked_at", "-id")
    declared = declared.defer("course__search").order_by(*order)
    template, what = "desk/people/learning.html", "learning declared"
    return page_of_people(request, template, declared, what=what, show=show, shown=_SHOWN)


@desk(post=60)
def check_learning(request: HttpRequest, declaration_id: int) -> HttpResponse:
    """Verify or reject one declaration."""
    found = PriorLearning.objects.select_related("course", "person__agency", "checked_by")
    declaration = get_object_or_404(found, pk=declaration_id)
    looked_at(declaration.person, by=signed_in(request), what="learning declared")
    form = CheckForm(posted(request))
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        note, seen = form.cleaned_data["note"], request.POST.get("seen", "")
        rejects, by, now = form.cleaned_data["rejects"], signed_in(request), timezone.now()
        act, words = (learning.reject, "rejected") if rejects else (learning.verify, "verified")
        with refusals_shown(context):
            act(declaration=declaration, seen=seen, by=by, now=now, note=note)
            about = f"{declaration.course.title} of {declaration.person}"
            return done(request, f"{about} is {words}.", "manage_learning")
    if "refusal" in context:
        declaration = get_object_or_404(found, pk=declaration_id)
    context |= {"declaration": declaration, "seen": learning.mark_of(declaration)}
    return page(request, "desk/people/check_learning.html", context)


class CheckForm(Form):
    """A note, which a rejection needs."""

    note = forms.CharField(
        label="Note",
        max_length=500,
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


def _with_booking() -> ApprovalQuerySet:
    return Approval.objects.select_related("booking__person__agency", "booking__session__course")


@desk()
def managers_to_confirm(request: HttpRequest) -> HttpResponse:
    """Addresses that somebody must look at before the manager is asked."""
    waiting = _with_booking().to_confirm(now=timezone.now())
    template = "desk/people/managers.html"
    return page_of_people(request, template, waiting, what="managers to confirm")


@desk(post=60, only_post=True)
def confirm_manager(request: HttpRequest, approval_id: int) -> HttpResponse:
    """The address is the manager's: ask them."""
    approval = get_object_or_404(_with_booking(), pk=approval_id)
    looked_at(approval.booking.person, by=signed_in(request), what="booking")
    try:
        asking.confirm_address(approval=approval, by=signed_in(request), now=timezone.now())
        messages.success(request, f"{approval.manager_email} is asked now.")
    except AlreadyAnswered:
        messages.info(request, _SETTLED)
    return redirect("manage_managers")


@desk(post=60)
def decline_manager(request: HttpRequest, approval_id: int) -> HttpResponse:
    """The address is nobody's manager's: end the request, for a reason the person is told."""
    approval = get_object_or_404(_with_booking(), pk=approval_id)
    looked_at(approval.booking.person, by=signed_in(request), what="booking")
    is_open = approval.state == Approval.State.UNCONFIRMED and approval.booking.is_live
    if not is_open and request.method != "POST":
        messages.info(request, _SETTLED)
        return redirect("manage_managers")
    form = RefuseAddressForm(posted(request))
    context: dict[str, Any] = {"approval": approval, "booking": approval.booking, "form": form}
    if not is_open:
        context["refusal"] = AlreadyAnswered(_SETTLED)
    elif form.is_valid():
        by, now = signed_in(request), timezone.now()
        with refusals_shown(context):
            answering.refuse_approval(approval=approval, now=now, by=by, **form.cleaned_data)
            words = f"The request of {approval.booking.person} has ended."
            return done(request, words, "manage_managers")
    return page(request, "desk/people/manager_decline.html", context)


@desk()
def accounts_of_one_mailbox(request: HttpRequest) -> HttpResponse:
    """Accounts whose addresses differ only by what stands after a plus, mailbox by mailbox."""
    people = sharing_a_mailbox(User.objects.select_related("agency"))
    template = "desk/people/mailboxes.html"
    return page_of_people(request, template, people, what="accounts of one mailbox")


@desk()
def earlier_missing(request: HttpRequest) -> HttpResponse:
    """Places whose person does not have the earlier course any more that they had booked."""
    found = prerequisites.to_look_at(now=timezone.now()).order_by("session__starts_at", "pk")
    found = found.select_related("person__agency", "session__course")
    template = "desk/people/earlier.html"
    return page_of_people(request, template, found, what="places without the course first")


@desk(post=60, only_post=True)
def let_stand(request: HttpRequest, booking_id: int) -> HttpResponse:
    """The person may come all the same."""
    booking = get_object_or_404(Booking.objects.select_related("person"), pk=booking_id)
    looked_at(booking.person, by=signed_in(request), what="booking")
    if prerequisites.let_stand(booking=booking, by=signed_in(request), now=timezone.now()):
        return done(request, f"{booking.person} may come all the same.", "manage_earlier")
    messages.info(request, "This has been settled already.")
    return redirect("manage_earlier")
