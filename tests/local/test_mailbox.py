"""The demo's mailbox page, over mail that the sink has really stored."""

import smtplib
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.test import Client
from django.urls import get_resolver
from pytest_django import Settings

from booking.local.smtp_sink import SmtpSink

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.local.site_with_mailbox")]

INVITATION = "\r\n".join(
    [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Briefed//EN",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        "UID:booking-1@briefed.example",
        "SEQUENCE:3",
        "DTSTAMP:20270101T090000Z",
        "DTSTART:20270614T083000Z",
        "DTEND:20270614T113000Z",
        "SUMMARY:Working together\\, part 1",
        "LOCATION:Merrion House\\nLeeds",
        "ORGANIZER;CN=Training team:mailto:training@leedsscp.example",
        "ATTENDEE;CN=Ada;PARTSTAT=NEEDS-ACTION:mailto:ada@police.example",
        "STATUS:CONFIRMED",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
)


def send(
    sink: SmtpSink,
    *,
    to: str = "ada@police.example",
    subject: str = "Your place is booked",
    html: str = "",
    ics: str = "",
) -> str:
    """Send one mail; its name in the mailbox."""
    message = EmailMessage()
    message["From"] = "Briefed <training@leedsscp.example>"
    message["To"] = to
    message["Subject"] = subject
    message.set_content("Hello,\n\nyour place is booked: https://briefed.example/b/1\n")
    if html:
        message.add_alternative(html, subtype="html")
    if ics:
        message.add_alternative(ics, subtype="calendar", params={"method": "REQUEST"})
    with smtplib.SMTP("127.0.0.1", sink.port) as client:
        client.send_message(message)
    return sink.messages()[-1].path.stem


@pytest.fixture
def sink(smtp_sink: SmtpSink, settings: Settings) -> SmtpSink:
    settings.MAILBOX_DIR = str(smtp_sink.directory)
    return smtp_sink


def test_there_is_no_mailbox_unless_it_is_asked_for() -> None:
    assert "mailbox" not in get_resolver("booking.urls").reverse_dict


def test_an_empty_mailbox_says_so(client: Client, sink: SmtpSink) -> None:
    assert "There is no mail yet" in client.get("/mailbox/").content.decode()


def test_mail_is_listed_newest_first_and_in_pages(client: Client, sink: SmtpSink) -> None:
    for number in range(30):
        send(sink, subject=f"Mail {number}")
    first = client.get("/mailbox/")
    assert [mail.subject for mail in first.context["page_obj"]][:2] == ["Mail 29", "Mail 28"]
    assert "Page 1 of 2" in first.content.decode()
    second = client.get("/mailbox/?page=2")
    assert [mail.subject for mail in second.context["page_obj"]][-1] == "Mail 0"


def test_mail_is_found_by_part_of_an_address(client: Client, sink: SmtpSink) -> None:
    send(sink, to="ada@police.example", subject="For Ada")
    send(sink, to="ben@nhs.example", subject="For Ben")
    page = client.get("/mailbox/?to=BEN@").content.decode()
    assert "For Ben" in page
    assert "For Ada" not in page
    assert "There is no mail to or from" in client.get("/mailbox/?to=nobody").content.decode()


def test_an_invitation_is_told_as_a_person_reads_it(client: Client, sink: SmtpSink) -> None:
    name = send(sink, html="<p>Hello</p>", ics=INVITATION)
    response = client.get(f"/mailbox/{name}/")
    assert response.context["method"] == "REQUEST"
    assert response.context["events"] == [
        {
            "summary": "Working together, part 1",
            "when": "Monday 14 June 2027, 9:30am to 12:30pm",
            "location": "Merrion House\nLeeds",
            "organizer": "Training team <training@leedsscp.example>",
            "attendees": ["Ada <ada@police.example> (needs action)"],
            "description": "",
            "status": "CONFIRMED",
            "uid": "booking-1@briefed.example",
            "sequence": "3",
        }
    ]
    page = response.content.decode()
    assert "Monday 14 June 2027, 9:30am to 12:30pm" in page
    assert 'href="https://briefed.example/b/1"' in page
    assert "X-Envelope-To" in page
    assert f'src="/mailbox/{name}/html"' in page


def test_a_calendar_part_that_cannot_be_read_does_not_break_the_page(
    client: Client, sink: SmtpSink
) -> None:
    name = send(sink, ics="BEGIN:VCALENDAR\r\nnonsense\r\n")
    page = client.get(f"/mailbox/{name}/").content.decode()
    assert "The calendar part cannot be read" in page


def test_the_html_of_a_mail_cannot_run_or_fetch_anything(client: Client, sink: SmtpSink) -> None:
    name = send(sink, html="<html><head><style>p {}</style></head><p>Hello</p></html>")
    response = client.get(f"/mailbox/{name}/html")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "style-src 'unsafe-inline'" in policy
    assert "script-src" not in policy
    assert "sandbox allow-popups allow-popups-to-escape-sandbox" in policy
    assert "frame-ancestors 'self'" in policy
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert b'<head><base target="_blank"><style>' in response.content
    rest = client.get(f"/mailbox/{name}/").headers["Content-Security-Policy"]
    assert "unsafe-inline" not in rest


def test_the_mail_and_its_event_can_be_downloaded(client: Client, sink: SmtpSink) -> None:
    name = send(sink, ics=INVITATION)
    raw = client.get(f"/mailbox/{name}/mail.eml")
    assert raw.headers["Content-Disposition"] == f'attachment; filename="{name}.eml"'
    assert b"Subject: Your place is booked" in raw.content
    event = client.get(f"/mailbox/{name}/event.ics")
    assert event.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert event.content.decode().splitlines() == INVITATION.splitlines()


# They share one file beside the folder of mail.
@pytest.mark.xdist_group("beside the mailbox")
@pytest.mark.parametrize(
    "name",
    [
        "..%2fmanage",
        "../manage",
        "%2e%2e/manage",
        "00000000000000000000-000000",
        "00000000000000000000-000000%0a",
        "notes",
    ],
)
def test_a_name_that_is_no_mail_finds_nothing(client: Client, sink: SmtpSink, name: str) -> None:
    outside = sink.directory.parent / "manage.eml"
    outside.write_text("Subject: not for the mailbox\n\n")
    try:
        for page in ("", "html", "mail.eml", "event.ics"):
            assert client.get(f"/mailbox/{name}/{page}").status_code == 404
    finally:
        outside.unlink(missing_ok=True)


def test_a_part_that_a_mail_lacks_is_not_found(client: Client, sink: SmtpSink) -> None:
    name = send(sink)
    assert client.get(f"/mailbox/{name}/").status_code == 200
    assert client.get(f"/mailbox/{name}/html").status_code == 404
    assert client.get(f"/mailbox/{name}/event.ics").status_code == 404


def test_other_files_in_the_folder_are_not_shown(client: Client, sink: SmtpSink) -> None:
    stray = Path(sink.directory) / "notes.eml"
    stray.write_text("Subject: Not a mail\n\n")
    try:
        assert "Not a mail" not in client.get("/mailbox/").content.decode()
    finally:
        stray.unlink()
