"""Workers together hold no more than they may, and none waits for ever."""

from __future__ import annotations

import threading
import time

import pytest

from initcli.engine.parts import Budget


def test_workers_hold_no_more_than_the_budget_together() -> None:
    budget, held, most = Budget(10), [0], [0]
    counting = threading.Lock()

    def work(count: int) -> None:
        with budget.lend(count):
            with counting:
                held[0] += count
                most[0] = max(most[0], held[0])
            time.sleep(0.005)
            with counting:
                held[0] -= count

    workers = [threading.Thread(target=work, args=[count]) for count in (4, 5, 6, 3, 10, 1) * 3]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert (held[0], any(worker.is_alive() for worker in workers)) == (0, False)
    assert 0 < most[0] <= 10


def test_what_exceeds_the_budget_is_produced_alone_but_never_keeps_chunks_waiting() -> None:
    budget = Budget(10)
    with budget.lend(25):
        with budget.lend(0):
            pass
        waiting = threading.Thread(target=lambda: budget.lend(1).__enter__())
        waiting.start()
        waiting.join(timeout=0.05)
        assert waiting.is_alive()
    waiting.join(timeout=60)
    assert not waiting.is_alive()


def test_a_worker_that_fails_gives_back_what_it_held() -> None:
    budget = Budget(10)
    with pytest.raises(MemoryError), budget.lend(10):
        raise MemoryError
    with budget.lend(10):
        pass
