"""Safetensors files that break the format's written rules, or use them to the full."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial

from cases import HUGE, REFUSED, SOUND, Case, case, cut, flipped, near
from hostile import HOSTILE

LIMIT = 100_000_000
TURNING = "\u202e" * 300_000


def entry(shape: object = (4,), begin: object = 0, end: object = 16, dtype: object = "F32") -> str:
    """Returns what a header says of a tensor."""
    return json.dumps({"dtype": dtype, "shape": shape, "data_offsets": [begin, end]})


def safetensors(header: str | bytes, data: bytes = bytes(16), length: int | None = None) -> bytes:
    """Returns a file, which may lie about its header's length."""
    raw = header.encode("utf-8", "surrogatepass") if isinstance(header, str) else header
    return (len(raw) if length is None else length).to_bytes(8, "little") + raw + data


W = f'"w":{entry()}'
SOUND_FILE = safetensors(
    f'{{"__metadata__":{{"k":"v"}},{W},"v":{entry([2, 1], 16, 24)}}}', bytes(24)
)


def of_one(**told: object) -> bytes:
    """Returns a file of one tensor, of which something else is told."""
    return safetensors(f'{{"w":{entry(**told)}}}')


def _lengths() -> Iterator[tuple[str, bytes]]:
    for size in (*HUGE, LIMIT, LIMIT + 1, 0, 1, len(W), 10_000):
        yield f"a header of {size} bytes", safetensors(f"{{{W}}}", length=size)


def _texts() -> Iterator[tuple[str, bytes]]:
    for depth in (1_000, 100_000, 1_000_000):
        yield f"lists {depth} deep", safetensors('{"w":' + "[" * depth + "]" * depth + "}")
        yield f"objects {depth} deep", safetensors('{"w":' * depth + "1" + "}" * depth)
        yield f"{depth} lists left open", safetensors('{"w":' + "[" * depth)
    for what in ("NaN", "Infinity", "-Infinity", "1e999", "01", "+1", "'w'", "undefined", "// x"):
        yield f"the value {what}", safetensors(f'{{{W},"v":{what}}}')
        yield f"a shape of {what}", safetensors(f"{{{W.replace('[4]', f'[{what}]')}}}")
    yield (
        "a number of 100,000 digits",
        safetensors(W.replace("[4]", f"[{'9' * 100_000}]").join("{}")),
    )
    yield "not JSON", safetensors("x" * 100)
    yield "a list", safetensors(f"[{entry()}]")
    yield "a number", safetensors("1" * 20)
    yield "a text", safetensors('"w"')
    yield "nothing but spaces", safetensors(" " * 100)
    yield "something behind the object", safetensors(f"{{{W}}}x")
    yield "two objects", safetensors(f"{{{W}}}{{}}")
    yield "a byte-order mark", safetensors(f"\ufeff{{{W}}}")
    yield "UTF-16", safetensors(f"{{{W}}}".encode("utf-16-le"))
    yield "Latin-1", safetensors(f"{{{W.replace('w', 'ü')}}}".encode("latin-1"))
    yield "an encoded surrogate", safetensors(f"{{{W.replace('w', chr(0xD800))}}}")
    yield "an escaped surrogate", safetensors(f"{{{W.replace('w', chr(92) + 'ud800')}}}")
    yield "a raw control character", safetensors(f"{{{W.replace('w', chr(27))}}}")
    yield "10 MB of lists", safetensors('{"w":[' + "[]," * 3_000_000 + "[]]}")
    yield "100 MB of lists", safetensors('{"w":[' + "[]," * 33_000_000 + "[]]}")
    yield "100 MB of objects", safetensors('{"w":[' + "{}," * 33_000_000 + "{}]}")
    yield "10 MB of numbers", safetensors('{"w":[' + "1," * 5_000_000 + "1]}")
    yield "10 MB of keys", safetensors(_keys(500_000))


def _keys(count: int) -> str:
    return "{" + ",".join(f'"{number:08}":null' for number in range(count)) + "}"


def _twice() -> Iterator[tuple[str, bytes]]:
    yield "one name twice", safetensors(f"{{{W},{W}}}")
    yield (
        "one name twice, elsewhere",
        safetensors(f'{{{W},"w":{entry(begin=16, end=32)}}}', bytes(32)),
    )
    yield "one name twice, escaped", safetensors(f'{{{W},"\\u0077":{entry()}}}')
    yield "metadata twice", safetensors(f'{{"__metadata__":{{}},"__metadata__":{{}},{W}}}')
    yield "a key of metadata twice", safetensors(f'{{"__metadata__":{{"k":"1","k":"2"}},{W}}}')
    for key, value in (("dtype", '"F32"'), ("shape", "[4]"), ("data_offsets", "[0,16]")):
        told = f'"{key}": {value}'
        yield f"{key} twice", safetensors(f"{{{W.replace('{', '{' + told + ',', 1)}}}")


def _layouts() -> Iterator[tuple[str, bytes]]:
    def two(begin: int, end: int, size: int = 32) -> bytes:
        return safetensors(f'{{{W},"v":{entry([(end - begin) // 4], begin, end)}}}', bytes(size))

    yield "two tensors over one range", two(0, 16, 16)
    yield "an overlap of one byte", two(15, 31, 31)
    yield "a hole of one byte", two(17, 33, 33)
    yield "a hole at the begin", of_one(begin=1, end=17)
    yield "a byte too many", safetensors(f"{{{W}}}", bytes(17))
    yield "a byte too few", safetensors(f"{{{W}}}", bytes(15))
    yield "a range that runs backwards", of_one(begin=16, end=0)
    for size in HUGE:
        yield f"a begin at {size}", of_one(begin=size, end=size + 16)
        yield f"an end at {size}", of_one(end=size)
        yield f"both at {size}", of_one(shape=[0], begin=size, end=size)
        yield f"a length of {size}", of_one(shape=[size])
        yield f"a length of {size} and its bytes", of_one(shape=[size], end=size * 4)
        yield f"lengths of {size}, and none", of_one(shape=[size, size, 0, size], end=16)


