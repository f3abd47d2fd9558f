"""Links answered from a mail: each opens its one purpose, and no log and no set-up stands between.

Every address of the site that has a secret in it is found by walking all of them.
"""

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.actions import reminders_path
from booking.catalogue import interest
from booking.catalogue.models import CourseInterest
from booking.site.logs import JsonFormatter, blank_secrets
from booking.site.signed_links import LinkRanOut, LinkRefused, SignedLink
from tests.factories import make_course, make_trainer
from tests.people import signed_in

NOW = datetime(2027, 2, 1, 9, tzinfo=UTC)
SECRET = "aB3-4.x_-9"

# Paths with something in them that is no number, and no secret either.
TELLING_NOTHING = {
    r"^partnership/(?P<digits>[0-9a-f]{6})\.css$",
    r"^partnership/logo/(?P<digest>[0-9a-f]{16})$",
    "courses/<str:code>/",
    r"^embed/(?P<block>spaces|briefings|diary)/$",
    r"^bulletins/pictures/(?P<digest>[0-9a-f]{16})$",
    "manage/bulletins/<key:bulletin_id>/block/<str:block>/",
    r"^embed/(?P<block>spaces|briefings|diary)\.json$",
    r"^embed/(?P<block>spaces|briefings|diary)\.atom$",
    "courses/<str:code>/new-dates/",
    "calendar/<str:kind>/new/",
    "manage/files/<str:file>",
    "calendar/<str:kind>/remove/",
}
# Secrets that are not signed here: a calendar feed's, and the way to a new password.
OTHER_SECRETS = {
    "calendar/<str:token>.ics": f"/calendar/{SECRET}.ics",
    "accounts/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": (
        f"/accounts/password/reset/key/{SECRET}/"
    ),
}


def patterns(resolver: URLResolver | None = None, before: str = "") -> Iterator[str]:
    """All addresses as they are written, but those of the back office, which sign-in keeps."""
    for each in (resolver or get_resolver()).url_patterns:
        written = f"{before}{each.pattern}"
        if isinstance(each, URLPattern):
            yield written
        elif each.namespace != "admin":
            yield from patterns(each, written)


def with_a_secret() -> set[str]:
    """The addresses with a part that might be a secret: neither a number nor known to be none."""
    return {
        written
        for written in patterns()
        if "<" in re.sub("<(key|int):", "", written) and written not in TELLING_NOTHING
    }


def a_token(link: SignedLink, content: str = "12-34", *, since: datetime = NOW) -> str:
    return link.token(content, since=since)


@pytest.mark.parametrize("link", SignedLink)
def test_a_token_brings_back_what_was_signed(link: SignedLink) -> None:
    assert link.content(a_token(link), now=NOW) == "12-34"


@pytest.mark.parametrize(("link", "other"), [*permutations(SignedLink, 2)])
def test_a_token_of_one_purpose_opens_no_other(link: SignedLink, other: SignedLink) -> None:
    with pytest.raises(LinkRefused):
        other.content(a_token(link), now=NOW)


@pytest.mark.parametrize("link", SignedLink)
def test_a_token_that_was_changed_is_refused(link: SignedLink) -> None:
    token = a_token(link)
    signature = token.rpartition(".")[2]
    another = a_token(link, "12-35").rpartition(".")[0]
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")
    for bad in (changed, token[:-1], f"{another}.{signature}", f"12-34.{signature}x", "é.é", ""):
        with pytest.raises(LinkRefused):
            link.content(bad, now=NOW)


@pytest.mark.parametrize("link", SignedLink)
def test_only_a_purpose_with_a_lifetime_runs_out(link: SignedLink) -> None:
    token = a_token(link)
    if link.lifetime is None:
        assert link.content(token, now=NOW + timedelta(days=36_500)) == "12-34"
        return
    end = NOW + link.lifetime
    assert link.content(token, now=end - timedelta(seconds=1)) == "12-34"
    with pytest.raises(LinkRanOut):
        link.content(token, now=end)
    with pytest.raises(ValueError, match="since when"):
        link.token("12-34")


def test_the_purposes_are_the_signed_addresses_of_the_site() -> None:
    signed = with_a_secret() - OTHER_SECRETS.keys()
    assert OTHER_SECRETS.keys() <= with_a_secret()
    assert sorted(f"/{written}".partition("<str:token>")[0] for written in signed) == sorted(
        link.prefix for link in SignedLink
    )


@pytest.mark.parametrize("written", sorted(with_a_secret()))
def test_no_log_tells_a_secret_address(written: str) -> None:
    path = OTHER_SECRETS.get(written) or f"/{written.replace('<str:token>', SECRET)}"
    assert resolve(path)
    record = logging.LogRecord(
        "django.request", logging.WARNING, __file__, 1, "Gone: %s", (path,), None
    )
    line = json.loads(JsonFormatter().format(record))
    assert line["event"] == f"Gone: {path.replace(SECRET, '[secret]')}"


def test_what_is_no_secret_is_told() -> None:
    for path in ("/courses/SG/new-dates/", "/accounts/password/reset/key/done/", "/programme/"):
        assert blank_secrets(path) == path


@pytest.mark.django_db
def test_a_link_opens_also_for_a_trainer_who_has_yet_to_set_up_a_second_step(
    settings: Settings,
) -> None:
    settings.TWO_STEP_REQUIRED = True
    trainer, course, now = make_trainer(), make_course(), timezone.now()
    interest.tell_me(course=course, person=trainer, now=now)
    client = signed_in(trainer)
    assert client.get("/trainer/").headers["Location"] == reverse("two_step_needed")
    stop = interest.stop_path(CourseInterest.objects.get(person=trainer))
    assert client.post(stop).status_code == 200
    assert not interest.is_told(course, trainer)
    assert client.get(reminders_path(trainer, since=now)).status_code == 200
    for forged in with_a_secret() - OTHER_SECRETS.keys():
        path = f"/{forged.replace('<str:token>', SECRET)}"
        assert client.get(path).status_code == 404, path
