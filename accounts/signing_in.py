"""The pages on which somebody signs in: their address, the code, or a password.

Whatever happens in between, they go on to where they were going, and correct an address without
typing it anew.
"""

from typing import Any

from allauth.account.internal.flows.login_by_code import LoginCodeVerificationProcess
from allauth.account.internal.stagekit import clear_login, get_pending_stage
from allauth.account.stages import LoginByCodeStage, LoginStage
from allauth.account.views import (
    ConfirmEmailVerificationCodeView,
    ConfirmLoginCodeView,
    LoginView,
    LogoutView,
    RequestLoginCodeView,
)
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import urlencode

from accounts import actions
from accounts.attempts import carried_device, check_may_try, give_device_back
from accounts.errand import address_typed, going_to, keep_errand, safe_next

_OVER = "That code does not count any more. Ask for a new code now."
_LAST_TRY = (
    "That code was wrong too, so the code we sent does not count any more. Ask for a new code now."
)


def awaited_address(request: HttpRequest) -> str:
    """The address to which a code was sent that may still be entered, or nothing."""
    stage = get_pending_stage(request)
    if stage is None or stage.key != LoginByCodeStage.key:
        return ""
    process = LoginCodeVerificationProcess.resume(stage)  # type: ignore[no-untyped-call]
    return str(process.state["email"]) if process else ""


class OnAnErrand:
    """A page of signing in, which knows where the person was going."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The newest place to go to counts; without one in the address, the one of before."""
        to = safe_next(request, "")
        if to and address_typed(request):
            keep_errand(request, going_to=to)
        elif not to and request.method == "GET" and going_to(request):
            return HttpResponseRedirect(at(request.path, going_to(request)))
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        return response


def at(path: str, to: str) -> str:
    """The address of a page of signing in, for somebody who is going there."""
    return f"{path}?{urlencode({'next': to})}" if to else path


def send_code(request: HttpRequest, email: str) -> None:
    """Send a code and await it; what was awaited before counts no more."""
    person = actions.person_for_sign_in(email=email)
    LoginCodeVerificationProcess.initiate(
        request=request, user=person if person.is_active else None, email=email
    )
    keep_errand(request, going_to=safe_next(request, ""), email=email)


class _MayStartAnew:
    """A page that somebody may open while a code is awaited, of a wrong address perhaps."""

    request: HttpRequest

    def _redirect_to_pending_stage(
        self, request: HttpRequest, stage: LoginStage
    ) -> HttpResponseRedirect | None:
        """Only the second step has to be passed or left first."""
        if stage.key == LoginByCodeStage.key:
            return None
        response: HttpResponseRedirect | None = super()._redirect_to_pending_stage(  # type: ignore[misc]
            request, stage
        )
        return response

    def get_context_data(self, **about: Any) -> dict[str, Any]:
        """With the address of the code that is awaited."""
        awaited = awaited_address(self.request)
        context: dict[str, Any] = super().get_context_data(**about)  # type: ignore[misc]
        return {**context, "awaited_address": awaited}


class SignInView(OnAnErrand, _MayStartAnew, RequestLoginCodeView):
    """Ask for the work address, send a code: the same page for new and known people."""

    def get_initial(self) -> dict[str, Any]:
        """The address typed before, to be corrected."""
        return {"email": address_typed(self.request)}

    def form_valid(self, form: Any) -> HttpResponse:
        """Begin an account for a new address, then send the code."""
        send_code(self.request, form.cleaned_data["email"])
        return HttpResponseRedirect(str(self.get_success_url()))  # type: ignore[no-untyped-call]


sign_in = SignInView.as_view()


class PasswordView(OnAnErrand, _MayStartAnew, LoginView):
    """Sign in with a password."""

    def get_initial(self) -> dict[str, Any]:
        """The address typed before."""
        return {"login": address_typed(self.request)}


sign_in_with_password = PasswordView.as_view()


class EnterCodeView(OnAnErrand, ConfirmLoginCodeView):
    """Enter the code, ask for another, or correct the address."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Say so where a code has run out or been used up."""
        is_over = not request.user.is_authenticated and not awaited_address(request)
        if is_over and address_typed(request):
            messages.error(request, _OVER)
            return self._to_sign_in()
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """By the button that was pressed."""
        match request.POST.get("action"):
            case "resend":
                return self._send_another()
            case "correct":
                clear_login(request)
                return self._to_sign_in()
        return super().post(request, *args, **kwargs)

    def _send_another(self) -> HttpResponse:
        """Another code, unless too many were asked for."""
        email = str(self._process.state["email"])
        try:
            check_may_try(self.request, "code", email)
        except ValidationError as refused:
            messages.error(self.request, refused.message)
        else:
            send_code(self.request, email)
        return HttpResponseRedirect(at(self.request.path, self._going_to()))

    def form_invalid(self, form: Any) -> HttpResponse:
        """After the last try the address stands ready to have another code sent to it."""
        if form.is_no_try or self._process.record_invalid_attempt():
            return self.render_to_response(self.get_context_data(form=form))
        messages.error(self.request, _LAST_TRY)
        return self._to_sign_in()

    def _to_sign_in(self) -> HttpResponse:
        return HttpResponseRedirect(at(reverse("account_login"), self._going_to()))

    def _going_to(self) -> str:
        return safe_next(self.request, going_to(self.request))


enter_code = EnterCodeView.as_view()


class ConfirmAddressView(ConfirmEmailVerificationCodeView):
    """Enter the code that proves an address somebody changes to."""

    def form_invalid(self, form: Any) -> HttpResponse:
        """What holds no code is no try."""
        if getattr(form, "is_no_try", False):
            context = self.get_context_data(form=form)  # type: ignore[no-untyped-call]
            return self.render_to_response(context)
        answer: HttpResponse = super().form_invalid(form)  # type: ignore[no-untyped-call]
        return answer


confirm_address = ConfirmAddressView.as_view()


class SignOutView(LogoutView):
    """Sign out; the browser forgets the pages it has seen, for the next person in front of it.

    That clears the cookies of the very answer too, so the one by which the browser is known again
    is given back at the address that it follows.
    """

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask whether to sign out; whoever has is led on."""
        response = super().get(request, *args, **kwargs)
        if not request.user.is_authenticated:
            give_device_back(request, response)
            messages.success(request, "You are signed out.")
        return response

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        """End the session. Nothing that the site runs on is stored but what is named here."""
        response = super().post(*args, **kwargs)
        query = {"device": carried_device(self.request), "next": response.headers["Location"]}
        return HttpResponseRedirect(
            f"{reverse('account_logout')}?{urlencode(query)}",
            headers={"Clear-Site-Data": '"cache", "cookies"'},
        )


sign_out = SignOutView.as_view()
