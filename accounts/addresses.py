"""Email addresses: the one reader of what somebody types, and what can be told from an address.

Every boundary reads an address here, and the columns that hold one do so again
(`accounts.fields.AddressField`): two spellings of one mailbox never make two people.
"""

import re
import secrets
import unicodedata
from typing import Any

import idna
from django.core.exceptions import ValidationError
from django.db import models

from booking.partnership.kept import the_partnership
from booking.site.characters import is_invisible, is_space, trimmed
from booking.site.form_kit import BAD_ADDRESS

LONGEST = 254
_LONGEST_LOCAL_PART, _LONGEST_DOMAIN = 64, 253
# RFC 5322, 3.2.3, in lower case. Quotes, comments and domain literals are not for people's mail.
_ATOM = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+")
_TOP_DOMAIN = re.compile(r"xn--[a-z0-9-]+|[a-z]{2,63}")
_NOT_A_LETTER = re.compile(r"[^a-z]+")

_TOO_LONG = (
    f"This email address is too long: it has at most {LONGEST} characters, and"
    f" {_LONGEST_LOCAL_PART} before the @."
)
_INVISIBLE = (
    "There is an invisible character inside this email address. Type it instead of pasting it."
)
_SPACE = "There is a space inside this email address. Leave it out."
_LOOKS_ALIKE = (
    "This email address has characters that only look like ordinary letters or signs. Type it"
    " instead of pasting it."
)
_NOT_ASCII = (
    "Before the @, use letters without accents, figures and signs such as . - _ and +: mail cannot"
    " reach other addresses."
)
_NOT_ATOMS = (
    "Before the @, leave out quotation marks, brackets, commas, and a dot at the beginning, at the"
    " end or beside another."
)
_NO_DOMAIN = "After the @ there must be the name of a domain, such as agency.org."
# Addresses there say nothing about whom a person works for.
PUBLIC_MAIL = frozenset(
    {
        "aol.co.uk", "aol.com", "blueyonder.co.uk", "btconnect.com", "btinternet.com",
        "btopenworld.com", "duck.com", "email.com", "fastmail.com", "fastmail.fm", "fsmail.net",
        "freeserve.co.uk", "gmail.com", "gmx.co.uk", "gmx.com", "gmx.de", "gmx.net",
        "googlemail.com", "hey.com", "hotmail.co.uk", "hotmail.com", "hushmail.com", "icloud.com",
        "inbox.com", "lineone.net", "live.co.uk", "live.com", "mac.com", "mail.com", "mail.ru",
        "me.com", "msn.com", "ntlworld.com", "o2.co.uk", "onetel.com", "orange.net",
        "outlook.co.uk", "outlook.com", "plus.com", "plus.net", "pm.me", "proton.me",
        "protonmail.ch", "protonmail.com", "rocketmail.com", "sky.com", "supanet.com",
        "talk21.com", "talktalk.net", "tesco.net", "tiscali.co.uk", "tuta.com", "tuta.io",
        "tutanota.com", "virgin.net", "virginmedia.com", "wanadoo.co.uk", "yahoo.co.uk",
        "yahoo.com", "yahoo.ie", "yandex.com", "ymail.com", "zoho.com", "zoho.eu",
        "zohomail.com", "zohomail.eu",
    }
)  # fmt: skip

# Never a mailbox (RFC 2606, 2): of people who have none, and are written to by post.
NO_ADDRESS_DOMAIN = "no-email.invalid"


def no_address() -> str:
    """What stands for the address of somebody who has none, and is nobody else's."""
    return f"no-email-{secrets.token_hex(6)}@{NO_ADDRESS_DOMAIN}"


def is_no_address(email: str) -> bool:
    """Whether it only stands for an address: no mail goes there."""
    return domain_of(email) == NO_ADDRESS_DOMAIN


SHARED_MAILBOX_REFUSED = (
    "This looks like a mailbox that several people read. Places and training records belong to"
    " one person, so use your own work address."
)


def parse_address(typed: str) -> str:
    """The address as it is stored: in lower case, its domain as A-labels.

    Spaces and invisible characters around it are dropped. Raises `ValidationError`, with the
    sentence for the person who typed it. The part before the @ is ASCII, as RFC 5321 has it: mail
    to others (RFC 6531) arrives only if every server on the way takes part.
    """
    address = trimmed(typed)
    if len(address) > LONGEST:
        raise ValidationError(_TOO_LONG, code="too_long")
    if "@" not in unicodedata.normalize("NFKC", address):
        raise ValidationError(BAD_ADDRESS, code="invalid")
    _refuse_what_is_not_seen(address)
    local_part, at, domain = address.rpartition("@")
    if not (at and local_part and domain):
        raise ValidationError(BAD_ADDRESS, code="invalid")
    if not local_part.isascii():
        raise ValidationError(_NOT_ASCII, code="not_ascii")
    local_part = local_part.lower()
    if not all(map(_ATOM.fullmatch, local_part.split("."))):
        raise ValidationError(_NOT_ATOMS, code="not_atoms")
    if len(local_part) > _LONGEST_LOCAL_PART:
        raise ValidationError(_TOO_LONG, code="too_long")
    address = f"{local_part}@{parse_domain(domain)}"
    if len(address) > LONGEST:
        raise ValidationError(_TOO_LONG, code="too_long")
    return address


