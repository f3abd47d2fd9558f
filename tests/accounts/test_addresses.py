"""What is read as an email address, and what is refused in which words."""

from collections.abc import Callable
from time import perf_counter

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from accounts.addresses import as_stored, parse_address, parse_domain, same_mailbox
from accounts.agencies import add_group, add_members
from accounts.models import User
from tests.factories import make_person

ZOE = "zoe@agency.example"
LONG_LOCAL, LONG_LABEL = "a" * 64, "b" * 63

READ = {
    # What surrounds an address is dropped.
    ZOE: ZOE,
    "  zoe@agency.example\t": ZOE,
    "\r\nzoe@agency.example\r\n": ZOE,
    "\u200bzoe@agency.example": ZOE,
    "zoe@agency.example\u200b": ZOE,
    "\ufeffzoe@agency.example": ZOE,
    "zoe@agency.example\u00ad": ZOE,
    "\u2066zoe@agency.example\u2069": ZOE,
    "\u00a0zoe@agency.example\u3000": ZOE,
    "\u200e\u200fzoe@agency.example\u202c": ZOE,
    "zoe@agency.example\ufe0f": ZOE,
    "\u3164zoe@agency.example\u115f": ZOE,
    "\U000e0041zoe@agency.example\U000e007f": ZOE,
    "\x00zoe@agency.example\x00": ZOE,
    "zoe@agency.example\u2028": ZOE,
    # Capitals are none.
    "ZOE@AGENCY.EXAMPLE": ZOE,
    "Zoe@Agency.Example": ZOE,
    # Atoms: every sign that RFC 5322 allows, and tags, which make an account of its own.
    "o'neill@agency.example": "o'neill@agency.example",
    "zoe+training@agency.example": "zoe+training@agency.example",
    "z.o-e_2@agency.example": "z.o-e_2@agency.example",
    "!#$%&'*+/=?^_`{|}~-@agency.example": "!#$%&'*+/=?^_`{|}~-@agency.example",
    "1@2.example": "1@2.example",
    f"{LONG_LOCAL}@{LONG_LABEL}.example": f"{LONG_LOCAL}@{LONG_LABEL}.example",
    # Domains in other scripts are stored as A-labels, and so are those of mixed ones: a homograph
    # is another address, and looks it.
    "zoe@münchen.example": "zoe@xn--mnchen-3ya.example",
    "zoe@MÜNCHEN.example": "zoe@xn--mnchen-3ya.example",
    "zoe@xn--mnchen-3ya.example": "zoe@xn--mnchen-3ya.example",
    "zoe@XN--MNCHEN-3YA.example": "zoe@xn--mnchen-3ya.example",
    "zoe@straße.example": "zoe@xn--strae-oqa.example",
    "zoe@\u0430gency.example": "zoe@xn--gency-3ve.example",
    "zoe@пример.рф": "zoe@xn--e1afmkfd.xn--p1ai",
    "zoe@\u0130stanbul.example": "zoe@xn--istanbul-o0e.example",
}  # fmt: skip

