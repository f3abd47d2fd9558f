"""Whatever is asked of whatever address, by whomever: no answer is a fault of the site.

Goes by chance: some hundreds of requests each time, ten thousand in `make test-deep`.
"""

import os
import random
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib import admin
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from booking.site.readable import only_readable
from tests.access_site import Site, every_name
from tests.access_table import SIGN_IN, TABLE
from tests.factories import make_coordinator
from tests.people import signed_in

pytestmark = pytest.mark.django_db

IS_DEEP = os.environ.get("DEEP") == "1"
REQUESTS = 10_000 if IS_DEEP else 500
# The more in one test, the seldomer a form is read and the site of a test made anew.
IN_ONE_TEST = 1000 if IS_DEEP else 250

TEXTS = (
    *("\0", "a\0b", "%00", "\ud800", "\udfff@x.example", "\ufeff", "\u202e", "\u00ad", "\x1b[0m"),
    *("-1", "0", "9" * 19, "9" * 40, "-" + "9" * 19, "1e999", "NaN", "0x10", "１２", "1_000", "½"),
    *("9" * 5000, "1," + "9" * 5000),
    *("2147483648", "9223372036854775808", "9999-99-99", "0000-00-00", "99999-01-01", "9999-12-31"),
    *("0001-01-01", "2027-02-30T25:61", "24:00", "99:99", "true", "null", "[]", "{}", "[1", "{"),
    *(
        "",
        " ",
        "\r\n",
        "\r\nSet-Cookie: a=b",
        "a" * 300,
        "é" * 9000,
        "a" * 70_000,
        "a@" + "b" * 300,
    ),
    *(
        "a@b@c",
        "x@[127.0.0.1]",
        '"a b"@c.example',
        "a@b..c",
        "@",
        "%",
        "%%",
        "%s",
        "{0}",
        "{{ x }}",
    ),
    *("'", '"', "\\", "';--", "<script>", "../../etc/passwd", "//evil.example", "javascript:x"),
    *("__", "a__b__c", "pk", "*", "(", "?", "[[", "\\Z", "id__in", "1,2,3", "1,", ",", "?q=%ff"),
    *('"\\ud800"', '{"id": "\\u0000"}', '{"id": 1, "rawId": "x", "response": {}, "type": 1}'),
)
# What most often breaks a site, tried as often as all of the others.
WORST = ("\0", "9" * 20, "9" * 5000, "\ud800", "9999-99-99", "a" * 300, "-1", "a\0b")
NUMBERS = ("9" * 18, "9" * 19, "9" * 20, "9" * 40, "0", "007", "%D9%A1", "1%00", "-1", "1.5")
# As bytes of an address that are no UTF-8, or are none any more once they are read twice.
RAW = (
    "%00",
    "a%00b",
    "%ff",
    "%c3%28",
    "%ed%a0%80",
    "%f8%88%80%80%80",
    "%",
    "%zz",
    "%2500",
    "%0%000",
    "%0a",
    "%e2%80",
)
QUERIES = (
    *("q", "page", "show", "next", "session", "course", "month", "from", "to", "agency", "person"),
    *("state", "topic", "sector", "level", "kind", "sort", "ids", "p", "o", "e", "_facets", "all"),
    *(
        "_to_field",
        "_popup",
        "_changelist_filters",
        "term",
        "app_label",
        "model_name",
        "field_name",
    ),
    *("starts_at__gte", "id__exact", "password__startswith", "q", "q", "term", "term"),
)
TYPES = (
    *(
        "application/json",
        "text/plain",
        "",
        "multipart/form-data",
        "multipart/form-data; boundary=",
    ),
    *("multipart/form-data; boundary=\u00e9", "multipart/form-data; boundary=x"),
    *("application/x-www-form-urlencoded; charset=utf-16", "x", "text/plain; charset=nonsense"),
    "application/x-www-form-urlencoded; charset=nonsense",
)
BODIES = (
    *(b"", b"\0", b"\xff\xfe", b"{", b'{"a": "\\ud800"}', b"[" * 5000, b"a=" + b"%00" * 9),
    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb',
    b'--x\r\nContent-Disposition: form-data; name="a\0"; filename="\0"\r\n\r\nb\r\n--x--\r\n',
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n!!!\r\n--x--\r\n",
)


