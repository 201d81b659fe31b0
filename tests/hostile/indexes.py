"""Sharded checkpoints whose index or shards lie."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from cases import SOUND, Case, Content, case, cut, flipped
from headers import entry, safetensors
from hostile import HOSTILE

INDEX = "model.safetensors.index.json"
SHARDS: Mapping[str, Content] = {
    "1.safetensors": safetensors(f'{{"a":{entry()}}}'),
    "2.safetensors": safetensors(f'{{"b":{entry()}}}'),
}
AGREED = {"a": "1.safetensors", "b": "2.safetensors"}
OUTSIDE = (
    *(
        "../w/1.safetensors",
        "../1.safetensors",
        "../../../../etc/passwd",
        "/etc/passwd",
        "/dev/zero",
    ),
    *("./1.safetensors", "sub/1.safetensors", "..\\1.safetensors", "C:1.safetensors", "C:\\x"),
    *(
        "\\\\server\\share\\x",
        "//server/share",
        "file:///etc/passwd",
        "https://example.org/x",
        "~/x",
    ),
    *("", ".", "..", "...", " ", "1.safetensors\0", "\0", "CON", "NUL", "x" * 256, "x" * 1_000_000),
    *("1.safetensors/", "1.safetensors/.", "\u2025/x", "%2e%2e/x", "$HOME", "-", "|touch ran", "*"),
)


def sharded(index: bytes, **shards: Content) -> Content:
    """Returns a directory of an index and two shards, of which some may be others."""
    return {
        INDEX: index,
        **SHARDS,
        **{f"{name[1:]}.safetensors": each for name, each in shards.items()},
    }


def told(weight_map: object, **more: object) -> bytes:
    """Returns an index."""
    return json.dumps({"weight_map": weight_map, **more}).encode()


def link(to: str) -> Content:
    """Returns what makes a symlink."""
    return lambda path: path.symlink_to(to)


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _maps() -> Iterator[tuple[str, object]]:
    for name in OUTSIDE:
        yield f"a shard called {name[:30]!r}, of {len(name)}", AGREED | {"c": name}
    for value in (None, 1, True, [], ["1.safetensors"], 0.5):
        yield f"a shard called {value!r}", AGREED | {"c": value}
        yield f"a map that is {value!r}", value
    yield "itself as a shard", AGREED | {"c": INDEX}
    yield "a tensor that is nowhere", AGREED | {"c": "1.safetensors"}
    yield "a tensor that is elsewhere", AGREED | {"a": "2.safetensors"}
    yield "two tensors exchanged", {"a": "2.safetensors", "b": "1.safetensors"}
    yield "a tensor that is not told", {"a": "1.safetensors", "x": "2.safetensors"}
    yield (
        "10,000 absent shards",
        {f"t{number}": f"{number}.safetensors" for number in range(10_000)},
    )
    yield "100,000 absent tensors", {f"t{number}": "1.safetensors" for number in range(100_000)}
    yield "a name of a megabyte", AGREED | {"x" * 1_000_000: "1.safetensors"}
    for number, name in enumerate(HOSTILE):
        yield f"name {number}", AGREED | {name: f"absent{number}"}


def _names(count: int) -> dict[str, str]:
    return {f"{number:x}": "1.safetensors" for number in range(count)}


def _short_names(count: int) -> bytes:
    return b'{"weight_map":{' + b",".join(b'"%x":"1"' % number for number in range(count)) + b"}}"


def _texts() -> Iterator[tuple[str, bytes]]:
    for depth in (1_000, 100_000):
        yield f"lists {depth} deep", b'{"weight_map":' + b"[" * depth + b"]" * depth + b"}"
        yield f"objects {depth} deep", b'{"weight_map":' * depth + b"1" + b"}" * depth
    sound = told(AGREED)
    yield "no map", b"{}"
    yield "the map twice", sound[:-1] + b"," + sound[1:]
    yield "a name twice", sound.replace(b'"b"', b'"a"')
    yield "NaN", told(AGREED, metadata=float("nan"))
    yield "a surrogate", sound.replace(b'"b"', b'"\\ud800"')
    yield "something behind it", sound + b"x"
    yield "a byte-order mark", b"\xef\xbb\xbf" + sound
    yield "UTF-16", sound.decode().encode("utf-16")
    yield "nothing", b""
    yield "zeros", bytes(1000)


def _shards() -> Iterator[tuple[str, Content]]:
    index = told(AGREED)
    whole = safetensors(f'{{"b":{entry()}}}')
    for at in (0, 1, 7, 8, 9, 30, len(whole) - 17, len(whole) - 16, len(whole) - 1):
        yield f"a shard cut at byte {at}", sharded(index, _2=whole[:at])
    yield "a shard that is a directory", sharded(index, _2={})
    yield "a shard that is an index", sharded(index, _2=index)
    yield "a shard that is a FIFO", sharded(index, _2=_fifo)
    yield "a shard that is a device", sharded(index, _2=link("/dev/zero"))
    yield "a shard that is a loop", sharded(index, _2=link("2.safetensors"))
    yield "a shard that is a link to nowhere", sharded(index, _2=link("absent"))
    yield "a shard that is another's link", sharded(index, _2=link("1.safetensors"))
    yield "an index that is a directory", {**SHARDS, INDEX: {}}
    yield "an index that is a FIFO", {**SHARDS, INDEX: _fifo}
    yield "an index that is a device", {**SHARDS, INDEX: link("/dev/zero")}
    yield "an index that is a loop", {**SHARDS, INDEX: link(INDEX)}


def hostile_indexes() -> Iterator[Case]:
    """Yields directories."""
    yield case("sound", sharded(told(AGREED)), SOUND)
    for name, weight_map in _maps():
        yield case(f"an index: {name}", sharded(told(weight_map)))
    for name, raw in _texts():
        yield case(f"an index: {name}", sharded(raw))
    yield Case("an index: 600,000 names", lambda: sharded(told(_names(600_000))))
    yield Case("an index: five million names", lambda: sharded(_short_names(5_000_000)))
    for name, content in _shards():
        yield case(name, content)
    sound = told(AGREED, metadata={"total_size": 32})
    blobs = {"blob": SHARDS["2.safetensors"]}
    hub = {**blobs, INDEX: sound, **SHARDS, "2.safetensors": link("blob")}
    yield case("a map of nothing", sharded(told({})), SOUND)
    yield case("links as the Hub lays them", hub, SOUND)
    yield from cut("an index", sound, range(0, len(sound), 5), sharded)
    yield from flipped("an index", sound, 60, 5, sharded)
