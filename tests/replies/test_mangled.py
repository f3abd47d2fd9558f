"""Mails that were damaged on their way, or by somebody who means harm.

Goes by chance: some hundreds each time, ten thousand in `make test-deep`.
"""

import base64
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable

import pytest
from django.db.models import prefetch_related_objects

from booking.outbox.models import Message
from booking.replies.incoming import Incoming
from booking.replies.models import ReceivedMail
from tests.replies.receiving import State, receive, sent_confirmation
from tests.replies.systems import MAILS

pytestmark = pytest.mark.django_db

IS_DEEP = os.environ.get("DEEP") == "1"
MANGLED = 2_500 if IS_DEEP else 200
# So many times, each at a processor of its own if there are several.
PARTS = 4 if IS_DEEP else 1
LONGEST_SECONDS = 0.2
REPORTS = ("matched", "late", "doubted")
type Chance = random.Random


def truncated(mail: bytes, chance: Chance) -> bytes:
    return mail[: chance.randrange(len(mail))]


def without_a_piece(mail: bytes, chance: Chance) -> bytes:
    start = chance.randrange(len(mail))
    return mail[:start] + mail[start + chance.randrange(200) :]


def with_a_piece_twice(mail: bytes, chance: Chance) -> bytes:
    start, end = sorted(chance.choices(range(len(mail)), k=2))
    return mail[:end] + mail[start:end] * chance.randrange(1, 20) + mail[end:]


def with_other_octets(mail: bytes, chance: Chance) -> bytes:
    octets = bytearray(mail)
    for _ in range(chance.randrange(1, 30)):
        octets[chance.randrange(len(octets))] = chance.choice(b'\0\r\n\x80\xff\x1b=<>;:"(@ a')
    return bytes(octets)


def with_other_line_ends(mail: bytes, chance: Chance) -> bytes:
    return mail.replace(b"\r\n", chance.choice([b"\n", b"\r", b"\r\r\n", b"\n\n", b"\r\n "]))


def with_wrong_boundaries(mail: bytes, chance: Chance) -> bytes:
    return mail.replace(b"boundary=", chance.choice([b"boundary=x", b'boundary="', b"edge="]))


def with_other_types(mail: bytes, chance: Chance) -> bytes:
    kinds = [
        b"text/plain",
        b"message/rfc822",
        b"multipart/mixed",
        b"x",
        b"text/html; charset=utf-7",
    ]
    return mail.replace(b"Content-Type: ", b"Content-Type: " + chance.choice(kinds) + b"; was=", 1)


def encoded_as_said(mail: bytes, chance: Chance) -> bytes:
    """The body in base64, as its header says, or as another says."""
    head, _, body = mail.partition(b"\r\n\r\n")
    said = chance.choice([b"base64", b"quoted-printable", b"x-uuencode", b"BASE64 "])
    return head + b"\r\nContent-Transfer-Encoding: " + said + b"\r\n\r\n" + base64.encodebytes(body)


def in_another_charset(mail: bytes, chance: Chance) -> bytes:
    head, _, body = mail.partition(b"\r\n\r\n")
    charset = chance.choice(["utf-16", "utf-32", "cp037", "utf-7"])
    return head + b"\r\n\r\n" + body.decode("utf-8", "replace").encode(charset, "replace")


def nested(mail: bytes, chance: Chance) -> bytes:
    for depth in range(chance.randrange(1, 40)):
        inside = chance.choice([b"message/rfc822", b"text/plain", b"message/delivery-status"])
        mail = (
            b"From: a@b.example\r\nAuto-Submitted: auto-replied\r\n"
            b"Content-Type: multipart/mixed; boundary=n%d\r\n\r\n--n%d\r\nContent-Type: %s\r\n\r\n"
            b"%s\r\n--n%d--\r\n" % (depth, depth, inside, mail, depth)
        )
    return mail


MANGLERS: list[Callable[[bytes, Chance], bytes]] = [
    truncated, without_a_piece, with_a_piece_twice, with_other_octets, with_other_line_ends,
    with_wrong_boundaries, with_other_types, encoded_as_said, in_another_charset, nested,
]  # fmt: skip


def made_up(chance: Chance, message: Message, number: int) -> tuple[str, bytes]:
    """The kind of a mail of some system about a message, and the mail, mangled once or more."""
    sent = chance.choice(MAILS)
    mail = sent.about(message, number=number)
    for mangle in chance.choices(MANGLERS, k=chance.choice([1, 1, 1, 2, 3])):
        mail = mangle(mail, chance) or b"x"
    return sent.kind, mail


def decoded(mail: bytes) -> str:
    """What a mail says in whichever encoding it was put."""
    said = [mail.decode(charset, "replace") for charset in ("latin-1", "utf-7", "cp037")]
    said += [mail.replace(b"\0", b"").decode("latin-1")]
    for run in re.findall(rb"(?:[A-Za-z0-9+/]{4,}={0,2}\s*)+", mail):
        letters = re.sub(rb"[^A-Za-z0-9+/]", b"", run)
        # The run may begin with what is no part of it.
        for start in range(4):
            whole = letters[start:][: (len(letters) - start) // 4 * 4]
            said.append(base64.b64decode(whole).replace(b"\0", b"").decode("latin-1"))
    return "\n".join(said)


@pytest.mark.deep
@pytest.mark.parametrize("part", range(PARTS))
def test_mangled_mails_stop_nothing_and_hide_no_failure(
    part: int, capsys: pytest.CaptureFixture[str]
) -> None:
    chance, message = random.Random(18 + part), sent_confirmation()
    assert message.booking is not None
    prefetch_related_objects([message.booking], "session__sittings")
    wrong, became, slowest = [], Counter[str](), 0.0
    held = 0
    for number in range(MANGLED):
        kind, mail = made_up(chance, message, number)
        started = time.thread_time()
        receive(mail)
        took = time.thread_time() - started
        slowest = max(slowest, took)
        read = ReceivedMail.objects.select_related("noted")
        received = read.get(key=Incoming.parse(mail).key)
        became[f"{received.state} {received.kind}"] += 1
        is_of_ours = received.noted is not None and received.noted.message_id == message.pk
        holds_ours = kind in REPORTS and message.to_email in decoded(mail)
        held += holds_ours
        if "could not be understood" in received.why or took > LONGEST_SECONDS:
            wrong.append(f"{number}: {took:.2f} s, {received.why}\n{mail[:2000]!r}")
        elif holds_ours and received.state == State.DONE and not is_of_ours:
            wrong.append(f"{number}: put away as {received.kind}\n{mail[:2000]!r}")
        elif kind not in REPORTS and received.noted is not None:
            wrong.append(f"{number}: taken for a report\n{mail[:2000]!r}")
    with capsys.disabled():
        sys.stdout.write(
            f"\n{MANGLED} mangled mails, {held} of them reports that name our recipient, slowest"
            f" {slowest:.3f} s: {dict(became)}\n"
        )
    assert not wrong, f"{len(wrong)} wrong:\n" + "\n".join(wrong[:10])


@pytest.mark.parametrize("boundary", ["undefined''abc", "idna''a%E9"])
def test_a_boundary_in_a_character_set_nobody_knows_stops_nothing(boundary: str) -> None:
    raw = f"Subject: Odd\r\nContent-Type: multipart/mixed; boundary*={boundary}\r\n\r\nHello\r\n"
    mail = Incoming.parse(raw.encode())
    assert (mail.is_whole, mail.mail["Subject"]) == (True, "Odd")
