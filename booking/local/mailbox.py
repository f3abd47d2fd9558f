"""The demo's mailbox: every mail that the site has sent, as a page.

It reads the folder that `booking/local/smtp_sink.py` writes. There is no sign-in: it exists where
`MAILBOX_DIR` is set, and that is the demo.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.csp import CSP
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_safe
from icalendar import Calendar

from booking.site import wording

_PAGE_SIZE = 25
NAME = re.compile("[0-9]{20}-[0-9]{6}")
# Long enough for the header of any mail that the site sends.
_HEADER_BYTES = 65_536

# A mail's own page may style itself and open links in a new tab; it can run and fetch nothing.
_MAIL_POLICY: dict[str, list[str]] = {
    "default-src": [CSP.NONE],
    "style-src": ["'unsafe-inline'"],
    "img-src": ["data:"],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.NONE],
    "frame-ancestors": [CSP.SELF],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}


@dataclass(frozen=True)
class MailInList:
    """One line of the list."""

    name: str
    arrived_at: datetime
    sender: str
    recipients: str
    subject: str


@require_safe
def mailbox(request: HttpRequest) -> HttpResponse:
    """Every mail, newest first; `?to=` keeps those whose sender or recipient holds that text."""
    wanted = request.GET.get("to", "").strip().lower()
    mails = [_listed(_path(name)) for name in _names()]
    if wanted:
        mails = [mail for mail in mails if wanted in f"{mail.recipients}\n{mail.sender}".lower()]
    page = Paginator(mails, _PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "local/mailbox.html", {"page_obj": page, "wanted": wanted})


@require_safe
def mail(request: HttpRequest, name: str) -> HttpResponse:
    """One mail: as a mail program shows it, as text, its event and its headers."""
    message = _message(name)
    text, html, invitation = (_part(message, kind) for kind in ("plain", "html", "calendar"))
    try:
        entry = Calendar.from_ical(invitation)
    except ValueError:
        # Also where there is no calendar part.
        entry = Calendar()
    context = {
        "mail": _listed(_path(name)),
        "text": text,
        "has_html": bool(html),
        "method": str(entry.get("METHOD", "")),
        "events": [_event(event) for event in entry.walk("VEVENT")],
        "has_calendar": bool(invitation),
        "headers": [(header, str(content)) for header, content in message.items()],
    }
    return render(request, "local/mailbox_mail.html", context)


@require_safe
@xframe_options_sameorigin
@csp_override(_MAIL_POLICY)
def html(request: HttpRequest, name: str) -> HttpResponse:
    """The mail's HTML alone, for the frame on its page; links open in a new tab."""
    body = _part(_message(name), "html")
    if not body:
        raise Http404("This mail has no HTML.")
    head, opening, rest = body.partition("<head>")
    target = '<base target="_blank">'
    return HttpResponse(f"{head}{opening}{target}{rest}" if opening else f"{target}{body}")


@require_safe
def raw(request: HttpRequest, name: str) -> HttpResponse:
    """The mail as it was handed over, to download."""
    return _download(_path(name).read_bytes(), "message/rfc822", f"{name}.eml")


@require_safe
def calendar(request: HttpRequest, name: str) -> HttpResponse:
    """The mail's calendar part, to download and open in a calendar."""
    found = _part(_message(name), "calendar")
    if not found:
        raise Http404("This mail has no calendar part.")
    return _download(found.encode(), "text/calendar; charset=utf-8", f"{name}.ics")


def _download(content: bytes, kind: str, filename: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{filename}"'}
    return HttpResponse(content, content_type=kind, headers=headers)


def _names() -> list[str]:
    """The names of all mails, newest first."""
    found = (path.stem for path in Path(settings.MAILBOX_DIR).glob("*.eml"))
    return sorted((name for name in found if NAME.fullmatch(name)), reverse=True)


def _path(name: str) -> Path:
    """Where the mail lies. The name comes from an address, so it is checked again here."""
    path = Path(settings.MAILBOX_DIR) / f"{name}.eml"
    if not NAME.fullmatch(name) or not path.is_file():
        raise Http404("There is no such mail.")
    return path


@lru_cache(maxsize=10_000)
def _listed(path: Path) -> MailInList:
    """A mail never changes once stored, so its header is read once."""
    with path.open("rb") as stored:
        header = BytesHeaderParser(policy=policy.default).parsebytes(stored.read(_HEADER_BYTES))
    return MailInList(
        name=path.stem,
        arrived_at=datetime.fromtimestamp(int(path.stem[:20]) / 1e9, tz=UTC),
        sender=str(header["From"] or header["X-Envelope-From"] or ""),
        recipients=str(header["X-Envelope-To"] or header["To"] or ""),
        subject=str(header["Subject"] or "(no subject)"),
    )


def _message(name: str) -> EmailMessage:
    message = message_from_bytes(_path(name).read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - policy.default says so
    return message


def _part(message: EmailMessage, subtype: str) -> str:
    """The text of the first `text/<subtype>` part, or an empty one."""
    for part in message.walk():
        if part.get_content_type() == f"text/{subtype}":
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                return content.decode(part.get_content_charset("utf-8"), errors="replace")
    return ""


def _event(event: Any) -> dict[str, str | list[str]]:
    """One event of a mail's calendar part, as a person reads it."""
    names = ("summary", "location", "description", "status", "uid", "sequence")
    return {
        **{name: str(event.get(name, "")) for name in names},
        "when": _when(event),
        "organizer": _person(event.get("ORGANIZER")),
        "attendees": [_person(person) for person in event.attendees],
    }


def _when(event: Any) -> str:
    starts, ends = event.decoded("DTSTART", None), event.decoded("DTEND", None)
    if isinstance(starts, datetime) and isinstance(ends, datetime):
        return wording.sitting_times(starts.astimezone(UTC), ends.astimezone(UTC))
    return wording.day(starts) if isinstance(starts, date) else ""


def _person(address: Any) -> str:
    """A name with its email address, from an ORGANIZER or ATTENDEE."""
    if address is None:
        return ""
    email = str(address).removeprefix("mailto:").removeprefix("MAILTO:")
    name = str(address.params.get("CN", ""))
    status = str(address.params.get("PARTSTAT", "")).lower().replace("-", " ")
    return " ".join(
        filter(None, [f"{name} <{email}>" if name else email, status and f"({status})"])
    )
