"""The page between typing a change and telling people of it: of sessions, courses, venues."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from booking.desk.audience import Audience
from booking.desk.questions import point_out_meetings_typed
from booking.places.changes import Change
from booking.site.wording import counted

_CHANGED_MEANWHILE = (
    "Somebody else has changed this meanwhile, so nothing of yours is done yet. Check what would"
    " change now, then go on, or go back and edit."
)


def must_be_shown(request: HttpRequest, changes: Sequence[Change], told: Audience) -> bool:
    """Whether somebody would be told of something that has not been shown yet.

    What was shown before somebody else's change may be something else now.
    """
    was_shown = _is_to_be_done(request) and request.POST.get("shown") == _digest(changes)
    return bool(changes and told.is_anybody and not was_shown)


def _is_to_be_done(request: HttpRequest) -> bool:
    return request.POST.get("step") == "do"


def _digest(changes: Sequence[Change]) -> str:
    """The same for the same changes; browsers may send other line ends than they were sent."""
    words = [
        (each.what, " ".join(each.before.split()), " ".join(each.after.split())) for each in changes
    ]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()[:16]


def preview(
    request: HttpRequest,
    *,
    form: Form,
    heading: str,
    back: str,
    changes: Sequence[Change],
    told: Audience,
    **more: Any,
) -> HttpResponse:
    """What changes, who is told of it and how, and the buttons that do it or go back.

    The page says so if it was to be done, but what would be done now was not shown. For a session
    that is held otherwise, `more` gives the `session`, its `trainers`, `clashes`, `warnings`
    and what moves with it (`following`).
    """
    point_out_meetings_typed(request, form)
    if _is_to_be_done(request):
        form.add_error(None, _CHANGED_MEANWHILE)
    context = {
        "form": form,
        "heading": heading,
        "back": back,
        "differences": changes,
        "shown": _digest(changes),
        "people": told.people,
        "managers": told.managers,
        "told": told,
        **more,
    }
    status = 409 if form.errors else 200
    return render(request, "desk/preview.html", context, status=status)


def done_words(told: Audience) -> str:
    """ "3 people on 2 sessions and 1 trainer will be told by email."; nothing if nobody is.

    How many mails that takes is said where it is not one email for each of them.
    """
    if not told.who:
        return ""
    if told.letters:
        return f"{told.who} will be told: {told.mails} in all."
    in_all = "" if told.emails == told.number else f" {counted(told.emails, 'email')} in all."
    return f"{told.who} will be told by email.{in_all}"
