"""Tasks cover every value once, in file order, large tensors cut and small ones together."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from initcli.core.dtypes import DTYPES
from initcli.core.tensor import TensorSpec
from initcli.engine import plan
from initcli.engine.plan import Piece, Task, chunks, cuts, in_file_order, segments, tasks_of
from initcli.formats.storage.checkpoint import Shard, StoredTensor

CHUNK, SEGMENT = 64, 192
SERVING = [plan.CHUNK_BYTES, plan.SEGMENT_BYTES]
HEADER = 100


@pytest.fixture(autouse=True, scope="module")
def _small() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "CHUNK_BYTES", CHUNK)
        patch.setattr(plan, "SEGMENT_BYTES", SEGMENT)
        yield


def shard(name: str) -> Shard:
    return Shard(Path(name), 10**6, (0, 0, 0))


def laid_out(name: str, *tensors: tuple[str, int] | int) -> list[StoredTensor]:
    """Returns tensors as (dtype, values) one behind the other; a number is a gap of bytes."""
    place, file, laid = HEADER, shard(name), []
    for each in tensors:
        if isinstance(each, int):
            place += each
            continue
        spec = TensorSpec(f"{name}.{len(laid)}", DTYPES[each[0]], (each[1],))
        laid.append(StoredTensor(spec, file, place))
        place += spec.nbytes
    return laid


def shape(tasks: list[Task]) -> list[list[tuple[str, int, int]]]:
    return [
        [(piece.tensor.spec.name, piece.first, piece.count) for piece in task.pieces]
        for task in tasks
    ]


TENSOR = st.one_of(
    st.tuples(st.sampled_from(["F32", "I64", "U8"]), st.integers(0, 40)),
    st.tuples(st.just("U8"), st.integers(0, 600)),
    st.tuples(st.just("F4"), st.integers(0, 500).map(lambda half: 2 * half)),
    st.integers(1, 9),
)
FILES = st.lists(st.lists(TENSOR, max_size=12), min_size=1, max_size=3)


@given(FILES, st.randoms(use_true_random=False))
@settings(max_examples=200)
def test_every_value_is_read_once_in_file_order(
    files: list[list[tuple[str, int] | int]], random: object
) -> None:
    tensors = [each for n, file in enumerate(files) for each in laid_out(f"s{n}", *file)]
    mixed = tensors.copy()
    random.shuffle(mixed)  # type: ignore[attr-defined]
    tasks = list(tasks_of(mixed))
    pieces = [piece for task in tasks for piece in task.pieces]
    # Where one without values begins, another may begin too; which comes first is all the same.
    places = [(str(piece.tensor.shard.path), piece.tensor.offset) for piece in pieces]
    assert places == sorted(places)
    for tensor in tensors:
        ours = [piece for piece in pieces if piece.tensor is tensor]
        assert [piece.is_last for piece in ours] == [False] * (len(ours) - 1) + [True]
        assert ours[0].first == 0
        assert all(a.first + a.count == b.first for a, b in pairwise(ours))
        assert sum(piece.nbytes for piece in ours) == tensor.spec.nbytes
    for task in tasks:
        assert_whole(task)


def assert_whole(task: Task) -> None:
    """A task is part of one tensor, or whole tensors that one read brings."""
    assert task.pieces
    assert task.nbytes <= SEGMENT
    assert all(piece.first * piece.tensor.spec.dtype.bits % 8 == 0 for piece in task.pieces)
    if len(task.pieces) > 1:
        assert task.nbytes <= CHUNK
        assert all(piece.first == 0 and piece.is_last for piece in task.pieces)
        assert all(piece.tensor.shard is task.shard for piece in task.pieces)
        assert all(a.offset + a.nbytes == b.offset for a, b in pairwise(task.pieces))


PLANS = {
    "small ones together": (
        [("U8", 20), ("F32", 5), ("U8", 24)],
        [[("s.0", 0, 20), ("s.1", 0, 5), ("s.2", 0, 24)]],
    ),
    "as many as a chunk holds": (
        [("U8", 40), ("U8", 24), ("U8", 1)],
        [[("s.0", 0, 40), ("s.1", 0, 24)], [("s.2", 0, 1)]],
    ),
    "none across a gap": ([("U8", 4), 1, ("U8", 4)], [[("s.0", 0, 4)], [("s.1", 0, 4)]]),
    "a large one in segments": (
        [("F32", 100)],
        [[("s.0", 0, 48)], [("s.0", 48, 48)], [("s.0", 96, 4)]],
    ),
    "more than a chunk by itself": (
        [("U8", 8), ("U8", 65), ("U8", 8), ("U8", 8)],
        [[("s.0", 0, 8)], [("s.1", 0, 65)], [("s.2", 0, 8), ("s.3", 0, 8)]],
    ),
    "two values to a byte": (
        [("F4", 16), ("F4", 400)],
        [[("s.0", 0, 16)], [("s.1", 0, 384)], [("s.1", 384, 16)]],
    ),
    "one without values among others": (
        [("U8", 4), ("F32", 0), ("U8", 4)],
        [[("s.0", 0, 4), ("s.1", 0, 0), ("s.2", 0, 4)]],
    ),
    "nothing but one without values": ([("F32", 0)], [[("s.0", 0, 0)]]),
    "nothing": ([], []),
}


@pytest.mark.parametrize(("tensors", "expected"), PLANS.values(), ids=PLANS)
def test_a_plan(
    tensors: list[tuple[str, int] | int], expected: list[list[tuple[str, int, int]]]
) -> None:
    assert shape(list(tasks_of(laid_out("s", *tensors)))) == expected


def test_a_task_has_no_more_than_so_many_tensors() -> None:
    laid = laid_out("s", *[("U8", 0)] * 1100)
    assert [len(task.pieces) for task in tasks_of(laid)] == [512, 512, 76]


def test_shards_of_equal_places_are_apart() -> None:
    one, other = laid_out("one", ("U8", 8)), laid_out("other", ("U8", 8))
    assert [task.shard.path.name for task in tasks_of([*other, *one])] == ["one", "other"]
    assert in_file_order([*other, *one]) == [*one, *other]


def test_tensors_between_which_others_were_not_chosen_are_read_apart() -> None:
    first, _, last = laid_out("s", ("U8", 4), ("U8", 4), ("U8", 4))
    assert shape(list(tasks_of([last, first]))) == [[("s.0", 0, 4)], [("s.2", 0, 4)]]


@pytest.mark.parametrize(("code", "most"), [("F4", 128), ("U8", 64), ("F32", 16), ("F64", 8)])
def test_chunks_cover_a_piece_from_within(code: str, most: int) -> None:
    (tensor,) = laid_out("s", (code, 1000))
    found = list(chunks(Piece(tensor, 96, 500)))
    assert found[0].first == 96
    assert [piece.count for piece in found] == [most] * (500 // most) + [500 % most]
    assert all(a.offset + a.nbytes == b.offset for a, b in pairwise(found))
    assert all(piece.nbytes <= CHUNK for piece in found)


def test_a_tensor_without_values_has_one_piece() -> None:
    (tensor,) = laid_out("s", ("F32", 0))
    (piece,) = segments(tensor)
    assert (piece.first, piece.count, piece.nbytes, piece.is_last) == (0, 0, 0, True)
    assert list(chunks(piece)) == [piece]
    assert list(cuts(5, 0, 64, 32)) == [(5, 0)]


@pytest.mark.parametrize("nbytes", SERVING)
@pytest.mark.parametrize("code", DTYPES)
def test_what_is_read_at_once_is_whole_bytes(code: str, nbytes: int) -> None:
    bits = DTYPES[code].bits
    found = list(cuts(0, 10**8 + 2, nbytes, bits))
    assert all(first * bits % 8 == 0 and count * bits <= 8 * nbytes for first, count in found)
    assert sum(count for _, count in found) == 10**8 + 2
