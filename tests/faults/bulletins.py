"""Workers killed with -9 while a bulletin leaves: everybody gets it, and once."""

from contextlib import ExitStack

from django.utils import timezone

from booking.bulletins import sending
from booking.bulletins.models import Bulletin
from booking.local.processes import GuardedProcess
from booking.outbox.models import Message
from tests.faults.accounts_of_mail import settle
from tests.faults.kills import PATIENCE, RECOVERED_WITHIN, kill_at_random
from tests.faults.report import Row
from tests.faults.scale import Scale
from tests.faults.site import Site, wait_until
from tests.load import crowd
from tests.load.bulletins import july_for

# Seconds over every answer, so that a bulletin leaves for longer than the kills take.
_PAUSE = 0.01


def killed_workers(site: Site, scale: Scale) -> list[Row]:
    """Workers die at random points of it; a duplicate is explained by a kill alone."""
    kills, readers = scale.kills_in_bulletin, scale.readers_of_bulletin
    row = Row("worker killed while a bulletin leaves", f"{kills} x at random, {readers:,} readers")
    crowd.clear()
    site.mail.forget()
    bulletin = july_for(readers)
    site.mail.pause = _PAUSE
    sending.send(bulletin=bulletin, expected_revision=bulletin.revision, now=timezone.now())

    def has_left() -> bool:
        return Bulletin.objects.filter(pk=bulletin.pk, state=Bulletin.State.SENT).exists()

    def wait_for_more(worker: GuardedProcess) -> None:
        before = len(site.mail.taken)
        wait_until(
            lambda: len(site.mail.taken) > before, worker, beat, seconds=PATIENCE, every=0.01
        )

    with site.beat() as beat, ExitStack() as workers:
        worker = kill_at_random(site, workers, kills, wait_for_more)
        row.expect(not has_left(), "it had left before the last kill")
        site.mail.pause = 0.0
        last = wait_until(has_left, worker, beat, seconds=2 * RECOVERED_WITHIN)
    row.took(last, at_most=RECOVERED_WITHIN)
    settle(row, site.mail.taken, most_duplicates=kills)
    row.expect_equal("addresses that got it", len({m.recipient for m in site.mail.taken}), readers)
    copies = Message.objects.filter(topic=sending.ISSUE).count()
    row.expect_equal("copies in the outbox", copies, readers)
    return [row]
