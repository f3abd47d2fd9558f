"""People, agencies, courses and venues stand in the order in which people look names up."""

import itertools

import pytest
from django.db.models import TextField, Value
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.agencies import colleagues_of
from accounts.models import Agency, PractitionerGroup, User
from booking.catalogue.models import Course, DiaryDate, Topic, Venue
from booking.desk import queries
from booking.site.human_order import HumanOrder, human_order
from tests.factories import (
    NOW,
    make_agency,
    make_coordinator,
    make_course,
    make_lead,
    make_person,
    make_venue,
    morning,
    session_ahead,
)
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db

# Last and first name, as they are looked up; the same name in two spellings goes by the first name.
PEOPLE = [
    ("Ångström", "Anna"),
    ("Bauer", "Ben"),
    ("Dean", "Carl"),
    ("de Souza", "Ana"),
    ("De Souza", "Zoë"),
    ("İnce", "Elif"),
    ("Łucka", "Maria"),
    ("lupton", "Sam"),
    ("muller", "Adam"),
    ("Müller", "Berta"),
    ("Muller", "Carl"),
    ("O’Brien", "Aoife"),
    ("OBrien", "Bridget"),
    ("O'Brien", "Ciara"),
    ("Oʼbrien", "Dara"),
    ("Ørsted", "Kim"),
    ("Smithers", "Al"),
    ("Smith-Jones", "Alex"),
    ("Smith Jones", "Bo"),
    ("Zebra", "Zed"),
]
LAST_NAMES = [last for last, _ in PEOPLE]
NAMES = ["Ängelholm", "lodge, The", "Łódź House", "O’Hara Trust", "OHARA Trust West", "Zebra"]


def people_backwards(**fields: object) -> list[User]:
    """These people, made from the last to the first."""
    return [
        make_person(first_name=first, last_name=last, **fields)  # type: ignore[arg-type]
        for last, first in reversed(PEOPLE)
    ]


def order_on(page: str, names: list[str]) -> list[str]:
    """The names in the order in which the page has them first."""
    return sorted(names, key=page.index)


def shown(client: Client, address: str) -> list[str]:
    """The people in the order of a page."""
    page = client.get(address).content.decode().replace("&#x27;", "'")
    return order_on(page, [f"{first} {last}" for last, first in PEOPLE])


def test_people_come_in_human_order_however_they_are_asked_for() -> None:
    people_backwards()
    assert [person.last_name for person in User.objects.all()] == LAST_NAMES
    in_python = sorted(User.objects.order_by("pk"), key=lambda person: person.sort_name)
    assert [person.last_name for person in in_python] == LAST_NAMES


def test_a_name_that_changes_takes_its_new_turn() -> None:
    person, other = make_person(last_name="Zebra"), make_person(last_name="Miller")
    assert list(User.objects.all()) == [other, person]
    User.objects.filter(pk=person.pk).update(last_name="Łucka")
    assert list(User.objects.all()) == [person, other]
    other.last_name = "Ångström"
    other.save()
    assert other.sort_name < User.objects.get(pk=person.pk).sort_name


def test_every_list_of_people_is_in_human_order() -> None:
    names = [f"{first} {last}" for last, first in PEOPLE]
    agency = make_agency()
    coordinator, lead = make_coordinator(last_name="Aa"), make_lead(last_name="Aa", agency=agency)
    session = session_ahead(capacity=40)
    group = PractitionerGroup.objects.create(name="Leads")
    for person in people_backwards(agency=agency, is_trainer=True):
        book_now(session, person)
        group.members.add(person)
        session.trainers.add(person)
    desk = signed_in(coordinator)
    for view in ("attendees", "attendees_print", "attendees_csv"):
        page = desk.get(reverse(view, args=[session.pk])).content.decode("utf-8-sig")
        page = page.replace("&#x27;", "'")
        found = LAST_NAMES if view == "attendees_csv" else names
        separator = "\n{}," if view == "attendees_csv" else ">{}"
        assert [page.index(separator.format(each)) for each in found] == sorted(
            page.index(separator.format(each)) for each in found
        ), view
    assert shown(desk, reverse("manage_group", args=[group.pk])) == names
    assert shown(desk, reverse("manage_session_change", args=[session.pk])) == names
    assert shown(desk, reverse("manage_session", args=[session.pk])) == names
    assert shown(signed_in(lead), reverse("agency")) == names
    colleagues = [each.full_name for each in colleagues_of(agency) if each != lead]
    assert colleagues == names


def test_agencies_venues_courses_topics_and_groups_are_in_human_order() -> None:
    for name in reversed(NAMES):
        make_agency(name)
        make_venue(name)
        make_course(title=name)
        Topic.objects.create(name=name, slug=f"t{NAMES.index(name)}")
        PractitionerGroup.objects.create(name=name)
        DiaryDate.objects.create(title=name, starts=NOW.date(), ends=NOW.date())
    for model in (Agency, Venue, Topic, PractitionerGroup):
        assert list(model.objects.values_list("name", flat=True)) == NAMES, model
    assert list(Agency.objects.listed().values_list("name", flat=True)) == NAMES
    for dated in (Course, DiaryDate):
        assert list(dated.objects.values_list("title", flat=True)) == NAMES, dated
    client = signed_in(make_coordinator(agency=None))
    for view in ("manage_venues", "manage_courses", "manage_groups", "manage_session_new"):
        page = client.get(reverse(view)).content.decode()
        assert order_on(page, NAMES) == NAMES, view


def test_agencies_with_as_many_places_are_in_human_order() -> None:
    session = session_ahead(capacity=40, starts_at=morning(10))
    for name in reversed(NAMES):
        book_now(session, make_person(agency=make_agency(name)))
    assert [row[0] for row in queries.places_by_agency(session)] == NAMES


@pytest.mark.deep
@settings(max_examples=200)
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=30))
def test_python_and_the_database_agree_on_latin_names(text: str) -> None:
    # Beyond it, what is a letter goes by the database's locale.
    latin = "".join(letter for letter in text if ord(letter) < 0x250)
    Agency.objects.all().delete()
    make_agency()
    key = HumanOrder(Value(latin, output_field=TextField()))
    assert Agency.objects.values_list(key, flat=True).get() == human_order(latin)


def test_keys_of_equal_names_are_equal() -> None:
    spellings = [
        "O'Brien",
        "O’Brien",
        "o‘brien",
        "Oʼbrien",
        "Oʻbrien",
        "O`BRIEN",
        "O´Brien",
        "Óbrien",
    ]
    for one, other in itertools.pairwise(spellings):
        assert human_order(one) == human_order(other)
