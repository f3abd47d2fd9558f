"""The site refuses to start, in one sentence that names it, when a variable is wrong."""

import os
import runpy
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

GOOD = {
    "SECRET_KEY": "k" * 40,
    "MEETING_KEYS": "YSBrZXkgZm9yIHRlc3RzIG9ubHksIG9mIDMyIGJ5dGU=",
    "ALLOWED_HOSTS": "training.example.org",
    "DATABASE_URL": "postgresql://briefed:secret@db.example/briefed",
    "REDIS_URL": "redis://cache.example:6379/0",
    "MAIL_URL": "smtp+tls://briefed:secret@mail.example:587",
    "SITE_URL": "https://training.example.org",
}
OPTIONAL = [
    "TRUSTED_PROXY_COUNT",
    "HSTS_SECONDS",
    "TWO_STEP_REQUIRED",
    "RATE_LIMIT_FACTOR",
    "MAIL_ALERT_MINUTES",
    "REPLIES_IMAP_URL",
    "REPLIES_DONE_FOLDER",
    "SECURITY_CONTACT",
    "MAILBOX_DIR",
]


@dataclass(frozen=True)
class Outcome:
    """How reading the settings ended: what was refused, or the settings."""

    refusal: str
    settings: dict[str, Any]


def environment(changes: dict[str, str | None]) -> dict[str, str]:
    """This process's environment with a good one laid over it, and `changes` over that."""
    found = {name: text for name, text in os.environ.items() if name not in OPTIONAL}
    for name, text in {**GOOD, **changes}.items():
        found.pop(name, None)
        if text is not None:
            found[name] = text
    return found


def start(changes: dict[str, str | None]) -> Outcome:
    """Run the settings file as it is, in this process, with `changes` to a good environment."""
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(environment(changes))
        return Outcome("", runpy.run_path("booking/site/settings.py"))
    except SystemExit as stop:
        return Outcome(str(stop), {})
    finally:
        os.environ.clear()
        os.environ.update(before)


def assert_refused(outcome: Outcome, name: str) -> None:
    assert outcome.refusal.startswith(f"{name} is ")
    assert outcome.refusal.endswith(".")
    assert "\n" not in outcome.refusal


def test_a_good_environment_is_accepted() -> None:
    outcome = start({})
    assert outcome.refusal == ""
    assert outcome.settings["SITE_URL"] == "https://training.example.org"


