"""The desk's first page: this week's sessions, what is nearly full, and what needs somebody."""

from datetime import timedelta

from django.db.models import F, Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.access import desk
from booking.catalogue.models import Session, Sitting
from booking.outbox.watch import backlog, refusing_domains
from booking.scheduling import capacity

_AHEAD = timedelta(days=7)
_SITTINGS_SHOWN = 40
_NEARLY_FULL_SHOWN = 8
_FEW_LEFT = 2


@desk()
def today(request: HttpRequest) -> HttpResponse:
    """What is held from today for a week, and each kind of thing that waits for somebody."""
    now = timezone.now()
    sessions = Session.objects.for_rows()
    sittings = (
        Sitting.objects.filter(
            session__state=Session.State.PUBLISHED, ends_at__gt=now, starts_at__lt=now + _AHEAD
        )
        .prefetch_related(Prefetch("session", queryset=sessions))
        .order_by("starts_at", "pk")
    )
    few_left = Session.objects.for_rows().upcoming(now=now)
    few_left = few_left.filter(capacity__lte=F("places_taken") + _FEW_LEFT)
    at_risk = capacity.at_risk(Session.objects.all(), now=now)
    context = {
        "sittings": sittings[:_SITTINGS_SHOWN],
        "nearly_full": few_left[:_NEARLY_FULL_SHOWN],
        "at_risk": set(at_risk.values_list("pk", flat=True)),
        "backlog": backlog(now=now),
        "refusing": refusing_domains(now=now),
        "now": now,
    }
    return render(request, "desk/today.html", context)
