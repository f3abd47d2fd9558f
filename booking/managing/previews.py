"""The page between typing a correction and telling people of it."""

from collections.abc import Sequence

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from booking.catalogue.models import SessionQuerySet
from booking.managing.queries import Told
from booking.places.changed import Change
from booking.wording import counted


def must_be_shown(request: HttpRequest, changes: Sequence[Change], told: Told) -> bool:
    """Whether somebody would be told of something that has not been shown yet."""
    return bool(changes and told.everybody and request.POST.get("step") != "do")


def preview(
    request: HttpRequest,
    *,
    form: Form,
    heading: str,
    back: str,
    changes: Sequence[Change],
    told: Told,
    sessions: SessionQuerySet,
) -> HttpResponse:
    """What changes, who is told of it and how, and the buttons that do it or go back."""
    context = {
        "form": form,
        "heading": heading,
        "back": back,
        "differences": changes,
        "people": told,
        "sessions": sessions.count(),
    }
    return render(request, "manage/correction_preview.html", context)


def done_words(told: Told, sessions: SessionQuerySet) -> str:
    """ "3 people on 2 sessions will be told by email."; nothing if nobody is."""
    if not told.everybody:
        return ""
    people = counted(told.everybody, "person", "people")
    return f"{people} on {counted(sessions.count(), 'session')} will be told by email."
