"""Whatever happens while somebody signs in, the booking goes on and nothing is typed twice."""

import time

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.codes import new_code, read_code
from booking.catalogue.models import Session
from tests.accounts.signing_in import ask_for_code, code_for, sign_in
from tests.factories import make_course, make_person, make_session

pytestmark = pytest.mark.django_db

ADDRESS = "known@agency.example"
WRONG = "knwon@agency.example"
SIGN_IN = reverse("account_login")
CODE = reverse("account_confirm_login_code")


@pytest.fixture
def session() -> Session:
    make_person(ADDRESS)
    return make_session(course=make_course(title="Working Together"))


def book(session: Session) -> str:
    return reverse("book", args=[session.pk])


def asked(session: Session, address: str = ADDRESS) -> Client:
    """A browser in which somebody who books has asked for a code."""
    client = Client()
    ask_for_code(client, address, book(session))
    return client


def enter(client: Client, code: str) -> str:
    """Enter a code on the page as it stands; where that leads."""
    response = client.post(CODE, {"code": code})
    assert response.status_code in (200, 302)
    return str(response.headers.get("Location", ""))


def names_booking(page: str, session: Session) -> bool:
    return f"You are booking: <strong>{session.course.title}</strong>" in page


class TestAMistypedAddress:
    """It is corrected with one press."""

    def test_a_button_leads_to_the_address_filled_in(self, session: Session) -> None:
        client = asked(session, WRONG)
        page = client.post(CODE, {"action": "correct"}, follow=True)
        assert page.status_code == 200
        assert f'value="{WRONG}"' in page.text
        assert names_booking(page.text, session)
        assert "Enter that code" not in page.text
        right = client.post(page.redirect_chain[-1][0], {"email": ADDRESS})
        assert client.get(right.headers["Location"]).text.count(ADDRESS) == 1
        assert enter(client, code_for(ADDRESS)) == book(session)

    def test_sign_in_and_book_offer_the_code_and_another_address(self, session: Session) -> None:
        client = asked(session, WRONG)
        for page in (SIGN_IN, book(session)):
            shown = client.get(page, follow=True).text
            assert "Enter that code" in shown
            assert WRONG in shown
            assert "Email me a code" in shown
            assert names_booking(shown, session)

    def test_a_password_can_be_used_while_a_code_is_awaited(self, session: Session) -> None:
        client = asked(session)
        page = client.get(reverse("account_login_password"), follow=True)
        assert "Sign in with a password</h1>" in page.text
        assert names_booking(page.text, session)


class TestTheBooking:
    """Where somebody was going survives whatever happens in between."""

    def test_five_wrong_codes(self, session: Session) -> None:
        client = asked(session)
        assert [enter(client, "BBBBBB") for _ in range(4)] == [""] * 4
        page = client.post(CODE, {"code": "BBBBBB"}, follow=True).text
        assert names_booking(page, session)
        assert f'value="{ADDRESS}"' in page
        assert "Ask for a new code now" in page
        ask_for_code(client, ADDRESS)
        assert enter(client, code_for(ADDRESS)) == book(session)

    def test_the_fifth_code_may_be_the_right_one(self, session: Session) -> None:
        client = asked(session)
        for _ in range(4):
            enter(client, "BBBBBB")
        assert enter(client, code_for(ADDRESS)) == book(session)

    def test_the_newest_session_wins_and_plain_sign_in_keeps_it(self, session: Session) -> None:
        client, other = asked(session), make_session()
        assert names_booking(client.get(book(other), follow=True).text, other)
        assert names_booking(client.get(SIGN_IN, follow=True).text, other)
        assert names_booking(client.get(CODE, follow=True).text, other)
        assert enter(client, code_for(ADDRESS)) == book(other)

    def test_a_new_code(self, session: Session) -> None:
        client = asked(session)
        first = code_for(ADDRESS)
        page = client.post(CODE, {"action": "resend"}, follow=True).text
        assert names_booking(page, session)
        assert code_for(ADDRESS) != first
        assert enter(client, first) == ""
        assert enter(client, code_for(ADDRESS)) == book(session)

    def test_a_new_code_is_good_for_ten_minutes_of_its_own(self, session: Session) -> None:
        start = time.time()
        client = asked(session)
        with time_machine.travel(start + 9 * 60):
            client.post(CODE, {"action": "resend"})
        with time_machine.travel(start + 12 * 60):
            assert enter(client, code_for(ADDRESS)) == book(session)

    @pytest.mark.parametrize("minutes", [11, 20])
    def test_a_code_that_ran_out(self, session: Session, minutes: int) -> None:
        client = asked(session)
        with time_machine.travel(time.time() + minutes * 60):
            page = client.post(CODE, {"code": code_for(ADDRESS)}, follow=True).text
            assert "does not count any more" in page
            assert names_booking(page, session)
            assert f'value="{ADDRESS}"' in page
            ask_for_code(client, ADDRESS)
            assert enter(client, code_for(ADDRESS)) == book(session)

    def test_it_is_forgotten_once_somebody_is_signed_in(self, session: Session) -> None:
        client = Client()
        assert sign_in(client, ADDRESS, book(session)) == book(session)
        assert "errand" not in client.session

    def test_nothing_is_kept_of_somebody_who_only_looks(self, session: Session) -> None:
        client = Client()
        client.get(book(session), follow=True)
        assert settings.SESSION_COOKIE_NAME not in client.cookies


