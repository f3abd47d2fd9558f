"""Workers killed with -9, at random points and around the mail server's answer."""

import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from os import killpg

from booking.local.processes import GuardedProcess
from booking.outbox.models import Message
from tests.faults.accounts_of_mail import begin_anew, nothing_on_the_way, post_confirmations, settle
from tests.faults.report import Row
from tests.faults.scale import Scale
from tests.faults.site import STARTED_WITHIN, Site, children, kill, wait_until

# The lease of a message that was being handed over, and time to send what was left.
RECOVERED_WITHIN = 160.0
# A worker that was killed is started anew, on a machine that is busy otherwise.
PATIENCE = 2 * STARTED_WITHIN
_ENOUGH_WAITING = 200
# Every so many kills take the whole worker program and not one of its processes.
_WHOLE_PROGRAM_EVERY = 5


def killed_workers(site: Site, scale: Scale) -> list[Row]:
    """Workers die at random points, then around the answer; afterwards nothing may be missing."""
    at_random, around = scale.kills_at_random, scale.kills_around_reply
    row = Row(
        "worker killed with -9",
        f"{at_random} x at random, {around} x before a 250, {around} x after",
    )
    begin_anew(site, people=1_000)
    with site.beat() as beat:
        with ExitStack() as workers:
            kill_at_random(site, workers, at_random, lambda one: _wait_for_more(site, one, beat))
        with site.worker(concurrency=1) as worker:
            _kill_around_reply(site, beat, worker, around)
            last = wait_until(nothing_on_the_way, worker, beat, seconds=2 * RECOVERED_WITHIN)
    row.took(last, at_most=RECOVERED_WITHIN)
    settle(row, site.mail.taken, most_duplicates=at_random + 2 * around)
    row.expect(row.duplicated > 0, "no kill hit the moment after a 250, so nothing was tried")
    row.notes.append(f"{len(site.mail.taken):,} mails meanwhile.")
    return [row]


def kill_at_random(
    site: Site,
    workers: ExitStack,
    kills: int,
    wait_for_more: Callable[[GuardedProcess], None],
) -> GuardedProcess:
    """Kill a worker's processes, now and then the whole of it; returns the one that is left.

    `wait_for_more` waits until mail is leaving, so that each kill hits somebody at work.
    """
    worker = workers.enter_context(site.worker())
    for number in range(kills):
        wait_for_more(worker)
        time.sleep(random.uniform(0, 0.4))
        if number % _WHOLE_PROGRAM_EVERY == 0:
            killpg(worker.pid, signal.SIGKILL)
            workers.pop_all().close()
            worker = workers.enter_context(site.worker())
        else:
            kill(random.choice(children(worker)))
    return worker


def _kill_around_reply(
    site: Site, beat: GuardedProcess, worker: GuardedProcess, kills: int
) -> None:
    for number in range(2 * kills):
        _wait_for_more(site, worker, beat)
        trap = _Trap(children(worker))
        if number % 2:
            site.mail.before_reply = trap
        else:
            site.mail.after_reply = trap
        wait_until(trap.sprung.is_set, worker, beat, seconds=PATIENCE, every=0.005)
        site.mail.before_reply = site.mail.after_reply = None


def _wait_for_more(site: Site, *programs: GuardedProcess) -> None:
    """Until mail is leaving, so that the next kill hits somebody at work."""
    _post_if_few_wait()
    before = len(site.mail.taken)
    wait_until(lambda: len(site.mail.taken) > before, *programs, seconds=PATIENCE, every=0.01)


def _post_if_few_wait() -> None:
    """A killed worker leaves a batch claimed; there must be others to send."""
    if Message.objects.filter(state=Message.State.WAITING).count() < _ENOUGH_WAITING:
        post_confirmations(_ENOUGH_WAITING)


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
