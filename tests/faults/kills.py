"""Workers killed with -9, at random points and around the mail server's answer."""

import random
import signal
import threading
import time
from contextlib import ExitStack
from os import killpg

from booking.local.processes import GuardedProcess
from tests.faults.accounts_of_mail import (
    begin_anew,
    nothing_on_the_way,
    on_the_way,
    post_confirmations,
    settle,
)
from tests.faults.report import Row
from tests.faults.scale import Scale
from tests.faults.site import Site, children, kill, wait_until

# The lease of a message that was being handed over, and time to send what was left.
RECOVERED_WITHIN = 160.0
_ENOUGH_WAITING = 200
# Every so many kills take the whole worker program and not one of its processes.
_WHOLE_PROGRAM_EVERY = 5


def killed_workers(site: Site, scale: Scale) -> list[Row]:
    """Both kinds of kills."""
    return [_at_random(site, scale.kills_at_random), _around_reply(site, scale.kills_around_reply)]


def _at_random(site: Site, kills: int) -> Row:
    row = Row("worker killed at random", f"{kills} x kill -9")
    begin_anew(site, people=1_000)
    with ExitStack() as stack:
        beat = stack.enter_context(site.beat())
        workers = ExitStack()
        stack.enter_context(workers)
        worker = workers.enter_context(site.worker())
        for number in range(kills):
            if on_the_way() < _ENOUGH_WAITING:
                post_confirmations(_ENOUGH_WAITING)
            _wait_for_more(site, worker, beat)
            time.sleep(random.uniform(0, 0.4))
            if number % _WHOLE_PROGRAM_EVERY == 0:
                killpg(worker.pid, signal.SIGKILL)
                workers.pop_all().close()
                worker = workers.enter_context(site.worker())
            else:
                kill(random.choice(children(worker)))
        last = wait_until(nothing_on_the_way, worker, beat, seconds=2 * RECOVERED_WITHIN)
    row.took(last, at_most=RECOVERED_WITHIN)
    settle(row, site.mail.taken, most_duplicates=kills)
    row.notes.append(f"{len(site.mail.taken):,} mails meanwhile.")
    return row


def _wait_for_more(site: Site, *programs: GuardedProcess) -> None:
    """Until mail is leaving, so that the next kill hits somebody at work."""
    before = len(site.mail.taken)
    wait_until(lambda: len(site.mail.taken) > before, *programs, seconds=160, every=0.01)


def _around_reply(site: Site, kills: int) -> Row:
    row = Row("worker killed around SMTP's 250", f"{kills} x before, {kills} x after")
    begin_anew(site, people=1_000)
    # Enough that each kill, which leaves a batch claimed, finds others to send.
    post_confirmations(min(1_000, kills * 2 * 50))
    with site.worker(concurrency=1) as worker, site.beat() as beat:
        _wait_for_more(site, worker, beat)
        for number in range(2 * kills):
            _wait_for_more(site, worker, beat)
            armed = _Trap(children(worker))
            if number % 2:
                site.mail.before_reply = armed
            else:
                site.mail.after_reply = armed
            wait_until(armed.sprung.is_set, worker, beat, seconds=160, every=0.005)
            site.mail.before_reply = site.mail.after_reply = None
        last = wait_until(nothing_on_the_way, worker, beat, seconds=2 * RECOVERED_WITHIN)
    row.took(last, at_most=RECOVERED_WITHIN)
    settle(row, site.mail.taken, most_duplicates=kills)
    row.expect(row.duplicated > 0, "no kill hit the moment after the 250, so nothing was tried")
    return row


class _Trap:
    """Kills these processes the first time that it is called."""

    def __init__(self, pids: list[int]) -> None:
        self._pids = pids
        self.sprung = threading.Event()

    def __call__(self) -> None:
        if not self.sprung.is_set():
            for pid in self._pids:
                kill(pid)
            self.sprung.set()
