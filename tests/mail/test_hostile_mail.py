"""Text that wants to be more than text stays text, and headers say what they were given."""

import re
from html.parser import HTMLParser
from typing import Any

import icalendar
import pytest
from django.db.models import Value
from django.template.loader import render_to_string
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from booking.mail.letters import Letter, write
from booking.outbox.models import Message
from booking.partnership.models import Partnership
from booking.places import announcements
from booking.places.models import Booking
from booking.site.plain_text import one_line
from tests.factories import NOW
from tests.mail.letters import calendar_part, part, post, read, times, written

pytestmark = pytest.mark.django_db


# --- text that wants to be more than text ---

PIECES = [
    "\r\n",
    "\n",
    "\r",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\u2028",
    "\u2029",
    "\u202e",
    "\nBcc: x@evil.example\r\n",
    "\r\n\r\n<script>alert(1)</script>",
    "<b>&amp;",
    '"',
    "'",
    "\\",
    ",",
    ";",
    "<x@evil.example>",
    "=?utf-8?q?x=0D=0ABcc:_x?=",
    "{{ notice.title }}",
    "{% include 'x' %}",
    "\U0001f469\u200d\U0001f52c",
    "\u05e9\u05dc\u05d5\u05dd",
    "é" * 60,
    "長" * 60,
    "a" * 200,
    ".",
    " ",
]


hostile = st.lists(
    st.one_of(
        st.sampled_from(PIECES),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12),
    ),
    max_size=10,
).map("".join)


class Tags(HTMLParser):
    """The names of the elements of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """The method's name is html.parser's."""
        self.names.add(tag)


@hypothesis_settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(title=hostile, first=hostile, last=hostile, why=hostile, place=hostile)
def test_no_text_adds_a_header_a_part_or_an_element(
    booking: Booking, title: str, first: str, last: str, why: str, place: str
) -> None:
    booking.session.course.title = title[:200]
    booking.session.course.save(update_fields=["title"])
    type(booking.person).objects.update(
        # As values of the database, which are stored unread: older rows may hold anything.
        first_name=Value(first[:100]),
        last_name=Value(last[:100]),
    )
    booking.session.venue.name = place[:200] if booking.session.venue else ""  # type: ignore[union-attr]
    booking.session.venue.save(update_fields=["name"])  # type: ignore[union-attr]
    Message.objects.all().delete()
    [message, *_] = post(
        announcements.cancelled(booking, times(booking), by=booking.booked_by, why=why)
    )
    mime = written(message)
    mail = read(mime)
    assert list(mail.keys()) == [
        "From",
        "Reply-To",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "X-Auto-Response-Suppress",
        "MIME-Version",
        "Content-Type",
    ]
    [to] = mail["To"].addresses
    assert to.addr_spec == booking.person.email
    assert len(list(mail.iter_parts())) == 3
    assert "script" not in Tags(part(mail, "text/html")).names
    assert "b" not in Tags(part(mail, "text/html")).names
    sent = calendar_part(mail).get_payload(decode=True)
    assert len(icalendar.Calendar.from_ical(sent).walk("VEVENT")) == 1


def letter(**changes: Any) -> Letter:
    fields: dict[str, Any] = {
        "sender": "Briefed <training@briefed.example>",
        "reply_to": "training@leedsscp.example",
        "to_name": "Sam",
        "to_email": "sam@agency.example",
        "subject": "Booked",
        "text": "Hello",
        "html": "<p>Hello</p>",
        "message_id": "<abc@briefed.example>",
        "written_at": NOW,
    }
    return Letter(**(fields | changes))


@hypothesis_settings(max_examples=200)
@given(name=hostile, subject=hostile)
def test_headers_say_what_they_were_given(name: str, subject: str) -> None:
    mail = read(write(letter(to_name=name, subject=subject)))
    [to] = mail["To"].addresses
    assert to.addr_spec == "sam@agency.example"
    # Python's parser keeps the space between two encoded words of a name (RFC 2047, 6.2 drops it).
    assert to.display_name.replace(" ", "") == one_line(name)[:120].replace(" ", "")
    assert str(mail["Subject"]) == one_line(subject)[:200].rstrip()


@hypothesis_settings(max_examples=100)
@given(text=hostile)
def test_bodies_say_what_they_were_given(text: str) -> None:
    expected = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "", text)
    expected = expected.replace("\r\n", "\n").replace("\r", "\n")
    mail = read(write(letter(text=f"A{text}.", html=f"A{text}.")))
    for content_type in ("text/plain", "text/html"):
        assert part(mail, content_type) == f"A{expected}."


@pytest.mark.parametrize(
    "address", ["", "sam", "sam@", "@agency.example", "sam@a b.example", "sám@agency.example",
                "sam@agency.example\r\nBcc: x@evil.example", "a,b@agency.example"],
)  # fmt: skip
def test_an_impossible_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        write(letter(to_email=address))


def test_an_address_in_another_script_is_written_as_the_mail_server_wants_it() -> None:
    mail = read(write(letter(to_email="sam@bücher.example")))
    assert mail["To"].addresses[0].addr_spec == "sam@xn--bcher-kva.example"


# --- the sign-in code ---


def test_the_sign_in_code_has_its_mail_in_the_same_layout() -> None:
    html = render_to_string(
        "account/email/login_code_message.html",
        {"code": "BCDFGH", "partnership": Partnership(name="Leeds & Co")},
    )
    assert "BCD-FGH" in html
    assert "expires in 10 minutes" in html
    assert "ignore this email" in html
    assert "Leeds &amp; Co" in html
    assert 'class="code" style="' in html
    assert "mailto:" not in html
