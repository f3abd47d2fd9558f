"""Bulletins for everybody: the list, each as a page, its pictures, and asking for them by mail."""

import hashlib
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.http import quote_etag
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import etag, require_safe

from accounts.access import signed_in_page
from accounts.addresses import without_tag
from accounts.fields import AddressQuestion
from accounts.models import User
from accounts.views import signed_in
from booking.bulletins import subscribing
from booking.bulletins.blocks import what_is_ahead
from booking.bulletins.models import Bulletin, BulletinPart, Subscriber
from booking.bulletins.rendering import shown
from booking.catalogue.models import Topic
from booking.site.caching import count
from booking.site.form_kit import Form
from booking.site.human_order import HumanOrder
from booking.site.limits import at_most_from_one_address, opened_by_link
from booking.site.signed_links import SignedLink
from booking.site.two_parts import same_for_everyone
from booking.site.web import done, page, paged, posted

_PER_PAGE = 30
_ONE_YEAR = 365 * 24 * 3600
# As RFC 8058, 3.1 has it.
_ONE_CLICK = ("List-Unsubscribe", "One-Click")
# Mail providers press for all their people, from few addresses.
_STOPS_A_MINUTE = 2000
# An address with another tag is the same mailbox (sam+news@agency.org).
_ASKED_A_DAY = 3


@require_safe
@same_for_everyone(seconds=5)
def bulletins(request: HttpRequest) -> HttpResponse:
    """Every bulletin, the newest first."""
    found = Bulletin.objects.published().prefetch_related("topics")
    context = {"page_obj": paged(request, found, per_page=_PER_PAGE)}
    return render(request, "bulletins/bulletins.html", context)


@require_safe
@same_for_everyone(seconds=10, while_same=what_is_ahead)
def bulletin(request: HttpRequest, bulletin_id: int) -> HttpResponse:
    """One bulletin; its blocks are as they are now."""
    found = get_object_or_404(Bulletin.objects.published(), pk=bulletin_id)
    return bulletin_page(request, found)


def bulletin_page(request: HttpRequest, found: Bulletin, **more: Any) -> HttpResponse:
    """A bulletin as everybody reads it, or will."""
    now = timezone.now()
    context = {"bulletin": found, "parts": shown(found, now=now), "now": now, **more}
    return render(request, "bulletins/bulletin.html", context)


@require_safe
@etag(lambda request, digest: quote_etag(digest))
def picture(request: HttpRequest, digest: str) -> HttpResponse:
    """A picture of an article, by the digest of its bytes."""
    found = BulletinPart.objects.filter(picture_digest=digest).only("picture", "picture_type")
    part = found.first()
    if part is None:
        raise Http404
    answer = HttpResponse(bytes(part.picture), content_type=part.picture_type)
    patch_cache_control(answer, public=True, max_age=_ONE_YEAR, immutable=True)
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


class AskForm(Form):
    """An address that wants bulletins."""

    email = AddressQuestion(label="Your email address")


@never_cache
@at_most_from_one_address(30)
def ask_for_bulletins(request: HttpRequest) -> HttpResponse:
    """Ask for bulletins by an address; who has an account chooses there."""
    if isinstance(request.user, User):
        return redirect("bulletin_choices")
    form = AskForm(posted(request))
    if form.is_valid():
        email = form.cleaned_data["email"]
        now = timezone.now()
        if not _was_asked_enough(email, now=now):
            subscribing.ask_by_address(email=email, now=now)
        return render(request, "bulletins/asked.html", {"email": email})
    return page(request, "bulletins/ask.html", {"form": form})


def _was_asked_enough(email: str, *, now: datetime) -> bool:
    """Whether today's mails to this mailbox, under whatever tag, are enough."""
    digest = hashlib.sha256(without_tag(email).encode()).hexdigest()
    asked = count(f"bulletins:{digest}:{now:%Y-%m-%d}", seconds=24 * 3600)
    return asked > _ASKED_A_DAY * settings.RATE_LIMIT_FACTOR


class ChoicesForm(Form):
    """What comes to somebody with an account."""

    wants_bulletins = forms.BooleanField(
        label="Bulletins: news, spaces available and dates, now and then", required=False
    )
    wants_digest = forms.BooleanField(
        label="A digest on the first of each month: what is new and has places", required=False
    )
    topics = forms.ModelMultipleChoiceField(
        label="Only about these topics (optional)",
        help_text="Choose none to hear of all of them.",
        queryset=Topic.objects.order_by(HumanOrder("name")),
        to_field_name="slug",
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "govuk-checkboxes--small"}),
    )

    def __init__(self, typed: QueryDict | None, *, stored: Subscriber | None) -> None:
        initial: dict[str, Any] = {}
        if stored is not None and stored.is_live:
            initial = {
                "wants_bulletins": stored.wants_bulletins,
                "wants_digest": stored.wants_digest,
            }
        if stored is not None:
            initial["topics"] = list(stored.topics.values_list("slug", flat=True))
        super().__init__(typed, initial=initial)


@signed_in_page(post=60)
def bulletin_choices(request: HttpRequest) -> HttpResponse:
    """Which bulletins come to the person by mail."""
    person = signed_in(request)
    form = ChoicesForm(posted(request), stored=subscribing.of_person(person))
    if form.is_valid():
        subscribing.choose(person=person, **form.cleaned_data, now=timezone.now())
        comes = form.cleaned_data["wants_bulletins"] or form.cleaned_data["wants_digest"]
        words = (
            "Saved." if comes else "Saved. Neither bulletins nor the digest come to you by mail."
        )
        return done(request, words, "bulletin_choices")
    return page(request, "bulletins/choices.html", {"form": form})


def _subscriber(link: SignedLink, token: str) -> Subscriber:
    """Whom a link is for. Raises `LinkRefused`, or `Http404` if the address is forgotten."""
    key = link.content(token, now=timezone.now())
    return get_object_or_404(Subscriber.objects.select_related("person"), pk=key)


@opened_by_link()
def confirm_subscription(request: HttpRequest, token: str) -> HttpResponse:
    """Ask, then note that an address wants bulletins."""
    found = _subscriber(SignedLink.SUBSCRIBE, token)
    if request.method == "POST":
        subscribing.confirm_wish(subscriber=found, now=timezone.now())
    return render(request, "bulletins/confirm.html", {"subscriber": found})


@csrf_exempt
@opened_by_link(a_minute=_STOPS_A_MINUTE)
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ask, then stop. A mail program stops at once, with one click (RFC 8058).

    It comes with no cookie and no token of a form: the signed address alone says who stops.
    """
    name, value = _ONE_CLICK
    if request.method == "POST" and request.POST.get(name) == value:
        subscribing.stop(subscriber=_subscriber(SignedLink.UNSUBSCRIBE, token), now=timezone.now())
        return HttpResponse("Stopped.\n", content_type="text/plain; charset=utf-8")
    return _unsubscribe_page(request, token)


@csrf_protect
def _unsubscribe_page(request: HttpRequest, token: str) -> HttpResponse:
    found = _subscriber(SignedLink.UNSUBSCRIBE, token)
    if request.method == "POST":
        subscribing.stop(subscriber=found, now=timezone.now())
        found.refresh_from_db(fields=["ended_at"])
    return render(request, "bulletins/unsubscribe.html", {"subscriber": found})
