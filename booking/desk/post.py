"""What has to go out by post: what people without an email address are told."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.views import signed_in
from booking.mail.composing import compose
from booking.outbox import remedies
from booking.outbox.models import Message
from booking.outbox.reading import letter_of
from booking.outbox.topics import topic_of
from booking.site.web import done, page, paged

_PER_PAGE = 50


@desk()
def post(request: HttpRequest) -> HttpResponse:
    """Whose post has to go out, the oldest first."""
    letters = Message.objects.filter(state=Message.State.LETTER).order_by("id")
    shown = paged(request, letters.select_related("recipient").defer("payload"), per_page=_PER_PAGE)
    looked_at(None, by=signed_in(request), what="mail", rows=len(shown))
    rows = [(each, topic_of(each.topic).words) for each in shown]
    return page(request, "desk/mail/post.html", {"page_obj": shown, "rows": rows})


@desk(post=60)
def letter(request: HttpRequest, message_id: int) -> HttpResponse:
    """One letter, to be printed, written of what is true now; and that it has gone out."""
    message = get_object_or_404(Message.objects.select_related("recipient"), pk=message_id)
    if message.state != Message.State.LETTER or message.recipient is None:
        raise Http404
    by = signed_in(request)
    looked_at(message.recipient, by=by, what="mail")
    if request.method == "POST":
        remedies.went_by_post(message=message, by=by, now=timezone.now())
        return done(request, f"The letter to {message.recipient} has gone out.", "manage_post")
    composed = compose([message])[message.pk]
    if isinstance(composed, bytes):
        message.mime = composed
    context = {
        "message_row": message,
        "person": message.recipient,
        "topic": topic_of(message.topic).words,
        "letter": letter_of(message, on_paper=True),
        "now": timezone.now(),
    }
    return page(request, "desk/mail/letter.html", context)
