"""What the process environment must say before the site can start.

Every setting that differs between one installation and another is read here and nowhere else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from functools import cache
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import dj_database_url
from cryptography.fernet import Fernet

_MINIMUM_SECRET_LENGTH = 40
# RFC 9116, 2.5.3: a URI, and one over the web by https alone.
_CONTACT = re.compile(r"mailto:[^\s<>]+@[^\s<>]+|https://[^\s<>]+")

_YES, _NO = {"true", "yes", "on", "t", "y", "1"}, {"false", "no", "off", "f", "n", "0"}


class EnvironmentRefused(Exception):
    """A variable is missing or malformed; the message is one sentence that names it."""


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed over: the parts of a `MAIL_URL`."""

    host: str
    port: int
    username: str
    password: str
    use_tls: bool
    use_ssl: bool


@dataclass(frozen=True)
class ImapServer(MailServer):
    """Where answers to our mail arrive: the parts of a `REPLIES_IMAP_URL`."""

    folder: str
    done_folder: str


def required(env: Mapping[str, str], name: str, example: str) -> str:
    """The variable's text.

    Raises `EnvironmentRefused` if it is missing or empty; `example` shows what it looks like.
    """
    text = env.get(name, "").strip()
    if not text:
        raise EnvironmentRefused(f"{name} is missing: set it to something like {example}.")
    return text


def _parts(name: str, url: str) -> SplitResult:
    """The parts of a URL whose host and port can be read. Raises `EnvironmentRefused`."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # asking for it is what checks it
    except ValueError as refusal:
        raise EnvironmentRefused(
            f"{name} is malformed: its host or its port cannot be read."
        ) from refusal
    return parts


def secret_key(env: Mapping[str, str]) -> str:
    """`SECRET_KEY`, at least 40 characters. Raises `EnvironmentRefused`."""
    key = required(env, "SECRET_KEY", "the output of `openssl rand -base64 48`")
    if len(key) < _MINIMUM_SECRET_LENGTH:
        raise EnvironmentRefused(
            f"SECRET_KEY is too short: it needs at least {_MINIMUM_SECRET_LENGTH} characters."
        )
    return key


def meeting_keys(env: Mapping[str, str]) -> list[str]:
    """`MEETING_KEYS`: Fernet keys, separated by commas, the one that seals first.

    Raises `EnvironmentRefused`.
    """
    text = required(env, "MEETING_KEYS", "the output of `openssl rand -base64 32 | tr +/ -_`")
    keys = [key.strip() for key in text.split(",") if key.strip()]
    try:
        for key in keys:
            Fernet(key)
    except ValueError as refusal:
        raise EnvironmentRefused(
            "MEETING_KEYS is malformed: each key is 32 random bytes in URL-safe base64, as"
            " `openssl rand -base64 32 | tr +/ -_` makes them."
        ) from refusal
    if not keys:
        raise EnvironmentRefused("MEETING_KEYS is malformed: it holds no key.")
    return keys


def hosts(env: Mapping[str, str]) -> list[str]:
    """`ALLOWED_HOSTS`, a comma-separated list. Raises `EnvironmentRefused`."""
    text = required(env, "ALLOWED_HOSTS", "training.example.org")
    found = [host.strip() for host in text.split(",") if host.strip()]
    if not found or any("/" in host or " " in host or host == "*" for host in found):
        raise EnvironmentRefused(
            "ALLOWED_HOSTS is malformed: give host names only, separated by commas."
        )
    return found


def database(env: Mapping[str, str]) -> dict[str, Any]:
    """`DATABASE_URL` as Django's settings for one database. Raises `EnvironmentRefused`."""
    url = required(env, "DATABASE_URL", "postgresql://user:password@host:5432/briefed")
    if _parts("DATABASE_URL", url).scheme not in {"postgres", "postgresql"}:
        raise EnvironmentRefused(
            "DATABASE_URL is malformed: it must start with postgresql://, the only database used."
        )
    try:
        settings = dict(dj_database_url.parse(url))
    except (ValueError, dj_database_url.UnknownSchemeError) as refusal:
        raise EnvironmentRefused(f"DATABASE_URL is malformed: {refusal}.") from refusal
    if not settings.get("NAME"):
        raise EnvironmentRefused("DATABASE_URL is malformed: it names no database.")
    return settings


def redis_url(env: Mapping[str, str]) -> str:
    """`REDIS_URL`. Raises `EnvironmentRefused`."""
    url = required(env, "REDIS_URL", "redis://host:6379/0")
    parts = _parts("REDIS_URL", url)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise EnvironmentRefused(
            "REDIS_URL is malformed: it must start with redis://, rediss:// or unix://."
        )
    if not (parts.path if parts.scheme == "unix" else parts.hostname):
        raise EnvironmentRefused("REDIS_URL is malformed: it names no server.")
    return url


