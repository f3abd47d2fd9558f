"""The search of the programme: words, acronyms and typing errors over 500 sessions."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from django.test import RequestFactory
from django.utils import timezone

from booking.catalogue.models import Session
from booking.catalogue.searching import search
from tests.load import bare_urls
from tests.load.counting import Counting
from tests.load.report import Line, Target, percentile
from tests.programme.queries import MANY_THINGS, ONE_THING

_ON_A_PAGE = 20
_P95_MS = 15


def measure(seconds: float) -> Iterator[Line]:
    """The first page of what each of sixty queries finds, and how many there are."""
    words = [words for words, _ in [*ONE_THING, *MANY_THINGS]]
    key = Session.objects.values_list("pk", flat=True)[0]
    request = RequestFactory().get("/")
    bare = _times([lambda: bare_urls.one_query(request, key)], seconds)
    asked = [partial(_found, each) for each in words]
    with Counting() as counting:
        for ask in asked:
            ask()
    found = _times(asked, seconds)
    p95 = percentile(found, 0.95)
    yield Line(
        name="search of the programme",
        rate=1 / (sum(found) / len(found)),
        p50=percentile(found, 0.5),
        p99=percentile(found, 0.99),
        sql=f"{len(counting.statements) / len(asked):.1f}",
        reference="bare view, in this process",
        reference_rate=1 / (sum(bare) / len(bare)),
        target=Target(words=f"p95 < {_P95_MS} ms", met=p95 < _P95_MS),
        note=f"{len(words)} queries over {Session.objects.count()} sessions; p95 {p95:.1f} ms.",
    )


def _found(words: str) -> None:
    sessions = search(Session.objects.upcoming(now=timezone.now()), words).sessions
    sessions.count()
    list(sessions.for_rows()[:_ON_A_PAGE])


def _times(calls: Sequence[Callable[[], object]], seconds: float) -> list[float]:
    """How long each call took, in seconds, in turn for so long and at least once each."""
    times: list[float] = []
    until = time.monotonic() + seconds
    for number, call in enumerate(itertools.cycle(calls)):
        if number >= len(calls) and time.monotonic() > until:
            return times
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return times
