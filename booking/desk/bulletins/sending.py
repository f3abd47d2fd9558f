"""Coordinators' pages on which a bulletin is looked at, tried, sent, held and stopped."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override

from accounts.access import desk
from accounts.views import signed_in
from booking.bulletins.models import Bulletin, Subscriber
from booking.bulletins.pages import bulletin_page
from booking.bulletins.rendering import MOST_BYTES, rendered
from booking.bulletins.sending import (
    SendingRefused,
    can_be_draft_again,
    check_ready,
    draft_again,
    pause,
    progress,
    resume,
    send_test,
    stop_sending,
)
from booking.bulletins.sending import send as begin_to_send
from booking.desk.bulletins.blocks import MAIL_POLICY
from booking.partnership.kept import sender
from booking.site.environment import name_and_address
from booking.site.readable import key_in
from booking.site.web import done, page, refusals_shown

_HOLDING: dict[str, tuple[Callable[..., None], str]] = {
    "pause": (pause, "Paused. No further copy leaves until you go on."),
    "resume": (resume, "It goes on. Nobody gets a second copy."),
    "stop": (stop_sending, "Stopped. No further copy leaves."),
    "draft": (draft_again, "It is a draft again, and nobody else can read it."),
}


@desk()
def preview(request: HttpRequest, bulletin_id: int) -> HttpResponse:
    """A bulletin as its page will be."""
    found = get_object_or_404(Bulletin, pk=bulletin_id)
    return bulletin_page(request, found, is_preview=True)


@xframe_options_sameorigin
@csp_override(MAIL_POLICY)
@desk()
def mail(request: HttpRequest, bulletin_id: int) -> HttpResponse:
    """The mail as mail programs show it, for the frames on its page."""
    found = get_object_or_404(Bulletin, pk=bulletin_id)
    words = rendered(found, now=timezone.now()).stopped_at(settings.SITE_URL)
    return HttpResponse(words.html)


@desk(post=10, only_post=True)
def test(request: HttpRequest, bulletin_id: int) -> HttpResponse:
    """Send a copy to oneself."""
    found, person = get_object_or_404(Bulletin, pk=bulletin_id), signed_in(request)
    try:
        send_test(bulletin=found, to_email=person.email, recipient_id=person.pk, now=timezone.now())
    except SendingRefused as refused:
        return done(request, refused.sentence, "manage_bulletin_send", found.pk)
    words = f"A test is on its way to {person.email}."
    return done(request, words, "manage_bulletin_send", found.pk)


@desk(post=30)
def send(request: HttpRequest, bulletin_id: int) -> HttpResponse:
    """Look at the mail, send it once asked, and see how far it is; pause, go on, or stop."""
    found, now = get_object_or_404(Bulletin, pk=bulletin_id), timezone.now()
    context: dict[str, Any] = {"bulletin": found}
    if request.method == "POST":
        act, words = _HOLDING.get(request.POST.get("do", ""), (None, "It is being sent."))
        with refusals_shown(context):
            if act is not None:
                act(bulletin=found)
            else:
                revision = key_in(request.POST.get("revision", ""))
                if request.POST.get("step") != "do":
                    check_ready(found, expected_revision=revision, now=now)
                    return page(
                        request, "desk/bulletins/send_asked.html", context | _goes_to(found)
                    )
                begin_to_send(bulletin=found, expected_revision=revision, now=now)
            return done(request, words, "manage_bulletin_send", found.pk)
    if "refusal" in context:
        found.refresh_from_db()
    context["most"] = MOST_BYTES // 1000
    if found.state == Bulletin.State.DRAFT:
        context["mail"] = rendered(found, now=now).stopped_at(settings.SITE_URL)
        context |= _goes_to(found)
    else:
        context["progress"] = progress(found)
        context["can_be_draft_again"] = can_be_draft_again(found)
    template = "desk/bulletins/send.html"
    is_asked_again = "HX-Request" in request.headers and "progress" in context
    return page(request, f"{template}#progress" if is_asked_again else template, context)


def _goes_to(bulletin: Bulletin) -> dict[str, Any]:
    return {
        "recipients": Subscriber.objects.of_bulletin(bulletin).count(),
        "sender": name_and_address(sender()),
    }
