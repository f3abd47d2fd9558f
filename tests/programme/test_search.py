"""What the search of the programme finds."""

from datetime import datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from booking.catalogue.models import Course, Session, Topic
from booking.catalogue.searching import asked_by, search
from booking.partnership import kept
from booking.partnership.kept import read_again
from booking.partnership.models import Partnership
from booking.site.characters import fold
from booking.site.wording import LONDON
from tests.factories import NOW, make_course, make_session, make_trainer, make_venue
from tests.pages import titles
from tests.programme.queries import MANY_THINGS, ONE_THING

pytestmark = pytest.mark.django_db


def test_sixty_queries_find_what_is_meant_in_the_sample_programme() -> None:
    call_command("load_sample", verbosity=0)
    sessions = Session.objects.upcoming(now=timezone.now())
    wrong: list[tuple[object, ...]] = []
    for words, code in ONE_THING:
        first = [each.course.code for each in search(sessions, words).sessions[:3]]
        if code not in first:
            wrong.append((words, code, first))
    for words, meant in MANY_THINGS:
        wanted = set(sessions.filter(meant).values_list("pk", flat=True))
        found = [each.pk for each in search(sessions, words).sessions]
        if not wanted or set(found) != wanted or len(found) != len(wanted):
            wrong.append((words, len(wanted), len(found)))
    assert wrong == []
    assert len(ONE_THING) + len(MANY_THINGS) == 60