REFUSED = {
    # What is inside is not.
    "boss@l\u00adch.example": "invisible",
    "bo\u200bss@lch.example": "invisible",
    "boss\u200b@lch.example": "invisible",
    "boss@lch.ex\ufeffample": "invisible",
    "boss@lch\u2060.example": "invisible",
    "bo\u200dss@lch.example": "invisible",
    "boss@l\u200cch.example": "invisible",
    "boss@l\u202ech.example": "invisible",
    "bo\x00ss@lch.example": "invisible",
    "boss@lch.example\r\nBcc: all@lch.example": "invisible",
    "boss\t@lch.example": "invisible",
    "boss@lch\u2028.example": "invisible",
    "boss@l\u034fch.example": "invisible",
    "boss@l\ufe0fch.example": "invisible",
    "boss@l\u3164ch.example": "invisible",
    "boss@l\U000e0061ch.example": "invisible",
    "boss@l\ue000ch.example": "invisible",
    "bo ss@lch.example": "space",
    "boss @lch.example": "space",
    "boss@lch .example": "space",
    "boss@l\u00a0ch.example": "space",
    "boss@l\u2009ch.example": "space",
    # Characters that UTS 46 would make others.
    "boss\uff20lch.example": "looks_alike",
    "boss@\uff4cch.example": "looks_alike",
    "boss@lch\uff0eexample": "looks_alike",
    "boss@lch\u3002example": "looks_alike",
    "boss@ban\u212a.example": "looks_alike",
    "boss@mu\u0308nchen.example": "looks_alike",
    "boss@\u2460lch.example": "looks_alike",
    "\uff42oss@lch.example": "looks_alike",
    # Other letters before the @.
    "b\u043ess@lch.example": "not_ascii",
    "zoë@lch.example": "not_ascii",
    "\u0130@lch.example": "not_ascii",
    "b\u0131ll@lch.example": "not_ascii",
    # No atoms.
    '"boss"@lch.example': "not_atoms",
    '"bo ss"@lch.example': "space",
    "boss(comment)@lch.example": "not_atoms",
    ".boss@lch.example": "not_atoms",
    "boss.@lch.example": "not_atoms",
    "bo..ss@lch.example": "not_atoms",
    "bo@ss@lch.example": "not_atoms",
    "bo\\ss@lch.example": "not_atoms",
    "<boss@lch.example": "not_atoms",
    "a@lch.example,b@lch.example": "not_atoms",
    "mailto:boss@lch.example": "not_atoms",
    # No domain.
    "boss@lch": "no_domain",
    "boss@lch.example.": "no_domain",
    "boss@.lch.example": "no_domain",
    "boss@lch..example": "no_domain",
    "boss@-lch.example": "no_domain",
    "boss@lch-.example": "no_domain",
    "boss@l_ch.example": "no_domain",
    "boss@lch.example>": "no_domain",
    "boss@lch.example(comment)": "no_domain",
    "boss@127.0.0.1": "no_domain",
    "boss@[127.0.0.1]": "no_domain",
    "boss@xn--zzzzzzzzz99999.example": "no_domain",
    "boss@xn--lch-.example": "no_domain",
    "boss@ab--cd.example": "no_domain",
    "boss@lch.e": "no_domain",
    f"boss@{'a' * 64}.example": "no_domain",
    # No address at all, and too much of one.
    "": "invalid",
    "\u200b": "invalid",
    "boss": "invalid",
    "my boss": "invalid",
    "@lch.example": "invalid",
    "boss@": "invalid",
    f"{'a' * 65}@lch.example": "too_long",
    f"{'a' * 300}@lch.example": "too_long",
    "a@" + ".".join(["b" * 61] * 4) + ".example": "too_long",
    f"{LONG_LOCAL}@{'.'.join(['ü' * 30] * 5)}.example": "too_long",
}  # fmt: skip


@pytest.mark.parametrize("typed", READ)
def test_an_address_is_read_as_it_is_stored(typed: str) -> None:
    assert parse_address(typed) == READ[typed]
    assert parse_address(READ[typed]) == READ[typed], "once is enough"


@pytest.mark.parametrize("typed", REFUSED)
def test_what_is_no_address_is_refused_with_its_reason(typed: str) -> None:
    with pytest.raises(ValidationError) as refused:
        parse_address(typed)
    assert refused.value.code == REFUSED[typed]
    assert refused.value.messages[0].endswith(".")


def test_a_domain_is_read_like_that_of_an_address() -> None:
    assert parse_domain(" MÜNCHEN.example\u200b") == "xn--mnchen-3ya.example"
    with pytest.raises(ValidationError):
        parse_domain("l\u00adch.example")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (ZOE, "Zoe@Agency.Example\u200b", True),
        (ZOE, "zoe+boss@agency.example", True),
        ("zoe+a@agency.example", "zoe+b@agency.example", True),
        ("zoe@münchen.example", "zoe@xn--mnchen-3ya.example", True),
        (ZOE, "zoe@agency.example.org", False),
        (ZOE, "boss@agency.example", False),
    ],
)
def test_a_tag_and_the_spelling_make_no_other_mailbox(one: str, other: str, same: bool) -> None:
    assert same_mailbox(one, other) is same
    assert same_mailbox(other, one) is same


