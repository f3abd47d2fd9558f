"""Reading the reply mailbox of a real IMAP server."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from booking.local.processes import free_port
from booking.local.servers import REPOSITORY
from booking.outbox.models import Message
from booking.replies.intake import take_in
from booking.replies.models import CalendarReply, MailboxState, ReceivedMail
from booking.replies.reading import LARGEST_MAIL, ReplyMailbox, Round, read_replies
from booking.site.environment import ImapServer
from tests.factories import make_session, morning
from tests.mail.letters import make_booking
from tests.replies import letters
from tests.replies.dovecot import Dovecot, Mailbox, NoDovecot, dovecot
from tests.worker.celery_programs import environment

pytestmark = pytest.mark.django_db

FLAGGED = b"\\Flagged"


def _or_say_why(problem: NoDovecot) -> None:
    if os.environ.get("REQUIRE_IMAP"):
        pytest.fail(f"The tests of the reply mailbox must run. {problem}")
    pytest.skip(f"The reply mailbox is not tested. {problem}")


@pytest.fixture(scope="module")
def imap_server() -> Iterator[Dovecot]:
    try:
        with dovecot() as server:
            yield server
    except NoDovecot as problem:
        _or_say_why(problem)


@pytest.fixture
def mailbox(imap_server: Dovecot, settings: Settings) -> Mailbox:
    """An empty mailbox that the site reads."""
    made = imap_server.new_mailbox()
    settings.REPLIES_MAILBOX = made.server
    return made


def test_what_is_understood_goes_and_what_is_not_stays_for_people(mailbox: Mailbox) -> None:
    booking = make_booking(make_session(starts_at=morning(21)))
    mailbox.deliver(
        letters.google_reply(booking, "ACCEPTED"),
        letters.question(),
        letters.holiday_notice(booking),
    )
    assert read_replies() == Round(done=2, listed=1)
    assert mailbox.flags() == [{FLAGGED}]
    assert len(mailbox.flags("Done")) == 2
    assert CalendarReply.objects.get().booking == booking


def test_nothing_is_marked_as_read(mailbox: Mailbox) -> None:
    mailbox.deliver(
        letters.question(),
        letters.google_reply(make_booking(make_session(starts_at=morning(21))), "ACCEPTED"),
    )
    read_replies()
    for folder in ("INBOX", "Done"):
        assert all(b"\\Seen" not in flags for flags in mailbox.flags(folder))


def test_a_listed_mail_is_not_looked_at_again(mailbox: Mailbox) -> None:
    mailbox.deliver(letters.question())
    assert read_replies() == Round(listed=1)
    assert read_replies() == Round()
    with mailbox.opened() as client:
        client.remove_flags(client.search("ALL"), [FLAGGED])
    assert read_replies() == Round(listed=1)
    received = ReceivedMail.objects.get()
    assert received.attempts == 1


def test_a_mail_that_was_acted_on_and_not_moved_is_only_moved(mailbox: Mailbox) -> None:
    booking = make_booking(make_session(starts_at=morning(21)))
    mailbox.deliver(letters.google_reply(booking, "DECLINED"))
    with ReplyMailbox.opened(mailbox.server) as opened:
        [uid] = opened.waiting()
        fetched = opened.fetch(uid)
        assert fetched is not None
        # The reader ends here, after its commit and before the mail is moved.
        assert take_in(fetched, now=timezone.now())
    assert read_replies() == Round(done=1)
    assert mailbox.flags() == []
    assert CalendarReply.objects.count() == 1
    assert Message.objects.filter(topic="booking.declined_in_calendar").count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("stop_before", ["take_in", "put_away"])
def test_a_reader_that_is_killed_loses_nothing_and_repeats_nothing(
    mailbox: Mailbox, stop_before: str
) -> None:
    booking = make_booking(make_session(starts_at=morning(21)))
    mailbox.deliver(letters.google_reply(booking, "DECLINED"))
    program = textwrap.dedent(
        f"""
        import os, signal, sys
        import django
        django.setup()
        from booking.replies import reading
        from booking.replies.reading import ReplyMailbox

        def stop(*arguments, **named):
            os.kill(os.getpid(), signal.SIGKILL)

        owner = reading if {stop_before!r} == "take_in" else ReplyMailbox
        setattr(owner, {stop_before!r}, stop)
        reading.read_replies()
        """
    )
    server = mailbox.server
    variables = {
        **environment(),
        "REPLIES_IMAP_URL": f"imap://{server.username}:only-for-tests@127.0.0.1:{server.port}",
    }
    killed = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, env=variables, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(mailbox.flags()) == 1
    assert read_replies() == Round(done=1)
    assert mailbox.flags() == []
    assert CalendarReply.objects.count() == 1
    assert Message.objects.filter(topic="booking.declined_in_calendar").count() == 1


def test_a_poisonous_mail_does_not_hold_up_the_others(mailbox: Mailbox) -> None:
    booking = make_booking(make_session(starts_at=morning(21)))
    poison = letters.google_reply(booking, "ACCEPTED", message_id="<p@mail.example>").replace(
        b"SEQUENCE:0", b"SEQUENCE:many\r\nRRULE:\xff\0"
    )
    mailbox.deliver(b"\0\xff", b"\r\n", poison, letters.google_reply(booking, "TENTATIVE"))
    found = read_replies()
    assert (found.done, found.trouble) == (1, "")
    assert CalendarReply.objects.get().partstat == "tentative"
    assert all(FLAGGED in flags for flags in mailbox.flags())


def test_a_mail_that_is_too_large_is_not_fetched_whole(mailbox: Mailbox) -> None:
    large = (
        letters.google_reply(make_booking(make_session(starts_at=morning(21))), "ACCEPTED")
        + b"x" * LARGEST_MAIL
    )
    mailbox.deliver(large)
    with ReplyMailbox.opened(mailbox.server) as opened:
        fetched = opened.fetch(opened.waiting()[0])
        assert fetched is not None
        assert (fetched.is_whole, len(fetched.raw) < 1000) == (False, True)
    assert read_replies() == Round(listed=1)
    assert not CalendarReply.objects.exists()
    assert ReceivedMail.objects.get().key.startswith("<g1@mail.gmail.com> ")


def test_a_server_without_move_is_served_too(imap_server: Dovecot, settings: Settings) -> None:
    with dovecot(capability="IMAP4rev1 UIDPLUS") as plain:
        mailbox = plain.new_mailbox()
        settings.REPLIES_MAILBOX = mailbox.server
        # Somebody has marked another mail as deleted, and may still want it back.
        mailbox.deliver(letters.question())
        with mailbox.opened() as client:
            client.delete_messages(client.search("ALL"))
        mailbox.deliver(
            letters.google_reply(make_booking(make_session(starts_at=morning(21))), "ACCEPTED")
        )
        assert read_replies() == Round(done=1)
        assert mailbox.flags() == [{b"\\Deleted"}]
        assert len(mailbox.flags("Done")) == 1


def test_a_mailbox_that_cannot_be_read_is_known(mailbox: Mailbox, settings: Settings) -> None:
    read_replies()
    read_at = MailboxState.current().read_at
    assert read_at is not None
    wrong = {**mailbox.server.__dict__, "password": "wrong"}
    closed = {**mailbox.server.__dict__, "port": free_port()}
    since = set()
    for changes in (wrong, closed):
        settings.REPLIES_MAILBOX = ImapServer(**changes)
        assert read_replies().trouble
        state = MailboxState.current()
        assert (state.read_at, bool(state.trouble)) == (read_at, True)
        assert "only-for-tests" not in state.trouble
        since.add(state.trouble_since)
        with pytest.raises(CommandError, match="could not be read"):
            call_command("read_replies", stdout=StringIO())
    assert len(since) == 1
    settings.REPLIES_MAILBOX = mailbox.server
    read_replies()
    assert (MailboxState.current().trouble, MailboxState.current().trouble_since) == ("", None)


def test_the_command_says_what_it_did(mailbox: Mailbox, settings: Settings) -> None:
    mailbox.deliver(
        letters.question(),
        letters.google_reply(make_booking(make_session(starts_at=morning(21))), "ACCEPTED"),
    )
    printed = StringIO()
    call_command("read_replies", stdout=printed)
    assert printed.getvalue() == "1 mail dealt with, 1 to be read.\n"


def test_without_a_mailbox_nothing_is_read(settings: Settings) -> None:
    settings.REPLIES_MAILBOX = None
    assert read_replies() == Round()
    printed = StringIO()
    call_command("read_replies", stdout=printed)
    assert "REPLIES_IMAP_URL is not set" in printed.getvalue()
    assert MailboxState.current().read_at is None