def _fields() -> Iterator[tuple[str, bytes]]:
    odd = (None, True, -1, 0.5, 1e300, "4", [], {}, [4], [None], [True], [-4], [4.0], ["4"], 2**70)
    for value in odd:
        yield f"a dtype {value!r}", of_one(dtype=value)
        if value != [4]:
            yield f"a shape {value!r}", of_one(shape=value, end=32)
        yield f"an offset {value!r}", of_one(begin=value)
        yield f"an entry {value!r}", safetensors(json.dumps({"w": value}))
        yield (
            f"metadata {value!r}",
            safetensors(
                f'{{"__metadata__":{json.dumps({"k": value})},{W}}}'
                if value != "4"
                else f'{{"__metadata__":"4",{W}}}'
            ),
        )
    for word in ("f32", "F31", "", "F32 ", "U128", "__proto__", "x" * 1_000_000):
        yield f"a dtype {word[:9]!r}", of_one(dtype=word)
    for key in ("dtype", "shape", "data_offsets"):
        yield f"no {key}", safetensors(f"{{{W.replace(key, 'other')}}}")
    for count in (0, 1, 3):
        told = json.dumps({"dtype": "F32", "shape": [4], "data_offsets": [0, 16, 16][:count]})
        yield f"{count} offsets", safetensors(f'{{"w":{told}}}')
    wraps = ([2**32, 2**32], [2**63, 2], [2**33, 2**31, 4], [2**61, 1], [2**16] * 4, [3] * 41)
    for shape in wraps:
        yield f"a product of {shape[:4]}", of_one(shape=shape)
        yield f"a product of {shape[:4]} and no bytes", of_one(shape=shape, end=0)
    yield "a shape of 100,000 dimensions", of_one(shape=[2] * 100_000)
    yield "half a byte", of_one(shape=[3], dtype="F4", end=1)


def _names() -> Iterator[tuple[str, bytes]]:
    for number, name in enumerate(HOSTILE):
        yield f"name {number}", safetensors(f"{{{json.dumps(name)}:{entry()}}}")
        told = json.dumps({name: name})
        yield f"metadata {number}", safetensors(f'{{"__metadata__":{told},{W}}}')
    yield "a name of a megabyte", safetensors(f'{{"{"x" * 1_000_000}":{entry()}}}')
    yield "a name of a megabyte that acts", safetensors(f'{{"{TURNING}":{entry()}}}')
    yield "metadata of a megabyte", safetensors(f'{{"__metadata__":{{"k":"{"x" * 10**6}"}},{W}}}')
    yield "100,000 dimensions of one", of_one(shape=[1] * 100_000 + [4])
    yield "20,000 tensors of nothing", safetensors(_empty(20_000), b"")
    yield "no tensor", safetensors("{}", b"")
    yield "a header padded to 10 MB", safetensors(f"{{{W}}}".ljust(10_000_000))


def _large() -> Iterator[Case]:
    """Yields headers as large as the format allows, made when they are needed."""
    told = '"__metadata__":{"k":"%s"}'
    ones = "1" + ",1" * 49_000_000
    for name, exits, make in (
        ("metadata of 99 MB", (SOUND,), lambda: told % ("x" * 99_000_000)),
        ("metadata of 99 MB, wide", (REFUSED,), lambda: told % ("x" * 98_000_000 + "\U0001f600")),
        ("seven million keys of metadata", (REFUSED,), lambda: f'"__metadata__":{_texts_by_key()}'),
        ("metadata of 90 MB, wide in 400,000 parts", (REFUSED,), _wide_parts),
        ("a shape of 49 million ones", (REFUSED,), lambda: f'"v":{{"shape":[{ones}]}}'),
        ("100 MB in a further field", (REFUSED,), lambda: f'"v":{{"x":[{ones}]}}'),
        ("a name of 99 MB", (REFUSED,), lambda: f'"{"x" * 99_000_000}":{entry([0], 16)}'),
    ):
        yield Case(name, partial(_beside, make), exits)


def _beside(make: Callable[[], str]) -> bytes:
    return safetensors(f"{{{make()},{W}}}")


def _wide_parts() -> str:
    each = "x" * 220 + "\U0001f600"
    parts = (f'"{number}":"{number}{each}"' for number in range(380_000))
    return '"__metadata__":{' + ",".join(parts) + "}"


def _texts_by_key() -> str:
    return "{" + ",".join(f'"{number}":""' for number in range(7_000_000)) + "}"


def _empty(count: int) -> str:
    one = json.dumps({"dtype": "F32", "shape": [0], "data_offsets": [0, 0]})
    return "{" + ",".join(f'"w{number}":{one}' for number in range(count)) + "}"


def hostile_headers() -> Iterator[Case]:
    """Yields whole files."""
    yield case("sound", SOUND_FILE, SOUND)
    for group in (_lengths, _texts, _twice, _layouts, _fields):
        for name, raw in group():
            yield case(name, raw)
    for name, raw in _names():
        yield case(name, raw, SOUND)
    yield from _large()
    marks = (b"{", b"__metadata__", b'"k"', b'"v"}', b'"w"', b"dtype", b"shape", b"data_offsets")
    header = len(SOUND_FILE) - 24
    places = {*range(10), *near(SOUND_FILE, *marks), *range(header - 2, header + 24)}
    yield from cut("a file", SOUND_FILE, places)
    yield from flipped("a file", SOUND_FILE, 100, seed=4)
