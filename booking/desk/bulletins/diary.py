"""Coordinators' pages about dates for the diary: awareness days and weeks."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from accounts.access import desk
from booking.catalogue.courses import EditRefused
from booking.catalogue.diary import (
    DiaryPlan,
    remove_diary_date,
    store_diary_date,
    with_courses,
)
from booking.catalogue.models import Course, DiaryDate
from booking.desk.bulletins.asking import SURE, asks
from booking.desk.questions import day_field, small_boxes
from booking.site.form_kit import Form, PageQuestion
from booking.site.human_order import HumanOrder
from booking.site.web import done, page, paged, posted, search_text, searched

_PER_PAGE = 40


class DiaryForm(Form):
    """A whole date for the diary."""

    title = forms.CharField(label="What it is", max_length=200)
    starts = day_field("Day, or first day", called="Day")
    ends = day_field(
        "Last day (optional)", called="Last day", help_text="Only for what lasts several days."
    )
    page = PageQuestion("Page with more (optional)", example="https://www.example.org/day")
    courses = forms.ModelMultipleChoiceField(
        label="Courses on its subject (optional)",
        queryset=Course.objects.defer("search", "summary").order_by(HumanOrder("title")),
        required=False,
        widget=small_boxes(),
    )

    def __init__(self, data: QueryDict | None, *, stored: DiaryDate | None) -> None:
        initial: dict[str, Any] = {}
        if stored:
            initial = {
                "title": stored.title,
                "starts": stored.starts,
                "ends": stored.ends if stored.ends != stored.starts else None,
                "page": stored.page,
                "courses": list(stored.courses.values_list("pk", flat=True)),
            }
        super().__init__(data, initial=initial)
        self.fields["starts"].required = True
        self.fields["starts"].error_messages["required"] = "Enter the day."

    def clean(self) -> dict[str, Any]:
        """The last day is the first, unless a later one is said."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        starts, ends = cleaned.get("starts"), cleaned.get("ends")
        if starts and ends and ends < starts:
            self.add_error("ends", "Last day: choose the first day or a later one.")
        return cleaned

    @property
    def plan(self) -> DiaryPlan:
        """What was typed, once valid."""
        said = self.cleaned_data
        return DiaryPlan(**{**said, "ends": said["ends"] or said["starts"]})


@desk()
def diary(request: HttpRequest) -> HttpResponse:
    """What is in the diary from today, or all of it."""
    search, everything = search_text(request), "all" in request.GET
    found = with_courses(searched(DiaryDate.objects.all(), search, "title"))
    if not everything:
        found = found.filter(ends__gte=timezone.localdate())
    context = {
        "page_obj": paged(request, found, per_page=_PER_PAGE),
        "search": search,
        "everything": everything,
    }
    return render(request, "desk/bulletins/diary.html", context)


@desk(post=60)
def diary_date(request: HttpRequest, diary_id: int | None = None) -> HttpResponse:
    """A new date, or one that exists; it can be removed."""
    stored = get_object_or_404(DiaryDate, pk=diary_id) if diary_id else None
    if stored and "remove" in request.POST:
        if request.POST["remove"] != SURE:
            heading, lost = (
                f"Remove {stored.title}?",
                "It leaves the diary, the feed and bulletins.",
            )
            return asks(request, "remove", heading=heading, lost=lost, back=request.path)
        remove_diary_date(diary_date=stored)
        return done(request, f"{stored.title} is out of the diary.", "manage_diary")
    form = DiaryForm(posted(request), stored=stored)
    if form.is_valid():
        try:
            store_diary_date(diary_date=stored or DiaryDate(), plan=form.plan)
            return done(request, f"{form.plan.title} is in the diary.", "manage_diary")
        except EditRefused as refused:
            form.add_error("title", refused.sentence)
    return page(request, "desk/bulletins/diary_date.html", {"form": form, "diary_date": stored})
