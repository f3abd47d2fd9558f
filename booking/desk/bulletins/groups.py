"""Coordinators' pages about groups that people may ask to join."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from accounts.access import desk, looked_at
from accounts.groups import answer_interest, describe_group
from accounts.models import PractitionerGroup, User
from accounts.views import signed_in
from booking.site.form_kit import Form
from booking.site.web import done, page, posted


class GroupPageForm(Form):
    """What a group's page says."""

    purposes = forms.CharField(
        label="What members do (optional)",
        max_length=2000,
        required=False,
        help_text="One a line, such as: give feedback on our guidance and information.",
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    is_open = forms.BooleanField(
        label="Show it to everybody, and let people say that they are interested", required=False
    )


@desk(post=60)
def group_page(request: HttpRequest, group_id: int) -> HttpResponse:
    """What a group's page says, and whether people may ask to join."""
    found = get_object_or_404(PractitionerGroup, pk=group_id)
    initial = {"purposes": found.purposes, "is_open": found.is_open}
    form = GroupPageForm(posted(request), initial=initial)
    if form.is_valid():
        describe_group(group=found, **form.cleaned_data)
        return done(request, "Saved.", "manage_group", found.pk)
    return page(request, "desk/people/group_page.html", {"form": form, "group": found})


@desk(post=60, only_post=True)
def answer_member(request: HttpRequest, group_id: int, person_id: int) -> HttpResponse:
    """Let somebody in who is interested, or not."""
    found = get_object_or_404(PractitionerGroup, pk=group_id)
    person = get_object_or_404(User, pk=person_id)
    looked_at(person, by=signed_in(request), what="group")
    lets_in = "accept" in request.POST
    if not answer_interest(group=found, person=person, lets_in=lets_in):
        return done(request, f"{person} is not interested any more.", "manage_group", found.pk)
    words = f"{person} is a member now." if lets_in else f"{person} is not a member."
    return done(request, words, "manage_group", found.pk)
