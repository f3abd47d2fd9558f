"""The connection to the mail server: kept open, given a rest when the server is in trouble."""

import contextlib
import random
import re
import smtplib
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import NoReturn

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import mailers
from django.core.mail.backends.smtp import EmailBackend

IDLE_SECONDS_BEFORE_PROBE = 5
# How long a server that is away, or refuses one message after another, is left alone.
REST_SECONDS = 10
REFUSALS_BEFORE_REST = 10
# RFC 5321, 4.2.3: the server says this and hangs up.
_SERVICE_CLOSING = 421
_GO_ON = 354


class RefusedByServer(Exception):
    """The mail server said no to one message. `for_good` tells a 5xx from a 4xx reply."""

    def __init__(self, reason: str, *, for_good: bool) -> None:
        super().__init__(reason)
        self.for_good = for_good


class Unreachable(Exception):
    """The mail server could not be talked to, or went away before it answered.

    `may_have_it` says that it may have been given the content by then.
    """

    def __init__(self, reason: str, *, may_have_it: bool = False) -> None:
        super().__init__(reason)
        self.may_have_it = may_have_it


class SmtpConnection:
    """One connection to the mail server, kept open from message to message.

    It also remembers how the server has been, so that one which is in trouble is asked again a few
    times a minute and not with every message that waits.
    """

    def __init__(self) -> None:
        mailer = mailers["smtp"]
        if not isinstance(mailer, EmailBackend):
            raise ImproperlyConfigured("The mailer named smtp must be Django's SMTP backend.")
        self._mailer = mailer
        self._last_used = 0.0
        self._is_fresh = False
        self._from = parseaddr(settings.MAIL_FROM)[1]
        self._refusals_in_a_row = 0
        self._rests_until: datetime | None = None
        self._refused_since: datetime | None = None
        # Since when there is trouble that concerns every message; none has been taken since.
        self.in_trouble_since: datetime | None = None

    def is_resting(self, *, now: datetime) -> bool:
        """Whether the server is left alone at this moment."""
        return self._rests_until is not None and now < self._rests_until

    def rest(self, *, now: datetime) -> None:
        """Leave the server alone for a while."""
        wait = REST_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311
        self._rests_until = now + timedelta(seconds=wait)
        if self.in_trouble_since is None:
            self.in_trouble_since = self._refused_since or now
        self._note_no_refusal()

    @property
    def refuses_everything(self) -> bool:
        """Whether the server has said "not now" to many messages and taken none in between."""
        return self._refusals_in_a_row >= REFUSALS_BEFORE_REST

    def open(self) -> bool:
        """Open the connection, or see that an idle one still answers; whether it is a new one.

        Raises `Unreachable`.
        """
        is_new = False
        idle = time.monotonic() - self._last_used
        with self._closed_on_trouble():
            if self._mailer.connection and idle > IDLE_SECONDS_BEFORE_PROBE:
                try:
                    self._mailer.connection.noop()
                except (smtplib.SMTPException, OSError):
                    self.close()
            if self._mailer.open():
                is_new = self._is_fresh = True
                # Now, and not within the time that a message is held for being sent.
                self._connection().ehlo_or_helo_if_needed()
        self._last_used = time.monotonic()
        return is_new

    def send(
        self,
        *,
        to_email: str,
        mime: bytes,
        now: datetime,
        renew: Callable[[], None],
        meanwhile: Callable[[], object],
    ) -> None:
        """Hand over one message on the open connection. Raises `RefusedByServer` or `Unreachable`.

        Servers end a connection that has lasted or carried enough. When it turns out before any
        content was handed over, the message goes over a new one. `renew` is called before that,
        because finding out and connecting may have taken long; what it raises ends the attempt.
        `meanwhile` is done while the server looks at the content, and must not raise.
        """
        try:
            recipient = self._mailer.prep_address(to_email)
        except ValueError as refusal:
            raise RefusedByServer(f"The address is not one: {refusal}", for_good=True) from refusal
        was_fresh, self._is_fresh = self._is_fresh, False
        with self._closed_on_trouble():
            try:
                try:
                    self._announce(recipient, size=len(mime))
                except Unreachable:
                    if was_fresh:
                        raise
                    self.open()
                    self._is_fresh = False
                    renew()
                    self._announce(recipient, size=len(mime))
                self._hand_over(mime, meanwhile)
            except RefusedByServer as refusal:
                if refusal.for_good:
                    self._note_no_refusal()
                else:
                    self._refused_since = self._refused_since or now
                    self._refusals_in_a_row += 1
                raise
        self._note_no_refusal()
        self._last_used = time.monotonic()

    def _note_no_refusal(self) -> None:
        self._refusals_in_a_row, self._refused_since = 0, None

    def close(self) -> None:
        """Let the connection go, whatever state it is in."""
        connection, self._mailer.connection = self._mailer.connection, None
        if connection is not None:
            connection.close()

    def _announce(self, recipient: str, *, size: int) -> None:
        """Say from whom and for whom the next message is."""
        with self._closed_on_trouble():
            connection = self._connection()
            options = [f"size={size}"] if connection.has_extn("size") else []
            self._expect_acceptance(*connection.mail(self._from, options))
            self._expect_acceptance(*connection.rcpt(recipient))

    def _hand_over(self, mime: bytes, meanwhile: Callable[[], object]) -> None:
        try:
            with self._closed_on_trouble():
                connection = self._connection()
                code, text = connection.docmd("data")
                if code != _GO_ON:
                    # Said before any content went out, so not even a 250 is an acceptance.
                    self._refuse(code, text)
                connection.send(_as_content(mime))
                meanwhile()
                self._expect_acceptance(*connection.getreply())
        except Unreachable as trouble:
            raise Unreachable(str(trouble), may_have_it=True) from trouble

    def _connection(self) -> smtplib.SMTP:
        connection = self._mailer.connection
        if not isinstance(connection, smtplib.SMTP):
            raise Unreachable("The connection is not open.")
        return connection

    def _expect_acceptance(self, code: int, text: bytes | str) -> None:
        if not 200 <= code < 300:
            self._refuse(code, text)

    def _refuse(self, code: int, text: bytes | str) -> NoReturn:
        words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        reply = f"{code} {words}"
        if code == _SERVICE_CLOSING or code < 400:
            # Hanging up, or not an answer to what was said.
            self.close()
            raise Unreachable(reply)
        with contextlib.suppress(smtplib.SMTPServerDisconnected):
            self._connection().rset()
        raise RefusedByServer(reply, for_good=code >= 500)

    @contextlib.contextmanager
    def _closed_on_trouble(self) -> Iterator[None]:
        """Close the connection when it breaks off, and say so as `Unreachable`.

        Closed as well whatever else stops us, a time limit for one: on a connection with an
        unread reply, each message would be given the answer to the one before.
        """
        try:
            yield
        except RefusedByServer:
            raise
        except (smtplib.SMTPException, OSError) as trouble:
            self.close()
            raise Unreachable(f"{type(trouble).__name__}: {trouble}") from trouble
        except BaseException:
            self.close()
            raise


def _as_content(mime: bytes) -> bytes:
    """The bytes, each dot that begins a line twice, and the end of all (RFC 5321, 4.5.2).

    Their lines end in CRLF already.
    """
    end = b".\r\n" if mime.endswith(b"\r\n") else b"\r\n.\r\n"
    return re.sub(rb"(?m)^\.", b"..", mime) + end
