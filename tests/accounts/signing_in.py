"""Signing in as a person does: an address, the code from the mailbox, or that of an app."""

import email
import re
from email.policy import default as default_policy
from typing import Any

import time_machine
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY, format_hotp_value, hotp_value
from allauth.mfa.totp.internal.auth import yield_hotp_counters_from_time as counters
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.outbox.models import Message

# That of an authenticator app.
SECRET = "JBSWY3DPEHPK3PXP"


def in_newest_mail(address: str, pattern: str) -> str:
    """What the pattern finds in the text of the newest mail to this address."""
    message = Message.objects.filter(to_email=address.lower()).latest("id")
    assert message.mime is not None
    mail = email.message_from_bytes(bytes(message.mime), policy=default_policy)
    text = mail.get_body(("plain",))
    assert text is not None
    found = re.search(pattern, text.get_content())
    assert found is not None
    return found.group()


def code_for(address: str) -> str:
    """The code in the newest mail to this address."""
    return in_newest_mail(address, r"\b[B-Z]{3}-?[B-Z]{3}\b")


def ask_for_code(client: Client, address: str, then: str = "") -> None:
    """Type the address on the sign-in page."""
    response = client.post(
        reverse("account_login") + (f"?next={then}" if then else ""), {"email": address}
    )
    assert response.status_code == 302, response.content.decode()


def sign_in(client: Client, address: str, then: str = "") -> str:
    """Sign in by code; returns where that leads."""
    ask_for_code(client, address, then)
    query = f"?next={then}" if then else ""
    response = client.post(
        reverse("account_confirm_login_code") + query, {"code": code_for(address), "next": then}
    )
    assert response.status_code == 302, response.content.decode()
    return str(response.headers["Location"])


def app_code(secret: str = SECRET) -> str:
    """What the app shows now."""
    return format_hotp_value(hotp_value(secret, next(counters())))


def set_up_app(client: Client) -> Any:
    """Set up an authenticator app as a person does, with a code sent to the address first."""
    page = reverse("mfa_activate_totp")
    asked = client.get(page)
    if asked.status_code == 302:
        prove = asked.headers["Location"]
        client.post(prove, {"action": "send", "next": page})
        email = User.objects.get(pk=client.session["_auth_user_id"]).email
        went_on = client.post(prove, {"code": code_for(email), "next": page})
        assert went_on.headers["Location"] == page
        client.get(page)
    with time_machine.travel(timezone.now(), tick=False):
        return client.post(page, {"code": app_code(client.session[SECRET_SESSION_KEY])})
