"""Runs work on threads and hands results back in order, so that they merge reproducibly."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 2
_FEW_BYTES = 1 << 12
_buffers = threading.local()


def default_jobs() -> int:
    """Returns as many threads as this process may use cores."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def useful_jobs(jobs: int, nbytes: int, tensors: int) -> int:
    """Returns how many threads are of use; one where tensors are so small that Python is busy.

    Args:
        jobs: As many as may be used.
        nbytes: What there is to read.
        tensors: Of how many tensors.
    """
    return 1 if nbytes < _FEW_BYTES * tensors else jobs


def run_in_order(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    jobs: int,
    stop: threading.Event | None = None,
) -> Iterator[Result]:
    """Yields `work(item)` for every item, in the order of the items.

    Args:
        work: Called on any thread.
        items: Drawn from only as fast as results are taken.
        jobs: Threads; with one, everything runs in the caller's.
        stop: Set when no more results are wanted, for work that takes long to look at.
    """
    if jobs == 1:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(jobs)
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) >= jobs * _AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        if stop:
            stop.set()
        pool.shutdown(cancel_futures=True)


def borrow(slot: int, size: int) -> memoryview:
    """Lends this thread's buffer of a slot; it is overwritten by the next borrower.

    Args:
        slot: Which of the thread's buffers; work on pairs needs two.
        size: Bytes wanted.
    """
    held: dict[int, bytearray] = _buffers.__dict__.setdefault("held", {})
    if len(held.setdefault(slot, bytearray())) < size:
        held[slot] = bytearray(size)
    return memoryview(held[slot])[:size]