class Fields(HTMLParser):
    """The fields of the forms of a page, with what stands in them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._select = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        about = dict(attrs)
        if tag in ("input", "textarea", "select", "button") and about.get("name"):
            self.found.setdefault(about["name"], about.get("value") or "")
            self._select = about["name"] if tag == "select" else ""
        elif tag == "option" and self._select and about.get("value"):
            self.found[self._select] = self.found[self._select] or about["value"]


def asked_by_lists(address: str) -> list[str]:
    """What the filters of a list of the back office ask for in its address."""
    for model, pages in admin.site._registry.items():
        if address.startswith(f"/admin/{model._meta.app_label}/{model._meta.model_name}/"):
            dates = pages.date_hierarchy
            parts = [f"{dates}__{part}" for part in ("year", "month", "day")] if dates else []
            filters = [f"{name}{ask}" for name in pages.list_filter for ask in ("", "__exact")]
            return [*(parts + filters) * 4, "q"]
    return []


class Attacker:
    """Somebody who sends what nobody would, the same for the same seed."""

    def __init__(self, seed: int, browsers: dict[str, Client], addresses: Sequence[str]) -> None:
        self.chance = random.Random(seed)
        self.browsers = browsers
        self.addresses = addresses
        self._fields: dict[tuple[str, str], dict[str, str]] = {}

    def attacks(self) -> str:
        """Send one request, undo what it did, and say what went wrong, if anything."""
        address = self.chance.choice(self.addresses)
        likely = self._likely(address)
        role = likely if self.chance.random() < 0.6 else self.chance.choice([*self.browsers])
        browser = self.browsers[role]
        fields = self._fields_of(role, address)
        path = self._path(address) + self._query(address, fields)
        named = self._request(fields)
        try:
            with transaction.atomic():
                status = browser.generic(**named, path=path).status_code
                transaction.set_rollback(True)
        except Exception as fault:  # noqa: BLE001 (every fault is what is looked for)
            return f"{role}: {path!r} {named!r:.600}: {fault!r:.300}"
        return f"{role}: {path!r} {named!r:.600}: {status}" if status >= 500 else ""

    def _likely(self, address: str) -> str:
        """Who is let in there, and so comes furthest."""
        desk = {"/admin": "superuser", "/manage": "coordinator", "/agency": "lead"}
        return next((desk[each] for each in desk if address.startswith(each)), "owner")

    def _fields_of(self, role: str, address: str) -> dict[str, str]:
        if (role, address) not in self._fields:
            page, parser = self.browsers[role].get(address), Fields()
            if page.headers.get("Content-Type", "").startswith("text/html"):
                parser.feed(page.content.decode())
            self._fields[role, address] = parser.found
        return self._fields[role, address]

    def _text(self) -> str:
        texts = self.chance.choice((WORST, TEXTS))
        return "".join(self.chance.choices(texts, k=self.chance.choice((1, 1, 1, 2))))

    def _quoted(self) -> str:
        if self.chance.random() < 0.3:
            return self.chance.choice(RAW)
        return quote(self._text()[:2000].encode("utf-8", "surrogatepass"))

    def _path(self, address: str) -> str:
        kind = self.chance.random()
        if kind < 0.5:
            return address
        if kind < 0.75:
            return re.sub(r"\d+", lambda _: self.chance.choice(NUMBERS), address)
        parts = address.split("/")
        parts[self.chance.randrange(1, len(parts))] = self._quoted()
        return "/".join(parts)

    def _query(self, address: str, fields: dict[str, str]) -> str:
        names = [*QUERIES, *fields, *asked_by_lists(address)]
        number = self.chance.choice((0, 1, 1, 2))
        asked = [f"{quote(each)}={self._quoted()}" for each in self.chance.choices(names, k=number)]
        if address == reverse("admin:autocomplete"):
            asked.insert(0, "app_label=accounts&model_name=user&field_name=agency")
        return f"?{'&'.join(asked)}" if asked else ""

    def _request(self, fields: dict[str, str]) -> dict[str, Any]:
        kind = self.chance.random()
        if kind < 0.35:
            return {"method": "GET"}
        if kind < 0.4:
            return {"method": self.chance.choice(("HEAD", "PUT", "DELETE", "OPTIONS", "X"))}
        if kind < 0.55:
            body, type_ = self.chance.choice(BODIES), self.chance.choice(TYPES)
            return {"method": "POST", "data": body, "content_type": type_}
        sent = dict(fields)
        for name in self.chance.choices([*fields, "next", "action"], k=self.chance.choice((1, 3))):
            sent[name] = self._text()
        body = urlencode(sent, errors="surrogatepass").encode()
        return {
            "method": "POST",
            "data": body,
            "content_type": "application/x-www-form-urlencoded",
        }


def back_office() -> list[str]:
    """Every address of the back office, of rows too."""
    addresses = []
    for name in every_name():
        if name.startswith("admin:"):
            of_a_row = re.search(r"_(change|delete|history)$", name) and "password" not in name
            arguments: list[Any] = [1] if of_a_row else []
            if name == "admin:app_list":
                arguments = ["accounts"]
            elif name == "admin:view_on_site":
                arguments = [1, 1]
            addresses.append(reverse(name, args=arguments))
    return addresses


@pytest.mark.parametrize("typed", ["%00", "a%00b", "%0%000", "%%0000", "%0%0%0000"])
def test_no_query_brings_a_nul(typed: str) -> None:
    def shown(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request.GET["q"].encode())

    asked = RequestFactory().get(f"/programme/?q={typed}")
    assert b"\0" not in only_readable(shown)(asked).content


@pytest.mark.parametrize("path", ["/", "/programme/", "/accounts/login/", "/nowhere/"])
def test_a_query_of_too_many_parts_is_told_apart_from_a_fault(path: str) -> None:
    query = "&".join(f"a{number}=1" for number in range(301))
    answer = Client().get(f"{path}?{query}")
    assert answer.status_code == 400
    assert "We could not read that request" in answer.text
    assert Client().get("/programme/?" + query.replace("&a300=1", "")).status_code == 200


def test_no_path_brings_a_nul() -> None:
    with pytest.raises(Http404):
        only_readable(lambda _: HttpResponse())(RequestFactory().get("/courses/a%00b/"))


@pytest.mark.parametrize("typed", ["9" * 5000, "9999-99-99"])
def test_a_number_that_is_none_is_refused_as_what_it_is(site: Site, typed: str) -> None:
    superuser = signed_in(make_coordinator(is_staff=True, is_superuser=True))
    ticked = {"action": "forget_second_step", "_selected_action": typed}
    assert superuser.post(reverse("admin:accounts_user_changelist"), ticked).status_code == 302
    desk = site.browsers["coordinator"]
    sent = desk.post(site.addresses["manage_bulletin_send"], {"revision": typed})
    assert "changed meanwhile" in sent.text
    page = desk.post(site.addresses["manage_course"], {"must_attend": typed})
    assert "Enter numbers of dates" in page.text


def test_a_form_is_answered_by_a_page_however_it_is_sent(site: Site) -> None:
    owner = site.browsers["owner"]
    out = owner.post(reverse("account_logout"), "{}", content_type="application/json")
    assert out.status_code == 302
    assert reverse("account_logout") in out.headers["Location"]


@pytest.mark.slow
@pytest.mark.deep
@pytest.mark.parametrize("seed", range(-(-REQUESTS // IN_ONE_TEST)))
def test_no_request_breaks_a_page(seed: int, site: Site, settings: Settings) -> None:
    settings.RATE_LIMIT_FACTOR, settings.ACCOUNT_RATE_LIMITS = 1_000_000, False
    superuser = make_coordinator(is_staff=True, is_superuser=True)
    browsers = {role: site.browsers[role] for role in ("anonymous", "owner", "lead", "coordinator")}
    browsers["superuser"] = signed_in(superuser)
    own = {**{name: [] for name in SIGN_IN}, **_WITH_ARGUMENTS}
    addresses = [
        *(site.addresses[name] for name in TABLE),
        *(reverse(name, args=arguments) for name, arguments in own.items()),
        *back_office(),
    ]
    attacker = Attacker(seed, browsers, addresses)
    wrong = [fault for _ in range(IN_ONE_TEST) if (fault := attacker.attacks())]
    assert not wrong, "\n".join(wrong)
    assert User.objects.filter(pk=superuser.pk).exists()


_WITH_ARGUMENTS: dict[str, list[Any]] = {
    "account_reset_password_from_key": ["1", "x-y"],
    "mfa_remove_webauthn": [1],
    "mfa_edit_webauthn": [1],
}
