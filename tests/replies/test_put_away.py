"""What is put away: what people away say, and receipts; nothing that may be a failure."""

import pytest

from tests.replies.receiving import FAILED, UNTOUCHED, State, became, is_marked, sent_confirmation

pytestmark = pytest.mark.django_db

READ: tuple[str, list[str], bool] = (State.DONE, [], False)
BY_A_PROGRAM = "From: {EMAIL}\nSubject: Automatic reply: x\nAuto-Submitted: auto-replied\n"
WORDS = [
    "Your mail was rejected.", "It is held for a moderator.", "Message held", "in quarantine.",
    "It was blocked.", "Your mail is being returned to you.", "We have not received your mail.",
    "The inbox of Ms Quill is full.", "This address is no longer valid.", "has left the council",
    "To see your mail delivered, verify you are human", "You are not on my whitelist",
    "Das Postfach ist voll.", "Ihre Nachricht wurde abgelehnt.", "zur\u00fcckgewiesen",
    "Die Adresse ist ung\u00fcltig.", "nicht angenommen", "Sa bo\u00eete est pleine.",
    "Votre message a \u00e9t\u00e9 refus\u00e9.", "n'est plus valide", "est bloqu\u00e9",
    "La casilla est\u00e1 llena", "messaggio respinto", "is geweigerd",
]  # fmt: skip


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("is_page", [False, True])
def test_what_nobody_away_says_is_listed(words: str, is_page: bool) -> None:
    if is_page:
        words = words.replace("\u00fc", "&uuml;").replace("\u00e9", "&eacute;").replace(" ", "\n")
    kind = "Content-Type: text/html\n" if is_page else ""
    assert became(f"{BY_A_PROGRAM}{kind}\n{words}\n", sent_confirmation()) == UNTOUCHED


@pytest.mark.parametrize(
    "words",
    [
        "I am away. If you have not received an answer by Monday, ring me.",
        "I have blocked out this week, and will answer when I have returned.",
        "Our conference is held in Leeds: Professional challenge.",
        "I am not available until Monday. You can reach me on 0113 555 0100.",
        "Ich bin nicht erreichbar. Je ne suis pas disponible.",
        "You wrote:\n> Ask us by e-mail. A place is held for you until Monday.",
    ],
)
def test_what_people_away_say_is_put_away(words: str) -> None:
    assert became(f"{BY_A_PROGRAM}\n{words}\n", sent_confirmation()) == READ


OF_A_STRANGER = (
    "From: Desk <desk@elsewhere.example>\nTo: training@briefed.example\n"
    "Subject: Automatic reply: x\nX-Auto-Response-Suppress: All\n{}\n"
)


@pytest.mark.parametrize(
    ("said", "becomes"),
    [
        ("\nWe have got it.", State.DONE),
        ("\nYour mail to {EMAIL} is with our postmaster.", State.LISTED),
        ("\n> From: Briefed <training@briefed.example>", State.LISTED),
        ("\n> Message-ID: {MID}", State.LISTED),
        ("In-Reply-To: {MID}\n\nWe have got it.", State.LISTED),
        (
            "\n" + "a@b.example " * 10 + "".join(f"a{n}@b.example " for n in range(201)),
            State.LISTED,
        ),
    ],
)
def test_a_program_of_a_stranger_that_names_what_is_ours_is_listed(said: str, becomes: str) -> None:
    state, events, _ = became(OF_A_STRANGER.replace("{}", said), sent_confirmation())
    assert (state, events) == (becomes, [])


@pytest.mark.parametrize(
    ("headers", "becomes"),
    [
        ("Auto-Submitted: auto-generated", State.LISTED),
        ("X-Auto-Generated: yes", State.LISTED),
        ("Auto-Submitted: auto-notified", State.LISTED),
        ("Auto-Submitted: auto-generated\nSubject: AUTO: Someone is out of the office", State.DONE),
    ],
)
def test_that_a_program_wrote_it_makes_no_notice(headers: str, becomes: str) -> None:
    text = f"From: {{EMAIL}}\n{headers}\n\nSee the attached file.\n"
    assert became(text, sent_confirmation())[0] == becomes


DELETED = (
    "Return-Path: <>\nFrom: {}\nSubject: {}\nAuto-Submitted: auto-replied (rejected)\n"
    "Content-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n"
    "--b\nContent-Type: text/plain\n\n{}\n\n"
    "--b\nContent-Type: message/disposition-notification\n\n"
    "Reporting-UA: x; Dovecot Mail Delivery Agent\nFinal-Recipient: rfc822; {{EMAIL}}\n"
    "Original-Message-ID: {{MID}}\n"
    "Disposition: automatic-action/MDN-sent-automatically; deleted\n\n--b--\n"
)
REJECTED = "Your message to <{{EMAIL}}> was automatically rejected:\nNo mail; please."
SUBSYSTEM = "Mail Delivery Subsystem <postmaster@far.example>"


@pytest.mark.parametrize(
    ("sender", "subject", "words", "becomes"),
    [
        (SUBSYSTEM, "Automatically rejected mail", REJECTED, FAILED),
        ("Filter <sieve@far.example>", "Rejected: You are booked", REJECTED, FAILED),
        ("{{EMAIL}}", "Rejected: You are booked", REJECTED, UNTOUCHED),
        ("{{EMAIL}}", "You are booked", "It was deleted.", UNTOUCHED),
        ("{{EMAIL}}", "Not read: x", "was deleted without being read on Monday", READ),
        ("{{EMAIL}}", "Nicht gelesen: x", "wurde ohne gelesen zu werden gel\u00f6scht", READ),
        (
            "{{EMAIL}}",
            "Non lu : x",
            "a \u00e9t\u00e9 supprim\u00e9 sans avoir \u00e9t\u00e9 lu",
            READ,
        ),
        ("{{EMAIL}}", "Not read: x", "deleted without being read: rejected", UNTOUCHED),
    ],
)
def test_a_refusal_by_a_filter_is_no_receipt(
    sender: str, subject: str, words: str, becomes: object
) -> None:
    message = sent_confirmation()
    text = DELETED.format(sender, subject, words).replace("{{", "{").replace("}}", "}")
    assert became(text, message) == becomes
    assert not is_marked(message)
    assert not message.came_back or "No mail; please." in message.last_error
