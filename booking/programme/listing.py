"""What the two views of the programme show, a list and a month, put together from the filters."""

from datetime import datetime
from typing import Any

from django.core.paginator import EmptyPage, InvalidPage, Paginator
from django.http import QueryDict

from booking.catalogue.filters import ProgrammeFilters
from booking.catalogue.models import DiaryDate, Session, Sitting
from booking.catalogue.months import Month, first_of_month, weeks
from booking.catalogue.search import for_rows
from booking.site.wording import LONDON, counted

_ON_A_PAGE = 20


def programme_context(query: QueryDict, *, now: datetime) -> dict[str, Any]:
    """Everything `programme/programme.html` shows for this query, as a list or as a month."""
    filters = ProgrammeFilters(query, queryset=Session.objects.upcoming(now=now), now=now)
    by_month = query.get("view") == "month"
    shown = _month(filters, now=now) if by_month else _list(filters)
    return {
        "filters": filters,
        "form": filters.form,
        "query": filters.query(),
        "chips": filters.chips(),
        "by_month": by_month,
        "now": now,
        **shown,
    }


def _list(filters: ProgrammeFilters) -> dict[str, Any]:
    paginator = Paginator(for_rows(filters.qs), _ON_A_PAGE)
    wanted, note = filters.data.get("page", "1"), ""
    try:
        page = paginator.page(wanted)
    except InvalidPage as refusal:
        page = paginator.page(paginator.num_pages if isinstance(refusal, EmptyPage) else 1)
        note = f"There is no page “{wanted}”. This is page {page.number}."
    count = counted(paginator.count, "session")
    if paginator.num_pages > 1:
        count = f"{count}, {page.start_index()} to {page.end_index()} shown"
    return {"page_obj": page, "sessions": page.object_list, "count": count, "note": note}


def _month(filters: ProgrammeFilters, *, now: datetime) -> dict[str, Any]:
    today = now.astimezone(LONDON).date()
    month, note = None, ""
    if wanted := filters.data.get("month"):
        try:
            month = Month.parse(wanted)
        except ValueError:
            note = f"“{wanted}” is not a month we know."
    if month is None:
        first = filters.qs.order_by("starts_at").values_list("starts_at", flat=True).first()
        month = Month(first_of_month(first.astimezone(LONDON).date() if first else today))
    sittings = list(
        Sitting.objects.filter(
            session__in=filters.qs.order_by().values("pk"),
            starts_at__gte=month.starts_at,
            starts_at__lt=month.ends_at,
        )
        .select_related("session__course", "session__venue")
        .defer("session__course__search", "session__course__summary")
        .order_by("starts_at", "id")
    )
    diary_dates = DiaryDate.objects.filter(starts__lt=month.next.first, ends__gte=month.first)
    sessions = len({sitting.session_id for sitting in sittings})
    return {
        "month": month,
        "weeks": weeks(month, sittings=sittings, diary_dates=diary_dates, today=today),
        "count": f"{counted(sessions, 'session')} in {month}",
        "note": note,
    }
