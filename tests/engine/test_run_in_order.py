from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import count, islice

import pytest

from initcli.engine.local import borrow, run_in_order, useful_jobs

JOBS = pytest.mark.parametrize("jobs", [1, 2, 3, 4])


@JOBS
def test_results_come_in_the_order_of_the_items(jobs: int) -> None:
    def work(number: int) -> int:
        time.sleep(0.002 * (number % 3 == 0))
        return -number

    assert list(run_in_order(work, range(50), jobs)) == [-number for number in range(50)]


@JOBS
def test_no_items_give_no_results(jobs: int) -> None:
    assert not list(run_in_order(str, [], jobs))


@JOBS
def test_items_are_drawn_only_as_fast_as_results_are_taken(jobs: int) -> None:
    drawn = []

    def items() -> Iterator[int]:
        for number in count():
            drawn.append(number)
            yield number

    results = run_in_order(str, items(), jobs)
    assert list(islice(results, 3)) == ["0", "1", "2"]
    assert len(drawn) <= 3 + 4 * jobs
    results.close()  # type: ignore[attr-defined]


def reciprocal(number: int) -> float:
    return 1 / number


@JOBS
def test_an_exception_comes_after_the_results_before_it_and_ends_the_work(jobs: int) -> None:
    done: list[int] = []

    def work(number: int) -> float:
        done.append(number)
        return reciprocal(number)

    results = run_in_order(work, range(-5, 1_000_000), jobs)
    assert list(islice(results, 5)) == [1 / number for number in range(-5, 0)]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert len(done) < 100
    assert not [thread for thread in threading.enumerate() if "ThreadPool" in thread.name]


@JOBS
def test_an_exception_of_the_items_is_passed_on(jobs: int) -> None:
    with pytest.raises(ZeroDivisionError):
        list(run_in_order(str, map(reciprocal, range(-5, 5)), jobs))


def test_one_job_runs_in_the_callers_thread() -> None:
    threads = run_in_order(lambda _: threading.current_thread(), range(3), 1)
    assert set(threads) == {threading.current_thread()}


def test_a_buffer_is_reused_by_its_thread_and_slot_alone() -> None:
    one, other = borrow(0, 8), borrow(1, 8)
    one[:], other[:] = b"a" * 8, b"b" * 8
    assert borrow(0, 4) == b"aaaa"
    assert borrow(1, 8) == b"b" * 8
    elsewhere = list(run_in_order(lambda size: bytes(borrow(0, size)), [8, 8], 2))
    assert b"a" * 8 not in elsewhere


def test_a_buffer_grows_as_wanted() -> None:
    assert [len(borrow(7, size)) for size in (0, 3, 100, 5)] == [0, 3, 100, 5]


@pytest.mark.parametrize(
    ("nbytes", "tensors", "expected"),
    [(40_000, 1000, 1), (1 << 22, 1000, 4), (0, 0, 4), (40, 1, 1)],
)
def test_tiny_tensors_are_left_to_one_thread(nbytes: int, tensors: int, expected: int) -> None:
    assert useful_jobs(4, nbytes, tensors) == expected
