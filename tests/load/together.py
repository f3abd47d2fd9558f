"""Work done in several processes that begin at the same moment."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from threading import Barrier
from typing import Any

import django

_PATIENCE_SECONDS = 60.0
_barrier: Barrier | None = None


def _start(barrier: Barrier) -> None:
    # Before any work is unpickled, because unpickling imports modules that need the models.
    global _barrier
    django.setup()
    _barrier = barrier


def meet() -> None:
    """Wait until every process is as far; called once by each, when it is ready to begin."""
    if _barrier is not None:
        _barrier.wait(_PATIENCE_SECONDS)


def in_processes[Result](count: int, work: Callable[..., Result], *given: Any) -> list[Result]:
    """What `work(number, *given)` returns in each of `count` processes; `number` counts from 0."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        count, mp_context=context, initializer=_start, initargs=(context.Barrier(count),)
    ) as pool:
        promised = [pool.submit(work, number, *given) for number in range(count)]
        return [each.result() for each in promised]
