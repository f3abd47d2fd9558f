"""Files and links of courses and sessions: who opens them, what is taken, who hears of them."""

import io
import itertools
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.catalogue.models import Course, Session
from booking.materials.actions import Owner, add_material, news_of, tell_of_news
from booking.materials.files import MOST_BYTES, FileRefused, known_file
from booking.materials.models import Material
from booking.outbox.models import Message
from tests.factories import (
    make_claimant,
    make_coordinator,
    make_lead,
    make_person,
    make_session,
    make_trainer,
    morning,
)
from tests.mail.letters import composed_at, written
from tests.pages import said, sent_on, statements
from tests.people import book, book_now, give_up, signed_in

pytestmark = pytest.mark.django_db
Audience = Material.Audience
PDF = b"%PDF-1.7\n1 0 obj\n%%EOF\n"


def packed(*names: str, mimetype: str = "") -> bytes:
    """A ZIP of these parts."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        if mimetype:
            file.writestr("mimetype", mimetype)
        for name in names:
            file.writestr(name, "x")
    return content.getvalue()


WORD = packed("[Content_Types].xml", "word/document.xml")


def upload(name: str = "Slides.pdf", content: bytes = PDF) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="text/html")


def added(owner: Owner, **changes: Any) -> Material:
    """A new material, a link unless a file is given."""
    now = changes.pop("now", timezone.now())
    given = {
        "title": "Before the day",
        "audience": Audience.BOOKED,
        "file": None,
        "link": "" if "file" in changes else "https://www.gov.uk/guidance",
        "last_day": None,
        "by": make_coordinator(),
    }
    return add_material(owner=owner, **{**given, **changes}, now=now)


def address(material: Material) -> str:
    return reverse("material", args=[material.pk])


def people_of(session: Session) -> dict[str, User]:
    """Somebody of each role, the booked among them."""
    booked, held, waits = make_person(), make_person(), make_person()
    book_now(session, booked)
    cancelled = make_person()
    give_up(book_now(session, cancelled), now=timezone.now())
    session.refresh_from_db()
    return {
        "booked": booked,
        "cancelled": cancelled,
        "held": held,
        "waits": waits,
        "stranger": make_person(),
        "unconfirmed": make_claimant(agency=booked.agency),
        "lead": make_lead(agency=booked.agency),
        "trainer": next(iter(session.trainers.all())),
        "other trainer": make_trainer(),
        "coordinator": make_coordinator(),
        "superuser": make_coordinator(is_superuser=True),
    }


DESK = {"coordinator", "superuser"}


@pytest.mark.parametrize("of_course", [True, False])
@pytest.mark.parametrize(
    ("audience", "is_over", "may"),
    [
        (Audience.EVERYBODY, False, None),
        (Audience.BOOKED, False, {"booked", "trainer"}),
        (Audience.AFTER, False, {"trainer"}),
        (Audience.AFTER, True, {"booked", "trainer"}),
    ],
)
def test_each_role_opens_what_is_for_it(
    audience: str, is_over: bool, may: set[str] | None, of_course: bool
) -> None:
    session = make_session(starts_at=morning(5), trainers=[make_trainer()])
    people = people_of(session)
    if is_over:
        Session.objects.update(
            starts_at=timezone.now() - timedelta(days=2), ends_at=timezone.now() - timedelta(days=1)
        )
    material = added(session.course if of_course else session, audience=audience, file=upload())
    make_session(course=session.course, trainers=[people["other trainer"]], state="draft")
    opened = {
        role for role, person in people.items()
        if signed_in(person).get(address(material)).status_code == 200
    }  # fmt: skip
    assert opened == (set(people) if may is None else may | DESK)
    visitor = Client().get(address(material))
    assert visitor.status_code == (200 if may is None else 302)
    if may is not None:
        assert visitor.headers["Location"] == f"/accounts/login/?next={address(material)}"


def test_a_place_that_is_given_up_a_draft_and_an_ended_account_open_nothing() -> None:
    session = make_session(starts_at=morning(5))
    material = added(session)
    booking = book_now(session)
    browser = signed_in(booking.person)
    assert browser.get(address(material)).status_code == 302
    give_up(booking, now=timezone.now())
    assert browser.get(address(material)).status_code == 404
    open_to_all = added(session, audience=Audience.EVERYBODY)
    assert Client().get(address(open_to_all)).headers["Location"].startswith("https://www.gov.uk")
    Session.objects.update(state=Session.State.DRAFT)
    assert "/accounts/login/" in Client().get(address(open_to_all)).headers["Location"]
    gone = "/materials/999999999/"
    assert "/accounts/login/" in Client().get(gone).headers["Location"]


def test_a_recording_is_gone_after_its_last_day() -> None:
    session = make_session(starts_at=morning(5))
    today = timezone.localdate()
    booking = book_now(session)
    recording = added(session, title="The recording", last_day=today)
    browser = signed_in(booking.person)
    assert browser.get(address(recording)).status_code == 302
    assert "Recording, until" in browser.get(booking.get_absolute_url()).text
    Material.objects.update(last_day=today - timedelta(days=1))
    assert browser.get(address(recording)).status_code == 404
    assert "The recording" not in browser.get(booking.get_absolute_url()).text


def test_a_file_is_saved_not_shown_and_nobody_keeps_it() -> None:
    session = make_session(starts_at=morning(5))
    material = added(session, file=upload('../../Días "1"\u202e.pdf'))
    answer = signed_in(make_coordinator()).get(address(material))
    assert b"".join(answer.streaming_content) == PDF  # type: ignore[attr-defined]
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith("attachment; filename*=utf-8''D%C3%ADas%201.pdf")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Días" not in str(material.file.name)
    assert Client().get(f"/{material.file.name}").status_code == 404
    assert Client().get(f"/static/{material.file.name}").status_code == 404


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", PDF),
        ("a.DOCX", WORD),
        ("a.pptx", packed("[Content_Types].xml", "ppt/presentation.xml")),
        ("a.xlsx", packed("[Content_Types].xml", "xl/workbook.xml")),
        ("a.odt", packed("x", mimetype="application/vnd.oasis.opendocument.text")),
        ("a.png", b"\x89PNG\r\n\x1a\n"),
        ("a.jpeg", b"\xff\xd8\xff\xe0"),
    ],
    ids=itertools.count(),
)
def test_files_that_are_what_they_say_are_taken(name: str, content: bytes) -> None:
    assert known_file(upload(name, content), name).size == len(content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.html", b"<script>"),
        ("a.svg", b"<svg>"),
        ("a.pdf", b"<script>alert(1)</script>"),
        ("a.pdf", b""),
        ("a.pdf.exe", PDF),
        ("a", PDF),
        ("a.docx", packed("word/document.xml")),
        ("a.docx", packed("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin")),
        ("a.docm", WORD),
        ("a.xlsx", WORD),
        ("a.docx", WORD[:40]),
        ("a.odt", packed("Basic/x", mimetype="application/vnd.oasis.opendocument.text")),
        ("a.odt", packed("x", mimetype="application/vnd.oasis.opendocument.spreadsheet")),
        ("a.png", b"\xff\xd8\xff"),
        ("a.zip", WORD),
    ],
    # Packed files hold the time at which they were packed: no two processes name them alike.
    ids=itertools.count(),
)
def test_other_files_are_refused_in_a_sentence(name: str, content: bytes) -> None:
    with pytest.raises(FileRefused):
        known_file(upload(name, content), name)


def test_a_large_file_is_refused_before_it_is_looked_at() -> None:
    large = upload()
    large.size = MOST_BYTES + 1
    with pytest.raises(FileRefused, match="larger than 20 MB"):
        known_file(large, "a.pdf")


def test_a_coordinator_adds_tells_and_removes(
    coordinator: Client, django_capture_on_commit_callbacks: Any
) -> None:
    session = make_session(starts_at=morning(5))
    booking, by_post = book_now(session), book_now(session)
    give_up(by_post, now=timezone.now())
    page = reverse("manage_session_materials", args=[session.pk])
    typed = {"title": "Slides", "audience": "booked", "file": upload()}
    assert "Slides is added" in said(coordinator.post(page, typed))
    link = {"title": "Film", "audience": "everybody", "link": "https://film.example/1"}
    coordinator.post(page, link)
    coordinator.post(page, {"title": "Later", "audience": "after", "link": "https://film.example"})
    shown = coordinator.get(page).text
    assert "1 person gets it in 1 email" in shown
    assert "Of 2 new ones: Slides, Film." in shown
    told = coordinator.post(page, {**sent_on(shown), "step": "tell"})
    assert said(told) == "1 email on the way, one for each person."
    [message] = Message.objects.filter(topic="session.materials")
    mail = written(message).decode()
    assert "Slides" in mail
    assert "Film" in mail
    assert "Later" not in mail
    again = coordinator.post(page, {**sent_on(shown), "step": "tell"})
    assert again.status_code == 409
    assert Message.objects.filter(topic="session.materials").count() == 1
    assert (
        "Told 1 person of Slides and 1 more"
        in coordinator.get(reverse("manage_session", args=[session.pk])).text
    )
    mine = signed_in(booking.person).get(booking.get_absolute_url()).text
    assert mine.count("New</strong>") == 2
    assert "New</strong>" in Client().get(session.get_absolute_url()).text
    slides = Material.objects.get(title="Slides")
    storage, name = slides.file.storage, str(slides.file.name)
    with django_capture_on_commit_callbacks(execute=True):
        coordinator.post(reverse("manage_session_material_remove", args=[slides.pk]))
    assert not storage.exists(name)
    assert coordinator.get(address(slides)).status_code == 404


def test_the_files_of_a_draft_go_with_it(
    coordinator: Client, django_capture_on_commit_callbacks: Any
) -> None:
    draft = make_session(starts_at=morning(5), state=Session.State.DRAFT)
    material = added(draft, file=upload())
    storage, name = material.file.storage, str(material.file.name)
    assert storage.exists(name)
    with django_capture_on_commit_callbacks(execute=True):
        coordinator.post(reverse("manage_session_discard", args=[draft.pk]))
    assert not storage.exists(name)
    assert not Material.objects.exists()


def test_a_mail_about_what_is_gone_is_not_sent() -> None:
    session = make_session(starts_at=morning(5))
    booking, now = book_now(session), timezone.now()
    material = added(session)
    news = news_of(session, now=now)
    tell_of_news(owner=session, shown=news.shown, by=make_coordinator(), now=now)
    [message] = Message.objects.filter(topic="session.materials")
    assert isinstance(composed_at(now, message), bytes)
    material.delete()
    assert not isinstance(composed_at(now, message), bytes)
    added(session)
    give_up(booking, now=now)
    assert not news_of(session, now=now).told


def test_materials_of_a_course_are_told_once_to_each_person() -> None:
    course: Course = make_session(starts_at=morning(5)).course
    Course.objects.update(may_be_repeated=True)
    first = course.sessions.get()
    second = make_session(course=course, starts_at=morning(9))
    over = make_session(course=course, starts_at=timezone.now() - timedelta(days=40))
    person = make_person()
    book_now(first, person)
    last = book_now(second, person)
    book(over, now=timezone.now() - timedelta(days=60))
    added(course)
    news = news_of(course, now=timezone.now())
    assert list(news.told) == [last]


def test_what_is_for_after_the_day_is_told_after_each_session_of_a_course() -> None:
    first = make_session(starts_at=morning(5))
    course: Course = first.course
    second = make_session(course=course, starts_at=morning(9))
    early, late = book_now(first), book_now(second)
    added(course, audience="after")
    by, told = make_coordinator(), []
    for session in (first, second, second):
        now = session.ends_at + timedelta(hours=1)
        news = news_of(course, now=now)
        told.append(list(news.told))
        if news.told:
            tell_of_news(owner=course, shown=news.shown, by=by, now=now)
    assert told == [[early], [late], []]
    assert Message.objects.filter(topic="session.materials").count() == 2


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({}, "Choose a file or enter a link"),
        ({"link": "javascript:alert(1)"}, "Enter a whole address"),
        ({"link": "ftp://x.example"}, "must begin with https://"),
        ({"link": "https://x.example", "last_day": "2020-01-01"}, "a day that is not over"),
        ({"link": "https://x.example", "title": ""}, "Enter the title"),
    ],
)
def test_what_is_typed_wrongly_is_kept_and_said(
    coordinator: Client, typed: dict[str, str], sentence: str
) -> None:
    page = reverse("manage_session_materials", args=[make_session(starts_at=morning(5)).pk])
    answer = coordinator.post(page, {"title": "Film", "audience": "booked", **typed})
    assert answer.status_code == 422
    assert sentence in answer.text
    refused = coordinator.post(
        page, {"title": "Film", "audience": "booked", "file": upload("a.pdf", b"<html>")}
    )
    assert refused.status_code == 422
    assert "it is not a PDF inside" in refused.text
    assert 'value="Film"' in refused.text
    assert not Material.objects.exists()


def test_pages_cost_the_same_however_many_there_are(coordinator: Client) -> None:
    session = make_session(starts_at=morning(5))
    booking = book_now(session)
    pages = [
        (coordinator, reverse("manage_session_materials", args=[session.pk])),
        (signed_in(booking.person), booking.get_absolute_url()),
        (signed_in(booking.person), session.get_absolute_url()),
    ]
    added(session)
    before = [statements(*page) for page in pages]
    for _ in range(5):
        added(session)
        book_now(session)
    assert [statements(*page) for page in pages] == before


def test_a_course_says_what_one_learns_and_reads(coordinator: Client) -> None:
    session = make_session(starts_at=morning(5))
    Course.objects.update(
        learning_outcomes="- Say what the law asks\n\nKnow whom to tell",
        reading="[The Panel](https://www.gov.uk/panel)",
    )
    for page in (session.get_absolute_url(), session.course.get_absolute_url()):
        shown = Client().get(page).text
        assert "<li>Say what the law asks</li><li>Know whom to tell</li>" in shown
        assert 'href="https://www.gov.uk/panel"' in shown