def mail_server(env: Mapping[str, str]) -> MailServer:
    """`MAIL_URL`: smtp://, smtp+tls:// (STARTTLS) or smtps://. Raises `EnvironmentRefused`."""
    url = required(env, "MAIL_URL", "smtp+tls://user:password@host:587")
    parts = _parts("MAIL_URL", url)
    if parts.scheme not in {"smtp", "smtp+tls", "smtps"} or not parts.hostname:
        raise EnvironmentRefused(
            "MAIL_URL is malformed: it must be smtp://, smtp+tls:// or smtps:// and name a host."
        )
    if parse_qs(parts.query):
        raise EnvironmentRefused(
            "MAIL_URL is malformed: it takes no options after a question mark."
        )
    standard_port = {"smtp": 25, "smtp+tls": 587, "smtps": 465}[parts.scheme]
    return MailServer(
        host=parts.hostname,
        port=parts.port or standard_port,
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        use_tls=parts.scheme == "smtp+tls",
        use_ssl=parts.scheme == "smtps",
    )


def reply_mailbox(env: Mapping[str, str]) -> ImapServer | None:
    """`REPLIES_IMAP_URL`: imaps://, imap+tls:// (STARTTLS) or imap://; nothing when not set.

    A path names the folder that is read, INBOX if there is none. `REPLIES_DONE_FOLDER` is where
    mail goes that was dealt with. Raises `EnvironmentRefused`.
    """
    url = env.get("REPLIES_IMAP_URL", "").strip()
    if not url:
        return None
    parts = _parts("REPLIES_IMAP_URL", url)
    if parts.scheme not in {"imap", "imap+tls", "imaps"} or not parts.hostname:
        raise EnvironmentRefused(
            "REPLIES_IMAP_URL is malformed: it must be imaps://, imap+tls:// or imap:// and name"
            " a host."
        )
    if not parts.username or not parts.password:
        raise EnvironmentRefused(
            "REPLIES_IMAP_URL is malformed: it needs the mailbox's user and password, as in"
            " imaps://user:password@host."
        )
    if parts.query or parts.fragment:
        raise EnvironmentRefused("REPLIES_IMAP_URL is malformed: it takes no options.")
    folder = unquote(parts.path.strip("/")) or "INBOX"
    done_folder = env.get("REPLIES_DONE_FOLDER", "").strip() or "Done"
    if done_folder == folder:
        raise EnvironmentRefused(
            "REPLIES_DONE_FOLDER is malformed: it must be another folder than the one that is read."
        )
    return ImapServer(
        host=parts.hostname,
        port=parts.port or (993 if parts.scheme == "imaps" else 143),
        username=unquote(parts.username),
        password=unquote(parts.password),
        use_tls=parts.scheme == "imap+tls",
        use_ssl=parts.scheme == "imaps",
        folder=folder,
        done_folder=done_folder,
    )


def site_url(env: Mapping[str, str]) -> str:
    """`SITE_URL`, the public address without a trailing slash. Raises `EnvironmentRefused`."""
    url = required(env, "SITE_URL", "https://training.example.org")
    parts = _parts("SITE_URL", url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
        raise EnvironmentRefused(
            "SITE_URL is malformed: it must be http:// or https:// and a host, with no path."
        )
    return url.rstrip("/")


def security_contact(env: Mapping[str, str], *, otherwise: str) -> str:
    """`SECURITY_CONTACT`: where somebody reports a weakness, an address of mail or of a page.

    `otherwise` is the mailbox that is named when it is not set. Raises `EnvironmentRefused`.
    """
    contact = env.get("SECURITY_CONTACT", "").strip() or f"mailto:{otherwise}"
    if not _CONTACT.fullmatch(contact):
        raise EnvironmentRefused(
            "SECURITY_CONTACT is malformed: it must be like mailto:security@example.org or"
            " https://example.org/report."
        )
    return contact


@cache
def name_and_address(text: str) -> tuple[str, str]:
    """The name and the address in `MAIL_FROM` or `MAIL_REPLY_TO`, read once."""
    return parseaddr(text)


def number_from(env: Mapping[str, str], name: str, default: int) -> int:
    """An optional whole number of 0 or more. Raises `EnvironmentRefused`."""
    try:
        number = int(env.get(name, default))
    except ValueError as refusal:
        raise EnvironmentRefused(f"{name} is malformed: it must be a whole number.") from refusal
    if number < 0:
        raise EnvironmentRefused(f"{name} is malformed: it cannot be negative.")
    return number


def flag_from(env: Mapping[str, str], name: str, default: bool) -> bool:
    """An optional switch. Raises `EnvironmentRefused`."""
    said = env.get(name, str(default)).strip().lower()
    if said not in _YES | _NO:
        raise EnvironmentRefused(f"{name} is malformed: it must be true or false.")
    return said in _YES
