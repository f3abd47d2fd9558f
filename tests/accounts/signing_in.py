"""Signing in as a person does: an address, and the code from the mailbox."""

import email
import re
from email.policy import default as default_policy

from django.test import Client
from django.urls import reverse

from booking.outbox.models import Message


def code_for(address: str) -> str:
    """The code in the newest mail to this address."""
    message = Message.objects.filter(to_email=address.lower()).latest("id")
    assert message.mime is not None
    mail = email.message_from_bytes(bytes(message.mime), policy=default_policy)
    text = mail.get_body(("plain",))
    assert text is not None
    found = re.search(r"\b([B-Z]{3}-?[B-Z]{3})\b", text.get_content())
    assert found is not None
    return found.group(1)


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
