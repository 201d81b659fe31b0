"""ONNX models that lie, and that ask for files elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cases import HUGE, REFUSED, SOUND, Case, case, cut, flipped
from onnx_bytes import external, message, model, number, tensor

OUTSIDE = [
    "../secret",
    "/etc/passwd",
    "//host/x",
    "./../secret",
    "a//b",
    "a/../../secret",
    "C:\\secret",
    "\\\\host\\x",
    "",
    ".",
    "..",
]

HOSTILE = {
    "no graph": model(graphs=0),
    "two graphs": model(tensor(), graphs=2),
    "two tensors of one name": model(tensor(), tensor()),
    "a type that is none": model(tensor(kind=99)),
    "a segment": model(tensor() + message(3, b"")),
    "values twice": model(tensor(data=message(9, bytes(16)) + message(4, bytes(16)))),
    "values one by one": model(tensor(data=(b"\x25" + bytes(4)) * 4)),
    "values too few": model(tensor(data=message(9, bytes(15)))),
    "values too many": model(tensor(data=message(4, bytes(20)))),
    "no values": model(tensor(data=b"")),
    "packed numbers too few": model(tensor(kind=7, data=message(7, b"\1\2\3"))),
    "packed numbers without end": model(tensor(kind=7, data=message(7, b"\xff" * 40))),
    "a packed number cut": model(tensor(kind=7, data=message(7, b"\1\2\3\x80"))),
    "65 dimensions": model(tensor(number(1, 1) * 65)),
    "a million dimensions": model(tensor(message(1, b"\1" * 1_000_000))),
    "a name that is not UTF-8": model(tensor(name=message(8, b"\xff"))),
    "a name of a megabyte": model(tensor(name=message(8, b"x" * 1_000_000))),
    **{f"a length of {n}": model(tensor(number(1, n))) for n in HUGE},
    **{f"lengths of {n}": model(tensor(number(1, n) * 4)) for n in (2**16, 2**32)},
    **{f"a tensor of {n} bytes": number(1, 8) + message(7, message(5, b"x", n)) for n in HUGE},
    **{f"a graph of {n} bytes": number(1, 8) + message(7, b"x", n) for n in HUGE},
    **{f"values of {n} bytes": model(tensor(data=message(9, bytes(16), n))) for n in HUGE},
    **{
        f"an offset of {text[:9]}": model(tensor(data=external(location="w", offset=text)))
        for text in ("-1", "1e3", "\u0662", "9" * 5000, "1000000", str(2**64))
    },
    "a length that is another": model(tensor(data=external(location="w", length="15"))),
    "a file that is absent": model(tensor(data=external(location="absent"))),
    "a wire type that is none": number(1, 8) + b"\x3b",
    "a field number of zero": number(1, 8) + b"\x3a\x02\x00\x00",
    "a number without end": number(1, 8) + b"\x3a" + b"\xff" * 20,
}


def nested(depth: int) -> bytes:
    """Returns a graph in a node of a graph, and so on."""
    graph = message(5, tensor(name=message(8, b"inner")))
    for _ in range(depth):
        graph = message(1, message(2, b"y") + message(5, message(6, graph)))
    return number(1, 8) + message(7, message(5, tensor()) + graph)


LARGE: dict[str, tuple[Callable[[], bytes], int]] = {
    "three million graphs": (lambda: number(1, 8) + b"\x3a\0" * 3_000_000, REFUSED),
    "a million values one by one": (
        lambda: model(tensor(data=(b"\x25" + bytes(4)) * 1_000_000)),
        REFUSED,
    ),
    "ten million fields": (
        lambda: number(1, 8) + message(7, b"\x0a\0" * 10_000_000),
        REFUSED,
    ),
    "values in many parts": (lambda: model(tensor(data=message(4, bytes(4)) * 300_000)), REFUSED),
    "much said of external data": (
        lambda: model(
            tensor(data=external(**{f"k{n}": "x" * 60_000 for n in range(500)}, location="absent"))
        ),
        REFUSED,
    ),
    "a million sparse tensors": (
        lambda: number(1, 8) + message(7, message(5, tensor()) + message(15, b"") * 1_000_000),
        SOUND,
    ),
    "a hundred thousand constants": (
        lambda: (
            number(1, 8)
            + message(
                7,
                message(5, tensor())
                + b"".join(
                    message(1, message(2, b"%d" % n) + message(5, message(5, tensor())))
                    for n in range(100_000)
                ),
            )
        ),
        SOUND,
    ),
    "graphs 19 deep": (lambda: nested(19), SOUND),
    "graphs 5,000 deep": (lambda: nested(5000), SOUND),
}
"""What is large, made when it is needed, and how a command on it ends."""


def hostile_onnx() -> Iterator[Case]:
    """Yields models, some with files beside them."""
    yield case("sound", model(tensor()), SOUND)
    yield case("texts", model(tensor(kind=8, data=message(6, b"a"))), SOUND)
    for name, (make, exit_code) in LARGE.items():
        yield Case(name, make, (exit_code,))
    for name, raw in HOSTILE.items():
        yield case(name, raw)
    for location in OUTSIDE:
        raw = model(tensor(data=external(location=location)))
        yield case(f"values at {location[:20]!r}", raw)
    graph = model(tensor(), tensor(kind=7, name=message(8, b"v"), data=message(7, b"\1\2\3\4")))
    # Behind the graph stands which operators it uses, which nothing here reads.
    yield from cut("a model", graph, range(len(graph) - len(message(8, number(2, 20)))))
    yield from flipped("a model", graph, 80, seed=10)
