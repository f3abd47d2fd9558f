"""Pages about the person who is signed in."""

from typing import Any

from allauth.account.views import BaseReauthenticateView
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from accounts import actions
from accounts.actions import person_of_link
from accounts.agency_proof import AgencyGone, agency_by_address
from accounts.errand import safe_next
from accounts.forms import ProfileForm, RemindersForm, SignInCodeForm
from accounts.models import User
from accounts.proof import ProofByCode, TooManyCodes
from accounts.watching import note_failure
from booking.site.limits import at_most, opened_by_link
from booking.site.signed_links import LinkRanOut
from booking.site.web import done, page, posted


def signed_in(request: HttpRequest) -> User:
    """The person who is signed in, for views that only such people reach."""
    assert isinstance(request.user, User)  # noqa: S101
    return request.user


class ProveByCodeView(BaseReauthenticateView):
    """Have a code sent to the address of now, enter it, and go on with what was interrupted."""

    template_name = "account/prove_by_code.html"
    form_class = SignInCodeForm

    def get_form_kwargs(self) -> dict[str, Any]:
        """With the code that is awaited; of one that is not, nothing is right."""
        awaited = ProofByCode.awaited(self.request)
        return {**super().get_form_kwargs(), "code": awaited.code if awaited else None}

    def get_context_data(self, **about: Any) -> dict[str, Any]:
        """Whether a code is awaited, and why none is sent."""
        is_awaited = ProofByCode.awaited(self.request) is not None
        return {**super().get_context_data(**about), "is_awaited": is_awaited}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Send a code, or compare one."""
        if request.POST.get("action") != "send":
            return super().post(request, *args, **kwargs)
        try:
            ProofByCode.begin(request)
        except TooManyCodes as refused:
            messages.error(request, str(refused))
        return redirect(self.passthrough_next_url(request.path))  # type: ignore[no-untyped-call]

    def form_invalid(self, form: Any) -> HttpResponse:
        """Count a wrong code; after the last one, another has to be sent."""
        if form.is_no_try:
            return super().form_invalid(form)
        note_failure(self.request, signed_in(self.request), method="proof by code")
        awaited = ProofByCode.awaited(self.request)
        if awaited is None or not awaited.record_invalid_attempt():
            messages.error(self.request, "That code does not count any more. Have another sent.")
            here = self.request.path
            return redirect(self.passthrough_next_url(here))  # type: ignore[no-untyped-call]
        return super().form_invalid(form)

    def form_valid(self, form: Any) -> HttpResponse:
        """The code was right."""
        awaited = ProofByCode.awaited(self.request)
        assert awaited is not None  # noqa: S101
        awaited.finish()
        return super().form_valid(form)


prove_by_code = never_cache(login_required(ProveByCodeView.as_view()))


def profile_form(request: HttpRequest, person: User, *, with_level: bool) -> ProfileForm:
    """The form in which a person says who they are, filled in from the request or what is known.

    `with_level` asks for their level of safeguarding work too.
    """
    known_agency = agency_by_address(person=person)
    return ProfileForm(
        posted(request), person=person, known_agency=known_agency, with_level=with_level
    )


def is_kept(form: ProfileForm, person: User) -> bool:
    """Keep what a form says of a person, if it can be; else it says why not."""
    if not form.is_valid():
        return False
    try:
        actions.save_profile(person=person, now=timezone.now(), **form.cleaned_data)
    except AgencyGone as refused:
        person.refresh_from_db()
        form.add_error(None, refused.sentence)
        return False
    return True


@never_cache
@at_most(60)
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Say, or correct, who you are and whom you work for; then go on where you came from."""
    person = signed_in(request)
    first_time = not person.is_complete
    form = profile_form(request, person, with_level=not first_time)
    if is_kept(form, person):
        return redirect(safe_next(request, f"{reverse('account_profile')}?saved=1"))
    context = {
        "form": form,
        "first_time": first_time,
        "next": safe_next(request, ""),
        "saved": "saved" in request.GET,
    }
    return page(request, "account/profile.html", context)


@never_cache
@at_most(60)
@login_required
def emails(request: HttpRequest) -> HttpResponse:
    """Which mail comes to the person, and whether reminders do."""
    person = signed_in(request)
    form = _reminders_form(request, person)
    if form.is_valid():
        actions.choose_reminders(person=person, **form.cleaned_data)
        on_or_off = "on" if person.wants_reminders else "off"
        return done(request, f"Reminders are {on_or_off}.", "account_emails")
    return page(request, "account/emails.html", {"form": form})


@opened_by_link()
def reminders_link(request: HttpRequest, token: str) -> HttpResponse:
    """Turn reminders off, or on again, by the link in one of them; without signing in."""
    try:
        person = person_of_link(token, now=timezone.now())
    except LinkRanOut:
        return render(request, "account/reminders_link_ran_out.html", status=410)
    except User.DoesNotExist as missing:
        raise Http404 from missing
    form = _reminders_form(request, person)
    if form.is_valid():
        actions.choose_reminders(person=person, **form.cleaned_data)
        return redirect("reminders_link", token)
    context = {"person": person, "form": form}
    return page(request, "account/reminders_link.html", context)


def _reminders_form(request: HttpRequest, person: User) -> RemindersForm:
    now_wanted = "yes" if person.wants_reminders else "no"
    return RemindersForm(posted(request), initial={"wants_reminders": now_wanted})


@login_required
@never_cache
def two_step_needed(request: HttpRequest) -> HttpResponse:
    """Explain why people who see others' bookings confirm their sign-in with a second step."""
    return render(request, "account/two_step_needed.html")
