"""People are found by a few letters, in one way on every page that looks for somebody."""

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts import finding
from accounts.access import looked_at
from accounts.models import User
from tests.factories import make_agency, make_coordinator, make_person, make_session
from tests.pages import statements
from tests.people import book, signed_in

pytestmark = pytest.mark.django_db


def found_by(text: str) -> list[str]:
    """The last names of those who are found."""
    return [each.last_name for each in User.objects.found_by(text).order_by("pk")]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("zielinska", "Zielińska"),
        ("ZIELIŃ", "Zielińska"),
        ("lucja", "Zielińska"),
        ("łucja zielinska", "Zielińska"),
        ("zie luc", "Zielińska"),
        ("o'brien", "O’Brien"),
        ("O’Brien", "O’Brien"),
        ("obrien", "O’Brien"),
        ("l.zielinska@trust.example", "Zielińska"),
        ("07700900123", "O’Brien"),
        ("07700 900 123", "O’Brien"),
        ("+44 (0)7700 900123", "O’Brien"),
        ("0044 7700 900123", "O’Brien"),
        ("000000", None),
        ("+44 0000", None),
        ("teaching hosp", "Zielińska"),
        ("rowing club", "O’Brien"),
        ("bo li", "Li"),
        ("zielinska rowing", None),
        ("nobody", None),
        ("100%", None),
        ("\0", "Zielińska"),
    ],
)
def test_people_are_found_by_name_address_phone_or_agency(text: str, name: str | None) -> None:
    trust = make_agency("Leeds Teaching Hospitals")
    named = {"first_name": "Łucja", "last_name": "Zielińska"}
    make_person("l.zielinska@trust.example", agency=trust, **named)
    make_person(
        "ob@mail.example",
        first_name="Siân",
        last_name="O’Brien",
        phone="07700 900123",
        agency=None,
        unlisted_agency="Leeds Rowing Club",
    )
    make_person("bo@mail.example", first_name="Bo", last_name="Li", agency=None)
    assert found_by(text)[:1] == ([name] if name else [])


def test_what_people_are_found_by_follows_every_change() -> None:
    trust = make_agency("Leeds Teaching Hospitals")
    person = make_person("a@trust.example", last_name="Ahmed", agency=trust)
    User.objects.filter(pk=person.pk).update(last_name="Żak")
    assert found_by("ahmed") == []
    assert found_by("zak") == ["Żak"]
    trust.name = "St James’s Hospital"
    trust.save()
    assert found_by("teaching") == []
    assert found_by("st jamess") == ["Żak"]
    # What was loaded before writes nothing back.
    person.save()
    assert found_by("ahmed st jamess") == ["Ahmed"]


def test_the_index_is_what_finds_them() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        people = User.objects.found_by("zielinska").values("pk").order_by()
        sql, params = people.query.sql_with_params()
        cursor.execute(f"EXPLAIN {sql}", params)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "people_by_words" in plan


def test_every_page_finds_them_in_this_way() -> None:
    agency, session = make_agency(), make_session()
    lead = make_person(agency=agency, is_agency_lead=True)
    person = make_person("z@a.example", first_name="Łucja", last_name="Zielińska", agency=agency)
    other = make_person("other@a.example", first_name="Ann", last_name="Other", agency=agency)
    for each in (person, other):
        book(session, each, now=timezone.now())
    coordinator = make_coordinator(is_superuser=True, is_staff=True)
    looked_at(person, by=lead, what="booking")
    looked_at(other, by=lead, what="booking")
    pages = {
        reverse("agency"): lead,
        reverse("manage_session_people", args=[session.pk]): coordinator,
        reverse("manage_messages"): coordinator,
        reverse("manage_looks"): coordinator,
        reverse("manage_people"): coordinator,
        reverse("admin:accounts_user_changelist"): coordinator,
        reverse("admin:booking_booking_changelist"): coordinator,
        reverse("admin:booking_bookingevent_changelist"): coordinator,
        reverse("admin:booking_message_changelist"): coordinator,
    }
    for address, by in pages.items():
        response = signed_in(by).get(address, {"q": "lucja ZIELINSKA"})
        assert response.status_code == 200, address
        page = response.content.decode()
        assert "Łucja Zielińska" in page or person.email in page, address
        assert "Ann Other" not in page, address
        assert other.email not in page, address


def test_a_search_costs_the_same_however_many_people_there_are() -> None:
    client, address = signed_in(make_coordinator(is_superuser=True)), reverse("manage_people")
    few = statements(client, f"{address}?q=ahmed")
    for _ in range(5):
        make_person(last_name="Ahmed")
    assert statements(client, f"{address}?q=ahmed") == few


def test_of_very_many_some_are_put_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page says that they are more than it shows, and the database sorts no more of them."""
    monkeypatch.setattr(finding, "MOST_FOUND", 2)
    for name in ("Cole", "Ames", "Beck", "Dunn"):
        make_person(first_name="Ida", last_name=name)
    some = [each.last_name for each in User.objects.found_by("ida").some_by_name()]
    assert (len(some), some) == (3, sorted(some))
