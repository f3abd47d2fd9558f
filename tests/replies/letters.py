"""Mails as calendar programs and mail servers send them."""

import base64

from booking.outbox.models import Message
from booking.places.models import Booking

OURS = "training@leedsscp.example"


def crlf(text: str) -> bytes:
    """A mail with the line ends of the wire."""
    return text.lstrip("\n").replace("\n", "\r\n").encode()


def uid_of(booking: Booking) -> str:
    """The UID of the booking's first calendar entry."""
    return f"{booking.calendar_key}-{booking.session.sittings.all()[0].pk}@briefed.example"


def google_reply(
    booking: Booking, partstat: str, *, message_id: str = "<g1@mail.gmail.com>", **changes: str
) -> bytes:
    """As Google Calendar answers: a part of an alternative, and the same again attached."""
    uid = changes.get("uid", uid_of(booking))
    attendee = changes.get("attendee", booking.person.email)
    auto_submitted = changes.get("auto_submitted", "auto-generated")
    calendar = f"""BEGIN:VCALENDAR
PRODID:-//Google Inc//Google Calendar 70.9054//EN
VERSION:2.0
CALSCALE:GREGORIAN
METHOD:REPLY
BEGIN:VEVENT
DTSTART:20270202T090000Z
DTEND:20270202T120000Z
DTSTAMP:20270112T101500Z
ORGANIZER;CN=Partnership:mailto:{OURS}
UID:{uid}
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT={partstat};CN=
 Someone;X-NUM-GUESTS=0:mailto:{attendee}
SEQUENCE:{changes.get("sequence", "0")}
STATUS:CONFIRMED
SUMMARY:Neglect
END:VEVENT
END:VCALENDAR
"""
    return crlf(f"""
Return-Path: <{attendee}>
Reply-To: Someone <{attendee}>
Sender: Google Calendar <calendar-notification@google.com>
Auto-Submitted: {auto_submitted}
From: Someone <{attendee}>
To: {OURS}
Subject: {partstat.title()}: Neglect
Message-ID: {message_id}
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

--outer
Content-Type: multipart/alternative; boundary="inner"

--inner
Content-Type: text/plain; charset="UTF-8"

Someone has answered.

--inner
Content-Type: text/calendar; charset="UTF-8"; method=REPLY
Content-Transfer-Encoding: 7bit

{calendar}
--inner--

--outer
Content-Type: application/ics; name="invite.ics"
Content-Disposition: attachment; filename="invite.ics"
Content-Transfer-Encoding: 7bit

{calendar}
--outer--
""")


def outlook_reply(booking: Booking, partstat: str) -> bytes:
    """As Exchange answers: the calendar in base64, the address in capitals."""
    calendar = f"""BEGIN:VCALENDAR
METHOD:REPLY
PRODID:Microsoft Exchange Server 2010
VERSION:2.0
BEGIN:VEVENT
ATTENDEE;PARTSTAT={partstat};CN=Someone:MAILTO:{booking.person.email.upper()}
COMMENT;LANGUAGE=en-GB:\\n
UID:{uid_of(booking)}
SUMMARY;LANGUAGE=en-GB:Declined: Neglect
DTSTART;TZID=GMT Standard Time:20270202T090000
DTEND;TZID=GMT Standard Time:20270202T120000
DTSTAMP:20270112T101500Z
SEQUENCE:0
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")
    return crlf(f"""
From: Someone <{booking.person.email}>
To: {OURS}
Subject: Declined: Neglect
Message-ID: <o1@outlook.example>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="b"

--b
Content-Type: text/plain; charset="utf-8"


--b
Content-Type: text/calendar; charset="utf-8"; method=REPLY
Content-Transfer-Encoding: base64

{base64.encodebytes(calendar.encode()).decode()}
--b--
""")


def notification(
    message_id: str,
    *,
    status: str = "5.1.1",
    action: str = "failed",
    diagnostic: str = "smtp; 550 5.1.1 No such person",
    returned: str = "message/rfc822",
    own_id: str = "<dsn1@mx.example>",
    recipient: str = "someone@agency.example",
    original: str = "",
    before: str = "",
) -> bytes:
    """A delivery status notification as Postfix writes it (RFC 3464).

    `before` is what it says of other recipients.
    """
    return crlf(f"""
Return-Path: <>
From: MAILER-DAEMON@mx.example (Mail Delivery System)
To: training@briefed.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Message-ID: {own_id}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--b
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Tue, 12 Jan 2027 09:00:00 +0000 (GMT)

{before}Final-Recipient: rfc822; {recipient}
Original-Recipient: rfc822;{original or recipient}
Action: {action}
Status: {status}
Diagnostic-Code: {diagnostic}

--b
Content-Type: {returned}

From: Briefed <training@briefed.example>
To: someone@agency.example
Subject: You are booked
Message-ID: {message_id}

--b--
""")


def words_of_a_server(message: Message, words: str) -> bytes:
    """A report in words only, with our headers returned as text."""
    return crlf(f"""
Return-Path: <>
From: postmaster@mx.example
To: training@briefed.example
Subject: failure notice
Message-ID: <words1@mx.example>
Content-Type: text/plain

Hi. This is the mail program at mx.example.

<{message.to_email}>:
{words}

--- Below this line is a copy of the message.

From: Briefed <training@briefed.example>
To: {message.to_email}
Message-ID: {message.message_id}
Subject: You are booked
""")


def holiday_notice(booking: Booking) -> bytes:
    """An automatic answer (RFC 3834)."""
    return crlf(f"""
From: {booking.person.email}
To: {OURS}
Subject: Automatic reply: Neglect
Message-ID: <ooo1@outlook.example>
Auto-Submitted: auto-replied
X-Auto-Response-Suppress: All
Content-Type: text/plain

I am away until Monday.
""")


def question() -> bytes:
    """What a person writes."""
    return crlf(f"""
From: Someone <someone@agency.example>
To: {OURS}
Subject: =?utf-8?q?Caf=C3=A9_nearby=3F?=
Message-ID: <q1@agency.example>
Content-Type: text/plain

Is there a cafe nearby?
""")
