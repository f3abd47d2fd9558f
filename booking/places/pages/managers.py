"""Where a line manager answers without an account, and where somebody names another one."""

from contextlib import suppress
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts.access import signed_in_page
from accounts.models import User
from accounts.views import signed_in
from booking.places import terms
from booking.places.changing import answering
from booking.places.history import repeated_absences
from booking.places.lock import sittings_of
from booking.places.managers import asking
from booking.places.managers.asking import QuestionState, state_of_question
from booking.places.managers.models import Approval
from booking.places.pages.forms import ManagerAnswerForm, ManagerForm
from booking.places.pages.loaders import approval_by_link, booking_to_ask_about
from booking.places.refusals import AlreadyAnswered
from booking.site.limits import opened_by_link
from booking.site.web import done, page, posted, refusals_shown
from booking.site.wording import counted


@opened_by_link()
def approval(request: HttpRequest, token: str) -> HttpResponse:
    """Show what is asked, and take the one answer. Looking answers nothing: mail scanners look."""
    now = timezone.now()
    asked = approval_by_link(token, now=now)
    form = ManagerAnswerForm(posted(request))
    is_open = asked is not None and state_of_question(asked, now=now) == QuestionState.OPEN
    if asked is not None and is_open and form.is_valid():
        act = answering.approve if form.agrees else answering.refuse_approval
        try:
            act(approval=asked, now=now, reason=form.cleaned_data["reason"])
        except AlreadyAnswered:
            # Somebody was faster: the same manager in another window, or the clock.
            asked = approval_by_link(token, now=now)
        else:
            return redirect(request.path)
    return _page(request, asked, form)


def _page(request: HttpRequest, asked: Approval | None, form: ManagerAnswerForm) -> HttpResponse:
    """How the question stands, and the form while it is open."""
    template = "places/managers/approval.html"
    if asked is None:
        return page(request, template, {"stands": QuestionState.NOT_NEEDED}, is_gone=True)
    stands = state_of_question(asked, now=timezone.now())
    booking, is_open = asked.booking, stands == QuestionState.OPEN
    sittings = sittings_of(booking.session)
    context = {
        "approval": asked,
        "stands": stands,
        "form": form if is_open else None,
        "person": booking.person,
        "session": booking.session,
        "sittings": sittings,
        "has_a_place": booking.state in booking.HOLDING,
        "cost": terms.charges_if_not_used(booking, sittings),
        "repeated": repeated_absences([booking.person_id], now=timezone.now()).get(
            booking.person_id, ""
        ),
    }
    is_gone = stands in (QuestionState.RUN_OUT, QuestionState.NOT_NEEDED)
    return page(request, template, context, is_open=is_open, is_gone=is_gone)


@signed_in_page(post=20)
def change(request: HttpRequest, booking_id: int) -> HttpResponse:
    """Ask another manager, as long as nobody has answered."""
    person, now = signed_in(request), timezone.now()
    booking = booking_to_ask_about(person, booking_id)
    asked = {"manager_email": booking.approval.manager_email}
    form = ManagerForm(posted(request), initial=asked)
    is_open = state_of_question(booking.approval, now=now) == QuestionState.OPEN
    context: dict[str, Any] = {"booking": booking, "session": booking.session, "form": form}
    if is_open and form.is_valid():
        with refusals_shown(context, beside=form):
            email = form.cleaned_data["manager_email"]
            asking.change_manager(booking=booking, manager_email=email, by=person, now=now)
            words = "Your manager’s address is saved."
            return done(request, words, booking.get_absolute_url())
    # Nothing else is refused about the question itself than that it stands no more.
    context["is_open"] = is_open = is_open and "refusal" not in context
    return page(request, "places/managers/manager.html", context, is_open=is_open)


def questions_to_others(request: HttpRequest) -> dict[str, object]:
    """What the person's managers of before are still asked; found only for a page that says it."""
    return {"questions_to_others": SimpleLazyObject(lambda: _questions_to_others(request.user))}


def _questions_to_others(person: object) -> list[Approval]:
    """None while they name no manager: there is nobody to ask instead."""
    if not isinstance(person, User) or not person.manager_email:
        return []
    return list(Approval.objects.to_others_than_usual(person, now=timezone.now()))


@signed_in_page(post=20, only_post=True)
def ask_new_manager(request: HttpRequest) -> HttpResponse:
    """Have the manager in the person's details asked about all that another one is asked."""
    person, now = signed_in(request), timezone.now()
    email, asked = person.manager_email, []
    for question in _questions_to_others(person):
        with suppress(AlreadyAnswered):
            asked.append(
                asking.change_manager(
                    booking=question.booking, manager_email=email, by=person, now=now
                )
            )
    words = f"{email} is asked instead about {counted(len(asked), 'booking')}."
    if any(each.state == Approval.State.UNCONFIRMED for each in asked):
        words = f"{words} A coordinator confirms the address first."
    if not asked:
        words = "Nothing had to be asked: every question has been answered or is over."
    return done(request, words, "account_profile")
