"""Mails as many mail systems and calendar programs send them, in the shapes that they document.

Each begins with a line `%% system; what it is; shape`. Our identifiers stand in braces, and are put
in by one rule: the address, Message-ID and calendar UID of the message it is about.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from booking.outbox.models import Message
from tests.replies import letters

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Sent:
    """One mail of a system. `kind` is how it has to be read."""

    system: str
    kind: str
    shape: str
    text: str

    def __str__(self) -> str:
        return f"{self.system}, {self.kind}"

    def about(self, message: Message, *, number: int = 0) -> bytes:
        """The mail, with the identifiers of a message of ours. `number` makes it another one."""
        assert message.booking is not None
        copy = (
            f"From: Briefed <training@briefed.example>\nTo: {message.to_email}\n"
            f"Subject: You are booked\nDate: Tue, 12 Jan 2027 09:00:00 +0000\n"
            f"Message-ID: {message.message_id}\nMIME-Version: 1.0\n"
        )
        values = {
            "EMAIL": message.to_email,
            "LOCAL": message.to_email.partition("@")[0],
            "DOMAIN": message.to_email.partition("@")[2],
            "MID": message.message_id,
            "BAREID": message.message_id.strip("<>"),
            "UID": letters.uid_of(message.booking),
            "COPY": copy,
        }
        values["B64STATUS"] = base64.encodebytes(
            f"Reporting-MTA: dns; x.example\n\nFinal-Recipient: rfc822; {message.to_email}\n"
            "Action: failed\nStatus: 5.7.1\n".encode()
        ).decode()
        text = {"raw": _raw, "dsn": _dsn, "calendar": _calendar}[self.shape](self.text)
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value)
        return letters.crlf(
            f"To: training@briefed.example\nMessage-ID: <{number}@far.example>\n{text}"
        )


def _raw(text: str) -> str:
    return text


def _dsn(text: str) -> str:
    """A multipart/report (RFC 3462) of headers, words, fields, and the type of what is returned."""
    headers, words, fields, returned = re.split(r"(?m)^--\n", text)
    back = f"--b\nContent-Type: {returned.strip()}\n\n{{COPY}}\n" if returned.strip() else ""
    return (
        f"Return-Path: <>\n{headers}MIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
        f"--b\nContent-Type: text/plain\n\n{words}\n"
        f"--b\nContent-Type: message/delivery-status\n\n{fields}\n{back}--b--\n"
    )


def _calendar(text: str) -> str:
    """A REPLY (RFC 5546) of what stands before the entry, and in it."""
    before, within = text.split("=\n", 1)
    return (
        "From: Someone <{EMAIL}>\nSubject: Answer\nMIME-Version: 1.0\n"
        "Content-Type: multipart/alternative; boundary=c\n\n"
        "--c\nContent-Type: text/plain\n\nAnswered.\n"
        '--c\nContent-Type: text/calendar; charset="utf-8"; method=REPLY\n\n'
        f"BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:REPLY\n{before}BEGIN:VEVENT\nUID:{{UID}}\n"
        f"DTSTAMP:20270112T101500Z\n{within}END:VEVENT\nEND:VCALENDAR\n\n--c--\n"
    )


def _read() -> Iterator[Sent]:
    for file in ("reports", "others"):
        for entry in (_HERE / f"{file}.txt").read_text().split("%% ")[1:]:
            first, _, text = entry.partition("\n")
            system, kind, shape = first.split("; ")
            yield Sent(system, kind, shape, text)


MAILS = list(_read())
