"""What django-allauth asks of us."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.stagekit import clear_login
from allauth.account.internal.userkit import user_email
from allauth.account.models import EmailAddress
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.addresses import (
    SHARED_MAILBOX_REFUSED,
    as_stored,
    is_shared_mailbox,
    parse_address,
)
from accounts.attempts import check_may_try, remember_device
from accounts.codes import new_code
from accounts.errand import forget_errand, going_to
from accounts.models import User
from accounts.proof import ways
from booking.partnership.kept import sender
from booking.site.plain_text import plain_text

ADDRESS_CHANGED = (
    "The email address of this account has been changed. Sign in with the address it has now."
)
_UNKNOWN_ACCOUNT = "account/email/unknown_account"
_CLOSED_ACCOUNT = "account/email/account_closed"


class AccountAdapter(DefaultAccountAdapter):
    """Sign-in by a code sent to the work address; one page for new and known people."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "incorrect_code": "That code is not right. Check the newest email we sent you.",
        # Of the second step, and of a new address: `check_may_try` says when for all others.
        "too_many_login_attempts": (
            "There have been too many attempts. Wait five minutes, then try again."
        ),
        "rate_limited": "There have been too many attempts. Wait five minutes, then try again.",
        "email_password_mismatch": (
            "The email address or the password is not right. You can sign in with a code instead."
        ),
    }

    def generate_login_code(self) -> str:
        """Six capital letters: 64 million codes, five attempts, ten minutes."""
        return new_code()

    def generate_email_verification_code(self) -> str:
        """As for signing in."""
        return self.generate_login_code()

    def clean_email(self, email: str) -> str:
        """An address somebody changes to, as it is stored; refuses shared mailboxes."""
        email = parse_address(str(super().clean_email(email)))
        if is_shared_mailbox(email):
            raise ValidationError(SHARED_MAILBOX_REFUSED)
        return email

    def get_from_email(self) -> str:
        """As all our mail."""
        return sender()

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """As allauth, but to the address of a closed account that it was closed.

        Only the person who reads mail there learns it; the page is the same for every address.
        """
        closed = User.objects.filter(email=email.lower(), is_active=False)
        if template_prefix == _UNKNOWN_ACCOUNT and closed.exists():
            template_prefix = _CLOSED_ACCOUNT
        super().send_mail(template_prefix, email, context)

    def render_mail(self, *arguments: Any, **named: Any) -> EmailMessage:
        """As allauth, whose mails are text; of one that has a page, the text is made from that."""
        mail: EmailMessage = super().render_mail(*arguments, **named)
        for page, _ in getattr(mail, "alternatives", ()):
            mail.body = plain_text(page)
        return mail

    def is_ajax(self, request: HttpRequest) -> bool:
        """What a passkey is asked with is read by a script; every form is answered by a page."""
        return request.method == "GET" and super().is_ajax(request)

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Closed: an account begins on the sign-in page, with the code."""
        return False

    def pre_login(
        self, request: HttpRequest, user: AbstractBaseUser, *, email: str | None, **about: Any
    ) -> HttpResponse | None:
        """Refuse a sign-in that began with an address which is the account's no longer.

        A coordinator may have corrected it meanwhile, because a stranger reads mail there.
        """
        if response := super().pre_login(request, user, email=email, **about):
            return response
        # No address is named where a passkey is used.
        if not email or as_stored(email) == user_email(user):
            return None
        if EmailAddress.objects.filter(user_id=user.pk, email__iexact=email).exists():
            return None
        clear_login(request)
        messages.error(request, ADDRESS_CHANGED)
        return HttpResponseRedirect(reverse("account_login"))

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count a password before it is compared. Raises `ValidationError` if once too often."""
        check_may_try(request, "password", str(credentials.get("email", "")))

    def post_login(
        self, request: HttpRequest, user: AbstractBaseUser, **about: Any
    ) -> HttpResponse:
        """As allauth; the browser is known from now on, and where the person was going reached."""
        response = super().post_login(request, user, **about)
        forget_errand(request)
        assert isinstance(user, User)  # noqa: S101
        remember_device(request, response, user)
        return response

    def get_reauthentication_methods(
        self, user: AbstractBaseUser | AnonymousUser
    ) -> list[dict[str, Any]]:
        """A code by mail is a way for everybody, also without a password or a second step."""
        theirs = super().get_reauthentication_methods(user)
        return ways(self.request, theirs) if user.is_authenticated else theirs

    def is_reauthentication_required(self, *, app: str, **about: Any) -> bool:
        """Never by allauth, which lets through whoever has nothing to show: see `proof.py`."""
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """The page that was asked for, or a coordinator's desk and everybody else's bookings."""
        at_desk = isinstance(request.user, User) and request.user.is_coordinator
        return going_to(request) or reverse("manage" if at_desk else "my_bookings")
