"""Mail that came to the reply mailbox, and addresses that mail does not reach."""

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.failing import people_whose_mail_may_fail
from accounts.views import signed_in
from booking.desk.lists import page_of_people
from booking.desk.questions import WhyForm
from booking.replies import actions as replies
from booking.replies.models import MailboxState, ReceivedMail, mail_put_away, mail_to_read
from booking.replies.reading import is_read_here
from booking.site.web import done, page, posted

Kind = ReceivedMail.Kind
_PER_PAGE = 50

# What was read, by the name in its address. All but the first was put away.
RECEIVED = {
    "listed": "Needs reading",
    Kind.REPORT.value: "Reports of mail servers",
    Kind.ANSWER.value: "Answers from calendars",
    Kind.RECEIPT.value: "Read receipts",
    Kind.NOTICE.value: "Automatic replies",
}


@desk()
def manage_received(request: HttpRequest) -> HttpResponse:
    """Mail of the reply mailbox that no program could deal with, and what was put away."""
    show = request.GET.get("show", "")
    show = show if show in RECEIVED else "listed"
    put_away = mail_put_away(now=timezone.now())
    counts = dict(put_away.order_by().values_list("kind").annotate(Count("pk")))
    counts["listed"] = mail_to_read().count()
    rows = mail_to_read() if show == "listed" else put_away.filter(kind=show)
    context = {
        "show": show,
        "shown_words": RECEIVED[show],
        "filters": [(name, words, counts.get(name, 0)) for name, words in RECEIVED.items()],
        "kept_days": ReceivedMail.KEPT_DAYS,
        "mailbox": MailboxState.current(),
        "is_read_here": is_read_here(),
    }
    template = "desk/mail/received.html"
    return page_of_people(request, template, rows, what="mail received", **context)


@desk()
def manage_addresses(request: HttpRequest) -> HttpResponse:
    """People whose address mail does not reach, or may not."""
    people, what = people_whose_mail_may_fail(), "addresses that fail"
    return page_of_people(request, "desk/mail/addresses.html", people, what=what)


@desk(post=120)
def manage_address_works(request: HttpRequest, person_id: int) -> HttpResponse:
    """Say that mail reaches somebody after all, and how that is known."""
    person = get_object_or_404(people_whose_mail_may_fail(), pk=person_id)
    looked_at(person, by=signed_in(request), what="address that fails")
    form = WhyForm(posted(request))
    if form.is_valid():
        by, now = signed_in(request), timezone.now()
        replies.say_address_works(person=person, by=by, now=now, **form.cleaned_data)
        return done(
            request, f"Mail to {person.email} counts as arriving again.", "manage_addresses"
        )
    context = {"person": person, "form": form}
    return page(request, "desk/mail/address_works.html", context)


@desk(post=120, only_post=True)
def settle_received(request: HttpRequest, received_id: int) -> HttpResponse:
    """Take a mail off the list."""
    received = get_object_or_404(ReceivedMail, pk=received_id)
    replies.mark_dealt_with(received=received, by=signed_in(request), now=timezone.now())
    words = "It is off the list. The mail itself stays in the mailbox."
    return done(request, words, "manage_received")


@desk(post=120, only_post=True)
def bring_back_received(request: HttpRequest, received_id: int) -> HttpResponse:
    """Put a mail that was put away on the list of what needs reading."""
    received = get_object_or_404(ReceivedMail, pk=received_id)
    replies.bring_back(received=received, by=signed_in(request), now=timezone.now())
    words = (
        "It is on the list of mail that needs reading. The mail itself is where it was put away."
    )
    return done(request, words, "manage_received")
