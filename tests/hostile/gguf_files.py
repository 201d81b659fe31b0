"""GGUF files that lie about lengths, counts, kinds and places."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from cases import SOUND, Case, case, cut, flipped
from gguf_bytes import ARRAY, STRING, array, gguf, pair, tensor, text

SOUND_FILE = gguf(
    [tensor(), tensor(b"q", (64, 2), 8, 32)],
    [
        pair(b"general.name", STRING, text(b"model")),
        pair(b"tokens", ARRAY, array(STRING, 3, text(b"a") + text(b"bc") + text(b""))),
        pair(b"nested", ARRAY, array(ARRAY, 1, array(4, 2, bytes(8)))),
    ],
    bytes(32 + 4 * 34),
)
LARGE = [2**31, 2**32, 2**63, 2**64 - 1]


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


def aligned(value: int, kind: int = 4, form: str = "<I") -> bytes:
    return gguf([tensor()], [pair(b"general.alignment", kind, struct.pack(form, value))])


HOSTILE: dict[str, Callable[[], bytes]] = {
    **{f"{n} tensors": lambda n=n: gguf(counts=(n, 0)) for n in LARGE},
    **{f"{n} keys": lambda n=n: gguf(counts=(0, n)) for n in LARGE},
    **{f"a key of {n}": lambda n=n: gguf(pairs=[text(b"k", n)]) for n in LARGE},
    **{f"a name of {n}": lambda n=n: gguf([text(b"w", n)]) for n in LARGE},
    **{
        f"a text of {n}": lambda n=n: gguf([tensor()], [pair(b"k", STRING, text(b"v", n))])
        for n in LARGE
    },
    **{
        f"{n} values of kind {kind}": lambda n=n, kind=kind: gguf(
            [tensor()], [pair(b"k", ARRAY, array(kind, n))]
        )
        for n in LARGE
        for kind in (0, 4, 12, STRING, ARRAY)
    },
    **{
        f"metadata of kind {kind}": lambda kind=kind: gguf([tensor()], [pair(b"k", kind, u32(0))])
        for kind in (13, 255, 2**31, 2**32 - 1)
    },
    "an array of an unknown kind": lambda: gguf([tensor()], [pair(b"k", ARRAY, array(99, 1))]),
    "arrays 100,000 deep": lambda: gguf([tensor()], [pair(b"k", ARRAY, array(ARRAY, 1) * 100_000)]),
    "two keys of one name": lambda: gguf([tensor()], [pair(b"k", 0, b"\1")] * 2),
    "two tensors of one name": lambda: gguf([tensor(), tensor(offset=32)], data=bytes(64)),
    "a key that is not UTF-8": lambda: gguf([tensor()], [pair(b"\xff", 0, b"\1")]),
    "a name that is not UTF-8": lambda: gguf([tensor(b"\xff")]),
    **{f"{n} dimensions": lambda n=n: gguf([tensor(dimensions=n)]) for n in (5, 64, 2**32 - 1)},
    **{f"a length of {n}": lambda n=n: gguf([tensor(shape=(n,))]) for n in LARGE},
    **{f"lengths of {n}": lambda n=n: gguf([tensor(shape=(n, n, n, n))]) for n in (2**16, 2**32)},
    "a product that wraps": lambda: gguf([tensor(shape=(2**32 + 1, 2**32 - 1))]),
    **{f"an offset of {n}": lambda n=n: gguf([tensor(offset=n)]) for n in (32, *LARGE)},
    "an offset between two multiples": lambda: gguf([tensor(offset=4)], data=bytes(64)),
    "two tensors over one range": lambda: gguf([tensor(), tensor(b"v")]),
    "a partial overlap": lambda: gguf(
        [tensor(shape=(16,)), tensor(b"v", offset=32)], data=bytes(64)
    ),
    "a row that no block fills": lambda: gguf([tensor(shape=(31, 4), number=2)], data=bytes(500)),
    "a quantised scalar": lambda: gguf([tensor(shape=(), number=2)], data=bytes(500)),
    **{f"a type of {n}": lambda n=n: gguf([tensor(number=n)]) for n in (4, 5, 31, 2**32 - 1)},
    **{f"an alignment of {n}": lambda n=n: aligned(n) for n in (0, 3, 33, 2**31, 2**32 - 1)},
    "an alignment of -8": lambda: aligned(-8, 5, "<i"),
    "an alignment of 0.5": lambda: aligned(0, 6, "<I"),
    "an alignment that is a text": lambda: gguf(
        [tensor()], [pair(b"general.alignment", STRING, text(b"\xd9\xa8"))]
    ),
    "an alignment of 5,000 digits": lambda: gguf(
        [tensor()], [pair(b"general.alignment", STRING, text(b"8" * 5000))]
    ),
    "nothing behind the magic": lambda: b"GGUF",
    "60 MB of empty texts": lambda: gguf(
        [tensor()], [pair(b"k", ARRAY, array(STRING, 7_500_000, bytes(8 * 7_500_000 - 8)))]
    ),
    "300,001 tensors": lambda: gguf(counts=(300_001, 0), data=bytes(24 * 300_001)),
}


def _many_texts() -> bytes:
    texts = array(STRING, 7_500_000, bytes(8 * 7_500_000))
    return gguf([tensor()], [pair(b"k", ARRAY, texts)])


def _acting() -> bytes:
    name = "\x1b[31m\u202e\n::error::forged".encode()
    return gguf([tensor(name)], [pair(name, STRING, text(name))])


def _long_texts() -> bytes:
    pairs = [pair(b"k%d" % n, STRING, text(b"\xff" * 60_000)) for n in range(1000)]
    return gguf([tensor()], pairs)


def hostile_gguf() -> Iterator[Case]:
    """Yields whole files."""
    yield case("sound", SOUND_FILE, SOUND)
    for name, make in HOSTILE.items():
        yield Case(name, make)
    yield Case("seven million texts", _many_texts, (SOUND,))
    yield Case("60 MB of metadata that is no UTF-8", _long_texts, (SOUND,))
    yield case("a name that acts", _acting(), SOUND)
    yield from cut("a file", SOUND_FILE, range(0, len(SOUND_FILE), 3))
    yield from flipped("a file", SOUND_FILE, 120, seed=6)
