"""What is held about people: the page that says so, and what a superuser does about one person."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from accounts.access import looked_at, superuser_page
from accounts.actions import UNFINISHED_ACCOUNT_LIFE
from accounts.models import AccessRecord, User
from accounts.views import signed_in
from booking.bulletins.subscribing import ENDED_KEPT, UNCONFIRMED_KEPT
from booking.partnership.kept import the_partnership
from booking.privacy import leaving
from booking.privacy.forgetting import NEEDS_KEPT, TEXTS_KEPT
from booking.privacy.holdings import copy_of
from booking.site.form_kit import Form
from booking.site.web import done, page, posted, refusals_shown


def privacy(request: HttpRequest) -> HttpResponse:
    """What is held about people and why, with the periods for which the code keeps it."""
    periods = {
        "needs_days": NEEDS_KEPT.days,
        "texts_days": TEXTS_KEPT.days,
        "sign_in_days": timedelta(seconds=settings.SESSION_COOKIE_AGE).days,
        "trainer_days": the_partnership().list_days,
        "unfinished_days": UNFINISHED_ACCOUNT_LIFE.days,
        "unconfirmed_days": UNCONFIRMED_KEPT.days,
        "stopped_days": ENDED_KEPT.days,
        "code_minutes": settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT // 60,
    }
    return render(request, "privacy/privacy.html", periods)


@superuser_page(post=20, proof=True)
def held(request: HttpRequest, person_id: int) -> HttpResponse:
    """Hand over a copy of what is held about one person, or make them anonymous."""
    who, by, now = get_object_or_404(User, pk=person_id), signed_in(request), timezone.now()
    looked_at(who, by=by, what="person")
    form = AnonymiseForm(posted(request), email=who.email)
    context: dict[str, Any] = {"person": who, "form": form}
    if form.is_valid():
        with refusals_shown(context):
            leaving.anonymise(person=who, by=by, now=now)
            words = "Nothing tells any more who this person was."
            return done(request, words, "manage_people")
    context["ahead"] = leaving.bookings_ahead(who, now=now).select_related("session__course")
    return page(request, "privacy/person.html", context)


@superuser_page(post=20, only_post=True, proof=True)
def person_copy(request: HttpRequest, person_id: int) -> HttpResponse:
    """The copy, as a file. That somebody took it is on record."""
    who, now = get_object_or_404(User, pk=person_id), timezone.now()
    by = signed_in(request)
    looked_at(who, by=by, what="all that is held", form=AccessRecord.Form.FILE)
    return HttpResponse(
        copy_of(who, now=now),
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="person-{who.pk}.json"'},
    )


class AnonymiseForm(Form):
    """It cannot be taken back, so the address is typed once more."""

    email = forms.CharField(
        label="To make this person anonymous, type their email address",
        max_length=254,
        widget=forms.TextInput(
            attrs={"spellcheck": "false", "autocapitalize": "none", "autocomplete": "off"}
        ),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        self.expected = email
        super().__init__(*args, **kwargs)

    def clean_email(self) -> str:
        """The address of this very person."""
        typed = str(self.cleaned_data["email"]).strip().lower()
        if typed != self.expected:
            raise forms.ValidationError("This is not the address of this person.")
        return typed