def test_the_program_ends_with_the_sentence_and_nothing_else() -> None:
    ended = subprocess.run(
        [sys.executable, "manage.py", "check"],
        env=environment({"MAIL_URL": None}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("MAIL_URL is missing: ")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("text", [None, "", "  "], ids=["missing", "empty", "blank"])
def test_a_missing_variable_is_refused_by_name(name: str, text: str | None) -> None:
    assert_refused(start({name: text}), name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SECRET_KEY", "short"),
        ("MEETING_KEYS", "short"),
        ("MEETING_KEYS", "YSBrZXkgZm9yIHRlc3RzIG9ubHksIG9mIDMyIGJ5dGU=,short"),
        ("MEETING_KEYS", " , "),
        ("ALLOWED_HOSTS", "*"),
        ("ALLOWED_HOSTS", "https://training.example.org"),
        ("ALLOWED_HOSTS", "one.example two.example"),
        ("ALLOWED_HOSTS", " , "),
        ("DATABASE_URL", "sqlite:///briefed.sqlite3"),
        ("DATABASE_URL", "postgresql://db.example"),
        ("DATABASE_URL", "postgresql://db.example:port/briefed"),
        ("DATABASE_URL", "postgresql://db.example:99999/briefed"),
        ("DATABASE_URL", "postgresql://[db.example/briefed"),
        ("REDIS_URL", "memcached://cache.example"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis://cache.example:port/0"),
        ("REDIS_URL", "redis://[cache.example"),
        ("MAIL_URL", "mail.example:25"),
        ("MAIL_URL", "smtp://"),
        ("MAIL_URL", "smtp://mail.example:port"),
        ("MAIL_URL", "smtp://mail.example?tls=yes"),
        ("MAIL_URL", "smtp://[mail.example"),
        ("REPLIES_IMAP_URL", "pop3://user:password@mail.example"),
        ("REPLIES_IMAP_URL", "imaps://mail.example"),
        ("REPLIES_IMAP_URL", "imaps://user@mail.example"),
        ("REPLIES_IMAP_URL", "imaps://user:password@mail.example?tls=yes"),
        ("REPLIES_IMAP_URL", "imaps://user:password@[mail.example"),
        ("MAIL_ALERT_MINUTES", "soon"),
        ("SECURITY_CONTACT", "security@example.org"),
        ("SECURITY_CONTACT", "http://example.org/report"),
        ("SECURITY_CONTACT", "mailto:security@example.org\nExpires: never"),
        ("SITE_URL", "training.example.org"),
        ("SITE_URL", "https://training.example.org/booking"),
        ("SITE_URL", "https://[training.example.org"),
        ("TRUSTED_PROXY_COUNT", "one"),
        ("TRUSTED_PROXY_COUNT", "-1"),
        ("HSTS_SECONDS", "1.5"),
        ("TWO_STEP_REQUIRED", "perhaps"),
        ("RATE_LIMIT_FACTOR", "fast"),
    ],
)
def test_a_malformed_variable_is_refused_by_name(name: str, text: str) -> None:
    assert_refused(start({name: text}), name)


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl"),
    [
        ("smtp://mail.example", 25, False, False),
        ("smtp+tls://mail.example", 587, True, False),
        ("smtps://mail.example", 465, False, True),
        ("smtps://mail.example:2465", 2465, False, True),
    ],
)
def test_the_mail_address_says_how_mail_is_encrypted(
    url: str, port: int, tls: bool, ssl: bool
) -> None:
    options = start({"MAIL_URL": url}).settings["MAILERS"]["smtp"]["OPTIONS"]
    assert (options["port"], options["use_tls"], options["use_ssl"]) == (port, tls, ssl)


@pytest.mark.parametrize(
    ("url", "port", "tls", "ssl", "folder"),
    [
        ("imap://us%40er:pa%2Fss@mail.example", 143, False, False, "INBOX"),
        ("imap+tls://us%40er:pa%2Fss@mail.example/Answers", 143, True, False, "Answers"),
        ("imaps://us%40er:pa%2Fss@mail.example", 993, False, True, "INBOX"),
        ("imaps://us%40er:pa%2Fss@mail.example:1993", 1993, False, True, "INBOX"),
    ],
)
def test_the_reply_mailbox_is_read_where_its_address_says(
    url: str, port: int, tls: bool, ssl: bool, folder: str
) -> None:
    found = start({"REPLIES_IMAP_URL": url}).settings["REPLIES_MAILBOX"]
    assert (found.port, found.use_tls, found.use_ssl, found.folder) == (port, tls, ssl, folder)
    assert (found.username, found.password, found.done_folder) == ("us@er", "pa/ss", "Done")


def test_no_reply_mailbox_is_read_unless_one_is_given() -> None:
    assert start({}).settings["REPLIES_MAILBOX"] is None
    changes: dict[str, str | None] = {
        "REPLIES_IMAP_URL": "imaps://user:password@mail.example",
        "REPLIES_DONE_FOLDER": "INBOX",
    }
    assert_refused(start(changes), "REPLIES_DONE_FOLDER")


def test_characters_in_a_password_may_be_escaped() -> None:
    url = "smtp+tls://brie%40fed:p%2Fw%3A%25@mail.example"
    options = start({"MAIL_URL": url}).settings["MAILERS"]["smtp"]["OPTIONS"]
    assert (options["username"], options["password"]) == ("brie@fed", "p/w:%")


@pytest.mark.parametrize(
    ("url", "secure"), [("https://training.example.org", True), ("http://localhost:8000", False)]
)
def test_cookies_are_secure_exactly_where_the_site_is(url: str, secure: bool) -> None:
    settings = start({"SITE_URL": url}).settings
    assert settings["SESSION_COOKIE_SECURE"] is secure
    assert settings["CSRF_COOKIE_SECURE"] is secure
    assert settings["SECURE_SSL_REDIRECT"] is secure
    assert bool(settings["SECURE_HSTS_SECONDS"]) is secure


def test_every_cookie_has_the_prefix_of_its_host() -> None:
    settings = start({}).settings
    names = {value for name, value in settings.items() if name.endswith("COOKIE_NAME")}
    assert len(names) >= 3
    assert {name.removeprefix("__Host-") for name in names} >= {"session", "csrf", "messages"}
    assert all(name.startswith("__Host-") for name in names)
