"""The site refuses to start, in one sentence that names it, when a variable is wrong."""

import os
import subprocess
import sys

import pytest

GOOD = {
    "SECRET_KEY": "k" * 40,
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
    "MAILBOX_DIR",
]


def start(changes: dict[str, str | None], show: str = "") -> subprocess.CompletedProcess[str]:
    """Read the settings in a new process with `changes` made to a good environment."""
    environment = {name: text for name, text in os.environ.items() if name not in OPTIONAL}
    for name, text in {**GOOD, **changes}.items():
        environment.pop(name, None)
        if text is not None:
            environment[name] = text
    return subprocess.run(
        [sys.executable, "-c", f"import booking.settings as settings{show and f'; print({show})'}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def assert_refused(outcome: subprocess.CompletedProcess[str], name: str) -> None:
    assert outcome.returncode == 1
    assert outcome.stdout == ""
    assert outcome.stderr.startswith(f"{name} is ")
    assert outcome.stderr.endswith(".\n")
    assert outcome.stderr.count("\n") == 1


def test_a_good_environment_is_accepted() -> None:
    outcome = start({}, show="settings.SITE_URL")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout == "https://training.example.org\n"


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("text", [None, "", "  "], ids=["missing", "empty", "blank"])
def test_a_missing_variable_is_refused_by_name(name: str, text: str | None) -> None:
    assert_refused(start({name: text}), name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SECRET_KEY", "short"),
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
    outcome = start({"MAIL_URL": url}, show="settings.MAILERS['smtp']['OPTIONS']")
    assert outcome.returncode == 0
    assert f"'port': {port}" in outcome.stdout
    assert f"'use_tls': {tls}" in outcome.stdout
    assert f"'use_ssl': {ssl}" in outcome.stdout


def test_characters_in_a_password_may_be_escaped() -> None:
    outcome = start(
        {"MAIL_URL": "smtp+tls://brie%40fed:p%2Fw%3A%25@mail.example"},
        show="settings.MAILERS['smtp']['OPTIONS']",
    )
    assert "'username': 'brie@fed'" in outcome.stdout
    assert "'password': 'p/w:%'" in outcome.stdout


def test_cookies_are_secure_exactly_where_the_site_is() -> None:
    show = (
        "settings.SESSION_COOKIE_SECURE, settings.SECURE_SSL_REDIRECT, "
        "settings.SECURE_HSTS_SECONDS > 0"
    )
    assert start({}, show=show).stdout == "True True True\n"
    assert start({"SITE_URL": "http://localhost:8000"}, show=show).stdout == "False False False\n"
