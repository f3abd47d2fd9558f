"""Pages of one’s own bookings: all of them, and one with all that hangs on it."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache

from accounts.views import signed_in
from booking.places import terms
from booking.places.managers.copies import copied_to
from booking.places.models import Booking
from booking.places.pages.loaders import booking_for
from booking.places.rules.line import standing, standings
from booking.places.terms import terms_of
from booking.programme.sent_mail import calendar_answers, mail_sent_about

_PAST_PER_PAGE = 20


@never_cache
@login_required
def booking_page(request: HttpRequest, booking_id: int) -> HttpResponse:
    """One booking: where it stands, what happens next, what has happened."""
    booking, now = booking_for(signed_in(request), booking_id), timezone.now()
    waits = booking.state == Booking.State.WAITING and booking.session.starts_at > now
    context = {
        "booking": booking,
        "session": booking.session,
        "sittings": booking.session.sittings.all(),
        "standing": standing(booking, now=now) if waits else None,
        "events": booking.events.select_related("by"),
        "mail_sent": mail_sent_about(booking),
        "calendar_answers": calendar_answers(booking),
        "copied_to": copied_to(booking, booking.session.course),
        "now": now,
        "terms": terms_of(booking).sentence(now=now),
        "charged": terms.charge_sentence(booking),
        "became": booking.replaced_by.select_related("person", "session").first(),
        "is_own": booking.person_id == signed_in(request).pk,
    }
    return render(request, "programme/booking.html", context)


@never_cache
@login_required
def my_bookings(request: HttpRequest) -> HttpResponse:
    """A person's bookings: upcoming, waiting, past."""
    person = signed_in(request)
    if not person.is_complete:
        return redirect(f"{reverse('account_profile')}?{urlencode({'next': request.path})}")
    now = timezone.now()
    mine = Booking.objects.for_person(person).with_session()
    too_late = {"state": Booking.State.WAITING, "session__starts_at__lte": now}
    live = mine.live().filter(session__ends_at__gt=now).exclude(**too_late)
    ahead = live.order_by("session__starts_at", "pk")
    not_yet = (Booking.State.WAITING, Booking.State.OFFERED)
    waiting = list(ahead.filter(state__in=not_yet).with_position().select_related("approval"))
    over = mine.exclude(pk__in=[each.pk for each in ahead]).order_by("-session__starts_at", "-pk")
    in_line = [each for each in waiting if each.state == Booking.State.WAITING]
    stand = standings(in_line, now=now)
    context = {
        "upcoming": [each for each in ahead if each.state not in not_yet],
        "waiting": [(each, stand.get(each.pk)) for each in waiting],
        "past": Paginator(over, _PAST_PER_PAGE).get_page(request.GET.get("page")),
        "now": now,
    }
    return render(request, "programme/my_bookings.html", context)
