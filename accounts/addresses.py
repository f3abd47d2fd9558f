"""What can be told from a work email address."""

# Mailboxes that several people read: a place, a certificate and a record belong to one person.
SHARED_MAILBOXES = frozenset(
    {
        "admin", "administrator", "admissions", "bookings", "bursar", "business", "caretaker",
        "contact", "contactus", "dsl", "duty", "dutyteam", "enquiries", "enquiry", "events",
        "feedback", "frontdesk", "head", "headoffice", "headteacher", "hello", "help", "helpdesk",
        "hr", "info", "information", "inbox", "mail", "mailbox", "manager", "no-reply", "noreply",
        "office", "postmaster", "reception", "referrals", "safeguarding", "school", "schooloffice",
        "secretary", "senco", "staff", "support", "team", "training", "webmaster",
    }
)  # fmt: skip


SHARED_MAILBOX_REFUSED = (
    "This looks like a mailbox that several people read. Places and training records belong to"
    " one person, so use your own work address."
)


def domain_of(email: str) -> str:
    """The part after the last @, in lower case."""
    return email.rpartition("@")[2].lower()


def same_mailbox(one: str, other: str) -> bool:
    """Whether two addresses lead to one mailbox: case and a plus suffix make no other."""
    return _mailbox(one) == _mailbox(other)


def _mailbox(email: str) -> tuple[str, str]:
    name, _, domain = email.strip().casefold().rpartition("@")
    return name.partition("+")[0], domain


def is_shared_mailbox(email: str) -> bool:
    """Whether the address names a desk rather than a person, by its first part.

    Dots, hyphens, underscores and a plus suffix do not hide it (`school.office+x@` is one).
    """
    name = email.partition("@")[0].lower().partition("+")[0]
    plain = name.replace(".", "").replace("_", "").replace("-", "").strip("0123456789")
    return name in SHARED_MAILBOXES or plain in SHARED_MAILBOXES