def parse_domain(typed: str) -> str:
    """The domain of addresses as it is stored: lower case, A-labels (RFC 5891).

    Raises `ValidationError` for what is none, and for what UTS 46 would map to another: a soft
    hyphen that is skipped, a letter of full width.
    """
    domain = trimmed(typed)
    _refuse_what_is_not_seen(domain)
    domain = domain.lower()
    if len(domain) > _LONGEST_DOMAIN:
        raise ValidationError(_NO_DOMAIN, code="no_domain")
    try:
        if idna.uts46_remap(domain) != domain:
            raise ValidationError(_LOOKS_ALIKE, code="looks_alike")
        encoded = idna.encode(domain, strict=True, std3_rules=True).decode("ascii")
    except UnicodeError as refused:
        raise ValidationError(_NO_DOMAIN, code="no_domain") from refused
    name, dot, top = encoded.rpartition(".")
    if not (name and dot and _TOP_DOMAIN.fullmatch(top)):
        raise ValidationError(_NO_DOMAIN, code="no_domain")
    return encoded


def _refuse_what_is_not_seen(text: str) -> None:
    if any(map(is_invisible, text)):
        raise ValidationError(_INVISIBLE, code="invisible")
    if any(map(is_space, text)):
        raise ValidationError(_SPACE, code="space")
    # The sign @ in full width, or the Kelvin sign, which becomes a k in lower case.
    if unicodedata.normalize("NFKC", text) != text:
        raise ValidationError(_LOOKS_ALIKE, code="looks_alike")


def as_stored(address: str) -> str:
    """The address as it is stored, to compare; of what is no address, the text in lower case."""
    try:
        return parse_address(address)
    except ValidationError:
        # PostgreSQL cannot even be asked about a NUL.
        return trimmed(address).replace("\0", "").lower()


def domain_of(email: str) -> str:
    """The part after the last @, in lower case."""
    return email.rpartition("@")[2].lower()


def same_mailbox(one: str, other: str) -> bool:
    """Whether two addresses lead to one mailbox: case and a plus suffix make no other."""
    return without_tag(one) == without_tag(other)


def without_tag(email: str) -> str:
    """The address of the mailbox: sam+safeguarding@agency.org is sam@agency.org."""
    name, at, domain = as_stored(email).rpartition("@")
    return f"{name.partition('+')[0]}{at}{domain}"


def mailbox() -> models.Func:
    """The column `email` without a plus suffix, as an index keeps it."""
    return models.Func(
        "email",
        models.Value(r"\+[^@]*@"),
        models.Value("@"),
        function="regexp_replace",
        output_field=models.CharField(),
    )


def sharing_a_mailbox[People: models.QuerySet[Any]](people: People) -> People:
    """Those whose mail comes to one mailbox, beside one another: all but a plus suffix is alike.

    Each has `mailbox`, the address without the suffix.
    """
    people = people.annotate(mailbox=mailbox())
    # Only an account with a suffix can share its mailbox, so these few are looked at first.
    suffixed = people.filter(email__contains="+").values("mailbox")
    counted = people.filter(mailbox__in=suffixed).values("mailbox").annotate(n=models.Count("pk"))
    several = counted.filter(n__gt=1).values("mailbox")
    return people.filter(mailbox__in=several).order_by("mailbox", "email")


def is_shared_mailbox(email: str) -> bool:
    """Whether the address names a desk rather than a person, by its first part.

    It does if the letters of that part are nothing but words of the list that coordinators keep:
    `theoffice`, `admin.office`, `safeguarding-team2`; but not `j.mash`. They can excuse an address.
    """
    partnership = the_partnership()
    mailbox = without_tag(email)
    if mailbox in partnership.excused_addresses:
        return False
    letters = _NOT_A_LETTER.sub("", mailbox.partition("@")[0])
    return bool(letters) and _is_made_of(letters, partnership.shared_words)


def _is_made_of(letters: str, words: list[str]) -> bool:
    """Whether the letters can be cut up into these words; each may be used again."""
    # Where a cut can be: after each letter, whether all before it is words.
    cuts = [True] + [False] * len(letters)
    for end in range(1, len(letters) + 1):
        cuts[end] = any(letters.endswith(word, 0, end) and cuts[end - len(word)] for word in words)
    return cuts[-1]
