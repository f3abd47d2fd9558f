"""What people are answered when something is broken."""

import io
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client, RequestFactory

from booking.site.readable import MOST_SENT
from booking.site.web import broken
from tests.factories import make_session


@pytest.mark.django_db(transaction=True)
def test_who_comes_while_the_database_is_away_is_told_to_try_again() -> None:
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    try:
        answer = Client(raise_request_exception=False).get("/programme/")
    finally:
        connection.close()
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "load this page again" in answer.content.decode()


def test_any_other_fault_is_ours(rf: RequestFactory) -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        answer = broken(rf.get("/"))
    assert answer.status_code == 500
    assert "It is our fault" in answer.content.decode()


@pytest.mark.django_db
def test_every_page_says_whom_to_ask_for_help(client: Client) -> None:
    session = make_session().get_absolute_url()
    for address in ("/", "/programme/", session, "/accounts/login/", "/offers/x/", "/nowhere/"):
        foot = client.get(address).text.partition("<footer")[2]
        assert foot.count("Help:") == 1, address


@pytest.mark.django_db
@pytest.mark.parametrize(("length", "status"), [(MOST_SENT + 1, 400), ("9" * 30, 400), ("x", 403)])
def test_what_is_far_too_large_is_not_read(length: object, status: int) -> None:
    """A file of any size would be written to the disk, whoever sends it."""

    class Unread(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise AssertionError("It was read.")

    body: Any = {"wsgi.input": Unread(), "CONTENT_LENGTH": str(length)}
    type_ = "multipart/form-data; boundary=x"
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/", b"", type_, **body)
    assert answer.status_code == status