@pytest.mark.parametrize(
    "text",
    [
        "Café Méndez",
        "naïveté",
        "St George's",
        "St George’s",
        "St Georgeʼs",
        "Oʻahu, Mary′s, ʿAlī",
        "Siân Łukasz",
        "Straße Ærø",
        "e-safety: a/b_c",
        "ŠÍŘ 10½",
    ],
)
def test_the_database_folds_words_as_the_search_does(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT booking_fold(%s)", [text])
        assert cursor.fetchone() == (fold(text),)


@pytest.mark.usefixtures("at_now")
@pytest.mark.parametrize(
    "words", ["cafe mendez", "Café Méndez", "CAFE MENDEZ", "méndez", "cafemendez", "naivete"]
)
def test_accents_and_spaces_never_decide(client: Client, words: str) -> None:
    course = make_course(title="Naïveté and Trust")
    make_session(course=course, venue=make_venue("Café Méndez"))
    make_session(venue=make_venue("Town Hall"))
    assert titles(client, q=words) == [course.title]


@pytest.mark.usefixtures("at_now")
@pytest.mark.parametrize("apostrophe", list("'’‘‛′ʹʼʻ`´"))
def test_no_apostrophe_decides(client: Client, apostrophe: str) -> None:
    session = make_session(venue=make_venue(f"St George{apostrophe}s"))
    for words in ("st georges", f"st george{apostrophe}s", "st george’s"):
        assert titles(client, q=words) == [session.course.title], words


@pytest.mark.usefixtures("at_now")
def test_what_changes_is_found_at_once(client: Client) -> None:
    trainer = make_trainer(first_name="Ada", last_name="Quill")
    venue, topic = make_venue("Old Mill"), Topic.objects.create(name="Health", slug="health")
    course = make_course(title="Neglect")
    session = make_session(course=course, venue=venue)
    for word in ("quill", "health", "march", "online"):
        assert titles(client, q=word) == [], word
    session.trainers.add(trainer)
    course.topics.add(topic)
    start = datetime(2027, 3, 9, 9, tzinfo=LONDON)
    session.sittings.update(starts_at=start, ends_at=start + timedelta(hours=3))
    assert titles(client, q="quill health march") == ["Neglect"]
    User.objects.filter(pk=trainer.pk).update(last_name="Feather")
    Topic.objects.filter(pk=topic.pk).update(name="Nursing")
    venue.name = "New Barn"
    venue.save()
    Course.objects.filter(pk=course.pk).update(title="Wellbeing")
    assert titles(client, q="feather nursing barn wellbeing") == ["Wellbeing"]
    assert titles(client, q="quill -feather") == []
    session.trainers.clear()
    course.topics.clear()
    for word in ("feather", "nursing", "mill"):
        assert titles(client, q=word) == [], word
    session.sittings.all().delete()
    session.delete()
    assert titles(client, q="wellbeing") == []


@pytest.mark.usefixtures("at_now")
def test_coordinators_say_what_acronyms_mean(client: Client) -> None:
    make_session(course=make_course(title="Trauma and Attachment"))
    assert titles(client, q="TAA") == []
    Partnership.objects.update_or_create(defaults={"acronyms": "TAA = trauma and attachment"})
    read_again()
    assert titles(client, q="taa") == ["Trauma and Attachment"]


@pytest.mark.usefixtures("at_now")
def test_a_word_can_be_left_out_and_a_phrase_kept_together(client: Client) -> None:
    make_session(course=make_course(title="Abuse at Home"), starts_at=NOW + timedelta(days=1))
    make_session(course=make_course(title="Domestic Abuse"), starts_at=NOW + timedelta(days=2))
    assert titles(client, q="abuse -domestic") == ["Abuse at Home"]
    assert titles(client, q='"abuse at home"') == ["Abuse at Home"]
    assert len(titles(client, q="abuse")) == 2


@pytest.mark.usefixtures("at_now")
def test_an_empty_result_offers_what_would_match(client: Client) -> None:
    make_session(course=make_course(title="Domestic Abuse", kind=Course.Kind.WEBINAR))
    make_course("PLAY", title="Healing by Play")
    page = client.get("/programme/?q=domestic&kind=briefing").text
    assert 'href="?q=domestic">Search without the other filters (1 session)' in page
    page = client.get("/programme/?q=healing+play").text
    assert 'href="/courses/PLAY/#new-dates"' in page
    assert "Did you mean" not in page
    page = client.get("/programme/?q=domekkix").text
    assert "Did you mean" in page
    assert "?q=domestic" in page
    make_session(course=make_course(title="Neglect"))
    # Each word is near to one that the programme has, but no session has both.
    assert "Did you mean" not in client.get("/programme/?q=domekkix+neglect").text


@pytest.mark.usefixtures("at_now")
def test_a_word_put_right_is_said(client: Client) -> None:
    make_session(course=make_course(title="Neglect"))
    page = client.get("/programme/?q=neglct").text
    assert "Nothing has “neglct”. These have “neglect”." in page


@pytest.mark.usefixtures("at_now")
@pytest.mark.usefixtures("at_now")
def test_a_word_that_asks_for_nothing_hinders_no_correction(client: Client) -> None:
    session = make_session(course=make_course(title="Suicide prevention"))
    assert titles(client, q="sucide is for prevention") == [session.course.title]


@pytest.mark.usefixtures("at_now")
def test_trainers_who_are_called_as_a_month_and_dates_are_found(client: Client) -> None:
    jan = make_session(trainers=[make_trainer(first_name="Jan", last_name="Kowalski")])
    assert titles(client, q="jan") == [jan.course.title]
    third = datetime(2027, 3, 3, 9, tzinfo=LONDON)
    on_the_third = make_session(starts_at=third)
    make_session(course=make_course(level=3), starts_at=third + timedelta(days=8))
    for words in ("3 march", "march 3", "3rd mar"):
        assert titles(client, q=words) == [on_the_third.course.title], words


@pytest.mark.usefixtures("at_now")
def test_a_course_without_dates_is_offered_by_what_an_acronym_means(client: Client) -> None:
    course = make_course(title="Child sexual exploitation")
    assert course.title in client.get("/programme/?q=CSE").text
    assert course.title in client.get("/programme/?q=CSE&view=month").text


@pytest.mark.usefixtures("at_now")
def test_of_the_names_of_levels_the_longest_is_meant(client: Client) -> None:
    levels = "Level 0 = a\nLevel 3 = b\nLevel 3+ = c\nTier = d\nTier two = e"
    kept.change(values={"levels": levels}, by=None)
    courses = [make_course(level=number) for number in range(1, 6)]
    for course in courses:
        make_session(course=course)
    names = ("level 0", "Level  3", "level 3+", "tier", "TIER TWO")
    for words, course in zip(names, courses, strict=True):
        assert titles(client, q=words) == [course.title], words


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        ("feb 2027 level 3", ["feb 2027", "level 3"]),
        ("-x", ["x"]),
        ("a-b", ["a", "b"]),
        ("-", []),
        ('"', []),
    ],
)
def test_words_that_belong_together_are_one_term(words: str, typed: list[str]) -> None:
    assert [term.typed for term in asked_by(words)] == typed
