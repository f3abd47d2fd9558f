"""Training done elsewhere: declared by practitioners, checked by coordinators."""

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from accounts.access import signed_in_page
from accounts.errand import safe_next
from accounts.views import signed_in
from booking.catalogue.filters import DATE_FORMATS, DateInput
from booking.catalogue.models import Course
from booking.learning import actions
from booking.learning.models import PriorLearning
from booking.site.form_kit import Form
from booking.site.refusals import Refused
from booking.site.web import done, page, posted
from booking.site.wording import LONDON


@signed_in_page()
def mine(request: HttpRequest) -> HttpResponse:
    """What a person has declared, and what became of it."""
    declared = PriorLearning.objects.filter(person=signed_in(request)).select_related("course")
    return render(request, "learning/learning.html", {"declared": declared.defer("course__search")})


@signed_in_page(post=60)
def declare(request: HttpRequest) -> HttpResponse:
    """Say that a course was done elsewhere, then go on where one came from."""
    now = timezone.now()
    typed = posted(request)
    initial = {"course": request.GET.get("course", "")}
    form = DeclareForm(typed, initial=initial, today=now.astimezone(LONDON).date())
    if form.is_valid():
        try:
            actions.declare(person=signed_in(request), now=now, **form.cleaned_data)
        except Refused as refused:
            form.add_error("course", refused.sentence)
        else:
            title = form.cleaned_data["course"].title
            words = f"Thank you. We have noted that you have done {title}."
            return done(request, words, safe_next(request, reverse("learning")))
    context = {"form": form, "next": safe_next(request, "")}
    return page(request, "learning/declare_learning.html", context)


@signed_in_page(post=60, only_post=True)
def retract(request: HttpRequest, declaration_id: int) -> HttpResponse:
    """Have never said what nobody has checked yet."""
    own = PriorLearning.objects.filter(person=signed_in(request)).select_related("course")
    declaration = get_object_or_404(own.defer("course__search"), pk=declaration_id)
    try:
        actions.retract(declaration=declaration)
    except Refused as refused:
        messages.error(request, refused.sentence)
        return redirect("learning")
    title = declaration.course.title
    words = f"You have taken back that you did {title} elsewhere. It does not count any more."
    return done(request, words, "learning")


class DeclareForm(Form):
    """Which course, when, and who gave it."""

    course = forms.ModelChoiceField(
        label="Which course?",
        queryset=Course.objects.none(),
        to_field_name="code",
        empty_label="Choose a course",
        help_text="The course of ours that it matches best.",
        error_messages={"required": "Choose the course."},
    )
    completed_on = forms.DateField(
        label="When did you complete it?",
        input_formats=DATE_FORMATS,
        widget=DateInput,
        help_text="For example 9 2 2026. If you are not sure of the day, choose one near it.",
        error_messages={
            "required": "Enter the date on which you completed it.",
            "invalid": "Enter a real date, such as 9/2/2026.",
        },
    )
    provider = forms.CharField(
        label="Who gave it?",
        max_length=200,
        help_text="For example your own agency, or another safeguarding partnership.",
        error_messages={"required": "Say who gave the training."},
    )

    def __init__(self, *args: Any, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        courses = Course.objects.defer("search")
        self.fields["course"].queryset = courses  # type: ignore[attr-defined]

    def clean_completed_on(self) -> date:
        """A day that has come, in a working life."""
        on: date = self.cleaned_data["completed_on"]
        if on > self.today:
            raise forms.ValidationError("The date must not lie in the future.")
        if on.year < self.today.year - 60:
            raise forms.ValidationError("Enter a date within the last 60 years.")
        return on