# ---------------------------------------------------------------- nothing gets around the reader


@pytest.mark.django_db
def test_a_row_is_read_again_however_it_is_saved() -> None:
    person = make_person("\ufeffZoe@Agency.example\u200b", first_name="\u200bZoe ")
    assert (person.email, person.first_name) == (ZOE, "Zoe")
    User.objects.filter(pk=person.pk).update(manager_email="BOSS@agency.example")
    [other] = User.objects.bulk_create([User(email="Amy@Agency.example", last_name=" A\u00a0B ")])
    other.refresh_from_db()
    assert (other.email, other.last_name) == ("amy@agency.example", "A B")
    other.job_title = "Nurse\u200b"
    User.objects.bulk_update([other], ["job_title"])
    other.refresh_from_db()
    person.refresh_from_db()
    assert (other.job_title, person.manager_email) == ("Nurse", "boss@agency.example")


@pytest.mark.django_db
@pytest.mark.parametrize("bad", ["zo\u200be@agency.example", '"zoe"@agency.example', "zoe"])
def test_no_row_gets_what_the_reader_refuses(bad: str) -> None:
    person = make_person(ZOE)
    with pytest.raises(ValidationError):
        User.objects.create_user(bad)
    with pytest.raises(ValidationError):
        User.objects.filter(pk=person.pk).update(email=bad)
    with pytest.raises(ValidationError):
        User.objects.bulk_create([User(email=bad)])
    person.manager_email = bad
    with pytest.raises(ValidationError):
        person.save()


@pytest.mark.django_db
def test_the_database_itself_keeps_no_second_spelling() -> None:
    person = make_person(ZOE)
    for bad in ("zoe@agency.example\u200b", "Zoe@agency.example", "zoe@ag\u00adency.example"):
        with pytest.raises(IntegrityError), transaction.atomic():
            connection.cursor().execute(
                "UPDATE accounts_user SET email = %s WHERE id = %s", [bad, person.pk]
            )


@pytest.mark.django_db
def test_a_superuser_is_made_with_an_address_as_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse battery")
    call_command("createsuperuser", interactive=False, email="\u200bRoot@Agency.example ")
    assert User.objects.get(is_superuser=True).email == "root@agency.example"
    with pytest.raises(CommandError, match="invisible"):
        call_command("createsuperuser", interactive=False, email="ro\u200bot2@agency.example")


# ---------------------------------------------------------------- lists of addresses


@pytest.mark.django_db
def test_a_list_finds_people_however_their_addresses_are_written() -> None:
    group = add_group(name="Leads")
    zoe, amy = make_person(ZOE), make_person("amy@agency.example")
    text = (
        "Zoe <ZOE@agency.example\u200b>; (amy@agency.example), nobody@agency.example.\n"
        "mail to: zoe@agency.example"
    )
    assert add_members(group=group, text=text) == (2, ["nobody@agency.example"])
    assert set(group.members.all()) == {zoe, amy}


@pytest.mark.django_db
@pytest.mark.parametrize("unit", ["a", "a@", "a.", "@", "<", "a <"])
def test_reading_a_list_takes_time_in_step_with_its_length(unit: str) -> None:
    """Eight times the text may take no more than some twenty times as long; squared is 64."""
    group = add_group(name="Leads")

    def seconds(letters: int) -> float:
        text = unit * (letters // len(unit))
        return min(_timed(lambda: add_members(group=group, text=text)) for _ in range(3))

    assert seconds(32_000) < 20 * seconds(4_000) + 0.05


def _timed(act: Callable[[], object]) -> float:
    start = perf_counter()
    act()
    return perf_counter() - start


@pytest.mark.django_db
def test_what_is_no_address_can_be_looked_for_all_the_same() -> None:
    assert User.objects.filter(email=as_stored("a\0b@agency.example")).first() is None