def test_after_five_wrong_codes_the_right_one_opens_nothing(session: Session) -> None:
    client = asked(session)
    for _ in range(5):
        enter(client, "BBBBBB")
    assert enter(client, code_for(ADDRESS)).startswith(SIGN_IN)
    assert "_auth_user_id" not in client.session


class TestWhatIsTyped:
    """A code is taken in whatever shape; what is none is no try."""

    @pytest.mark.parametrize(
        "typed",
        [
            "BCD-FGH",
            "bcdfgh",
            "  B C D  F G H ",
            "Your code: BCD-FGH",
            "Your code to sign in to Briefed BCD-FGH It holds for ten minutes",
            "\uff22\uff23\uff24\uff0d\uff26\uff27\uff28",
            "BCD\u2011FGH",
            "BC\u200bD\u00a0FGH\ufeff",
            "\u201cBCD\u2013FGH\u201d.",
            "code=bcd_fgh",
        ],
    )
    def test_the_code_is_found_in_it(self, typed: str) -> None:
        assert read_code(typed) == "BCDFGH"

    @pytest.mark.parametrize("typed", ["", "-", "12345", "BCDFG", "BCDFGHJ", "Aeiouy", "B" * 9000])
    def test_what_holds_no_code(self, typed: str) -> None:
        assert read_code(typed) == ""

    def test_every_code_is_found(self) -> None:
        codes = [new_code() for _ in range(100)]
        assert [read_code(f"Your code: {each[:3]}-{each[3:]}") for each in codes] == codes

    def test_what_holds_no_code_is_no_try(self, session: Session) -> None:
        client = asked(session)
        for typed, sentence in (
            ("", "An empty answer does not count"),
            ("not it", "six letters"),
        ):
            for _ in range(6):
                assert sentence in client.post(CODE, {"code": typed}).text
        assert enter(client, f"Your code: {code_for(ADDRESS).lower()}") == book(session)


@pytest.mark.usefixtures("real_limits")
class TestWhenANewCodeCanBeHad:
    """It is said truthfully."""

    def refusal(self, client: Client) -> str:
        for _ in range(6):
            response = client.post(SIGN_IN, {"email": ADDRESS})
        assert response.status_code == 200
        return str(response.text)

    def test_the_address_stays_and_the_minutes_are_true(self, session: Session) -> None:
        start = time.time()
        with time_machine.travel(start, tick=False):
            page = self.refusal(Client())
            assert "You can try again in 5 minutes." in page
            assert f'value="{ADDRESS}"' in page
        client = Client()
        with time_machine.travel(start + 100, tick=False):
            assert "You can try again in 4 minutes." in self.refusal(client)
        with time_machine.travel(start + 300, tick=False):
            assert client.post(SIGN_IN, {"email": ADDRESS}).status_code == 302

    def test_also_for_another_code(self, session: Session) -> None:
        client = asked(session)
        for _ in range(5):
            page = client.post(CODE, {"action": "resend"}, follow=True).text
        assert "You can try again in 5 minutes." in page
        assert names_booking(page, session)

    def test_of_two_limits_the_later_decides(self, session: Session) -> None:
        start = time.time()
        for minutes in (0, 6, 12):
            with time_machine.travel(start + minutes * 60, tick=False):
                assert "try again in" in self.refusal(Client())
        with time_machine.travel(start + 18 * 60, tick=False):
            assert "You can try again in 42 minutes." in self.refusal(Client())
