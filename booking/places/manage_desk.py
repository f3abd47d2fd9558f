"""Coordinators' desk: people whose agency is not listed, and mail that has not left."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts import agencies
from accounts.permissions import coordinators_only
from booking.outbox import actions as outbox
from booking.outbox.models import Message
from booking.places import manage_queries
from booking.places.manage_desk_forms import AgencyForm
from booking.places.manage_forms import ReasonForm
from booking.places.manage_loaders import search_text
from booking.rate_limits import at_most
from booking.wording import counted

_PEOPLE_PER_PAGE = 30
_MESSAGES_PER_PAGE = 50
_DESK_FILTERS = {"all": "All unsent", "parked": "Parked", "waiting": "Waiting"}


@never_cache
@coordinators_only
@require_GET
def unlisted(request: HttpRequest) -> HttpResponse:
    """People who found their agency not listed."""
    people = Paginator(agencies.people_without_agency(), _PEOPLE_PER_PAGE)
    context = {"page_obj": people.get_page(request.GET.get("page"))}
    return render(request, "manage/unlisted.html", context)


@never_cache
@at_most(60)
@coordinators_only
def settle(request: HttpRequest, person_id: int) -> HttpResponse:
    """Put one of them, and those who wrote the same, into an agency that exists or a new one."""
    person = get_object_or_404(agencies.people_without_agency(), pk=person_id)
    others = list(agencies.others_who_wrote_the_same(person)[:100])
    typed = request.POST if request.method == "POST" else None
    form = AgencyForm(typed, person=person, others=len(others))
    if form.is_valid():
        try:
            agency = form.chosen_agency or agencies.add_agency(**form.new_agency)
        except agencies.AgencyNameTaken as refused:
            form.add_error("name", refused.sentence)
        else:
            people = [person, *others] if form.cleaned_data.get("with_others") else [person]
            agencies.settle(people=people, agency=agency)
            settled = counted(len(people), "person", "people")
            messages.success(request, f"{settled} settled in {agency.name}.")
            return redirect("manage_unlisted")
    context = {"person": person, "others": others, "form": form}
    return render(request, "manage/settle.html", context, status=422 if form.errors else 200)


@never_cache
@coordinators_only
@require_GET
def messages_page(request: HttpRequest) -> HttpResponse:
    """The delivery desk: mail that has not left, and why."""
    show = request.GET.get("show", "")
    show = show if show in _DESK_FILTERS else "all"
    search = search_text(request)
    rows = manage_queries.messages_on_desk(show=show, search=search)
    oldest = manage_queries.oldest_unsent()
    now = timezone.now()
    context = {
        "page_obj": Paginator(rows, _MESSAGES_PER_PAGE).get_page(request.GET.get("page")),
        "show": show,
        "filters": _DESK_FILTERS,
        "search": search,
        "oldest": oldest,
        "oldest_age": now - oldest if oldest else None,
    }
    return render(request, "manage/messages.html", context)


@never_cache
@at_most(120)
@coordinators_only
@require_POST
def retry(request: HttpRequest, message_id: int) -> HttpResponse:
    """Send a parked message again."""
    message = get_object_or_404(Message.objects.defer("mime"), pk=message_id)
    if message.state == Message.State.PARKED:
        outbox.retry(message=message, now=timezone.now())
        messages.success(request, f"The message to {message.to_email} will be sent again.")
    else:
        messages.info(request, f"The message to {message.to_email} is not parked any more.")
    return redirect("manage_messages")


@never_cache
@at_most(120)
@coordinators_only
def drop(request: HttpRequest, message_id: int) -> HttpResponse:
    """Give up a message, for a reason that stays on record."""
    message = get_object_or_404(Message.objects.defer("mime"), pk=message_id)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    droppable = message.state in (Message.State.PARKED, Message.State.WAITING)
    if form.is_valid():
        outbox.drop(message=message, why=form.cleaned_data["why"])
        message.refresh_from_db(fields=["state"])
        if message.state == Message.State.DROPPED:
            messages.success(request, f"The message to {message.to_email} is dropped.")
        else:
            messages.info(request, f"The message to {message.to_email} is on its way already.")
        return redirect("manage_messages")
    context = {"message_row": message, "form": form, "droppable": droppable}
    return render(request, "manage/drop.html", context, status=422 if form.errors else 200)
