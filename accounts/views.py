"""Pages about the person who is signed in."""

from typing import Any

from allauth.account.internal import flows
from allauth.account.views import RequestLoginCodeView
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from accounts import actions
from accounts.actions import person_of_link
from accounts.forms import ProfileForm, RemindersForm
from accounts.models import User
from accounts.agency_proof import agency_by_address
from booking.site.limits import at_most, at_most_from_one_address
from booking.site.signed_links import LinkRanOut, LinkRefused
from booking.site.web import done, page, posted


def signed_in(request: HttpRequest) -> User:
    """The person who is signed in, for views that only such people reach."""
    assert isinstance(request.user, User)  # noqa: S101
    return request.user


def safe_next(request: HttpRequest, otherwise: str) -> str:
    """Where `next` points, if that is on this site; else `otherwise`."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    secure = request.is_secure()
    if url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=secure):
        return target
    return otherwise


class SignInView(RequestLoginCodeView):
    """Ask for the work address, send a code: the same page for new and known people."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Begin an account for a new address, then send the code."""
        email = form.cleaned_data["email"]
        person = actions.person_for_sign_in(email=email)
        flows.login_by_code.LoginCodeVerificationProcess.initiate(
            request=self.request, user=person if person.is_active else None, email=email
        )
        return HttpResponseRedirect(str(self.get_success_url()))  # type: ignore[no-untyped-call]


sign_in = SignInView.as_view()


def profile_form(request: HttpRequest, person: User, *, with_level: bool) -> ProfileForm:
    """The form in which a person says who they are, filled in from the request or what is known.

    `with_level` asks for their level of safeguarding work too.
    """
    known_agency = agency_by_address(person=person)
    return ProfileForm(
        posted(request), person=person, known_agency=known_agency, with_level=with_level
    )


@never_cache
@at_most(60)
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Say, or correct, who you are and whom you work for; then go on where you came from."""
    person = signed_in(request)
    first_time = not person.is_complete
    form = profile_form(request, person, with_level=not first_time)
    if form.is_valid():
        actions.save_profile(person=person, now=timezone.now(), **form.cleaned_data)
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


@never_cache
@at_most_from_one_address(120)
def reminders_link(request: HttpRequest, token: str) -> HttpResponse:
    """Turn reminders off, or on again, by the link in one of them; without signing in."""
    try:
        person = person_of_link(token, now=timezone.now())
    except LinkRanOut:
        return render(request, "account/reminders_link_ran_out.html", status=410)
    except (LinkRefused, User.DoesNotExist) as missing:
        raise Http404 from missing
    form = _reminders_form(request, person)
    if form.is_valid():
        actions.choose_reminders(person=person, **form.cleaned_data)
        return redirect("reminders_link", token)
    context = {"person": person, "form": form}
    response = page(request, "account/reminders_link.html", context)
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _reminders_form(request: HttpRequest, person: User) -> RemindersForm:
    now_wanted = "yes" if person.wants_reminders else "no"
    return RemindersForm(posted(request), initial={"wants_reminders": now_wanted})


@login_required
@never_cache
def two_step_needed(request: HttpRequest) -> HttpResponse:
    """Explain why people who see others' bookings confirm their sign-in with a second step."""
    return render(request, "account/two_step_needed.html")
