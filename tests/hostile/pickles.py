"""Pickles that would do harm to whoever obeys them, written opcode by opcode."""

from __future__ import annotations

import pickle
import pickletools
from collections.abc import Iterator

from cases import HUGE, REFUSED, SOUND, Case, case, cut, flipped

PROTO = b"\x80\x02"
RAN = "ran-by-a-pickle"
COMMAND = f"S'touch {RAN}'\n".encode()


def plain(value: object) -> bytes:
    """Returns the opcodes of a number, text or tuple."""
    return pickle.dumps(value, 2)[2:-1]


def tensor(
    *,
    key: object = "0",
    count: object = 4,
    first: object = 0,
    shape: object = (4,),
    strides: object = (1,),
    storage: bytes = b"ctorch\nFloatStorage\n",
    rebuild: bytes = b"ctorch._utils\n_rebuild_tensor_v2\n",
) -> bytes:
    """Returns the opcodes of a tensor."""
    reference = plain("storage") + storage + plain(key) + plain("cpu") + plain(count)
    hooks = b"ccollections\nOrderedDict\n)R"
    told = plain(first) + plain(shape) + plain(strides) + b"\x89" + hooks
    return rebuild + b"((" + reference + b"tQ" + told + b"tR"


def state_dict(*values: bytes) -> bytes:
    """Returns a whole pickle of a dictionary of tensors, or whatever its values are."""
    items = b"".join(plain(f"w{i}") + value for i, value in enumerate(values))
    return PROTO + b"}(" + items + b"u."


# One that each opcode family would run, import or build, were it obeyed.
PAYLOADS = {
    "GLOBAL": b"cos\nsystem\n",
    "GLOBAL of a module to be imported": b"cantigravity\nfly\n",
    "STACK_GLOBAL": plain("os") + plain("system") + b"\x93",
    "STACK_GLOBAL of attributes": plain("os") + plain("path.os.system") + b"\x93",
    "REDUCE": b"cos\nsystem\n(" + COMMAND + b"tR",
    "REDUCE eval": b'cbuiltins\neval\n(S\'__import__("os").system("touch '
    + RAN.encode()
    + b"\")'\ntR",
    "REDUCE of a storage class": b"ctorch.storage\n_load_from_bytes\n(S'x'\ntR",
    "REDUCE of an archive": b"ctorch\nload\n(S'/etc/passwd'\ntR",
    "REDUCE of REDUCE": b"cbuiltins\ngetattr\n(cos\nsystem\n)RS'x'\ntR",
    "INST": b"(" + COMMAND + b"ios\nsystem\n",
    "OBJ": b"(cos\nsystem\n" + COMMAND + b"o",
    "NEWOBJ": b"csubprocess\nPopen\n" + COMMAND + b"\x85\x81",
    "NEWOBJ_EX": b"csubprocess\nPopen\n" + COMMAND + b"\x85}\x92",
    "EXT1": b"\x82\x01",
    "EXT2": b"\x83\x01\x01",
    "EXT4": b"\x84\x01\x01\x01\x01",
    "BUILD with __setstate__": b"cos\nsystem\n)R}S'__setstate__'\ncos\nsystem\nsb" + COMMAND + b"b",
    "BUILD of __dict__": b"c__main__\nX\n)R}S'__class__'\ncos\nsystem\nsb",
    "BUILD of slots": b"c__main__\nX\n)RN}S'a'\nI1\ns\x86b",
    "PERSID": b"P" + COMMAND,
    "BINPERSID": COMMAND + b"Q",
    "BINPERSID of a module": b"(S'module'\ncos\nsystem\nS'/etc/passwd'\nS'x'\ntQ",
    "set items on a call": b"cos\nsystem\n)R" + COMMAND + COMMAND + b"s",
    "append to a call": b"cos\nsystem\n)R" + COMMAND + b"a",
    "a name with control characters": b"c\x1b[31mos\n\x9b8m::error::x\n",
    "a name of 900 characters": b"c" + b"m" * 900 + b"\n" + b"n" * 900 + b"\n",
}


def _nested(depth: int) -> bytes:
    return b"N" + b"\x85" * depth


def _doubling(levels: int, inner: bytes) -> bytes:
    """Returns a list of two of a list of two of…: each level is noted once and used twice."""
    twice = b"0".join(
        b"(h" + bytes([i]) + b"h" + bytes([i]) + b"lq" + bytes([i + 1]) for i in range(levels)
    )
    return inner + b"q\0" + b"0" + twice


def _bombs() -> Iterator[tuple[str, bytes, tuple[int, ...]]]:
    yield "tuples 100,000 deep", state_dict(tensor(), _nested(100_000)), (SOUND,)
    yield "lists 100,000 deep", state_dict(tensor(), b"(" * 100_000 + b"l" * 100_000), (SOUND,)
    yield "dictionaries 50,000 deep", state_dict(tensor(), b"}" + _chain(50_000)), (SOUND,)
    yield (
        "states 100,000 deep",
        state_dict(tensor(), b"cm\nC\n)R" * 100_001 + b"b" * 100_000),
        (SOUND,),
    )
    yield (
        "calls 100,000 deep",
        state_dict(tensor(), b"cm\nC\n" * 100_000 + b"N" + b"R" * 100_000),
        (SOUND,),
    )
    yield (
        "memo doubled 200 times, without tensors",
        state_dict(tensor(), _doubling(200, b"]")),
        (SOUND,),
    )
    yield "memo doubled 200 times, with a tensor", state_dict(_doubling(200, tensor())), (REFUSED,)
    yield "a key 100,000 deep", PROTO + b"}" + _nested(100_000) + tensor() + b"s.", (SOUND,)
    yield "a list in itself", state_dict(tensor(), b"]q\0h\0a"), (SOUND,)
    yield "a dictionary in itself", state_dict(tensor(), b"}q\0" + plain("a") + b"h\0s"), (SOUND,)
    yield "LONG4 of 2³¹ bytes", PROTO + b"\x8b\0\0\0\x80.", (REFUSED,)
    yield "LONG of 4,000 digits", PROTO + b"L" + b"9" * 4000 + b"L\n.", (REFUSED,)
    yield "INT of 1,000 digits", state_dict(tensor(), b"I" + b"9" * 1000 + b"\n"), (SOUND,)
    yield "4 MiB of lists", PROTO + b"]" * (4 << 20) + b".", (REFUSED,)
    yield "4 MiB of marks", PROTO + b"(" * (4 << 20) + b".", (REFUSED,)
    yield "a million names", PROTO + b"ca\nb\n" * (1 << 20) + b".", (REFUSED,)
    yield "a stop without a value", PROTO + b".", (REFUSED,)
    yield "30 million protocols", PROTO * (31 << 20), (REFUSED,)
    yield (
        "a text of 70 MB",
        PROTO + b"X" + (70 << 20).to_bytes(4, "little") + b"a" * (70 << 20),
        (REFUSED,),
    )
    yield "no stop", PROTO + b"}", (REFUSED,)
    yield "nothing at all", b"", (REFUSED,)


def _chain(depth: int) -> bytes:
    return b"".join(plain("a") + b"}" for _ in range(depth)) + b"s" * depth


def _shared() -> Iterator[tuple[str, bytes]]:
    """Yields what is small, and large if each of many looks at all of what they share."""
    many = 20_000
    keys = b"}q\1(" + b"".join(plain(f"k{i}") + b"N" for i in range(many)) + b"u0"
    listed = b"]q\1(" + b"N" * 500_000 + b"e0"
    texts = b"]q\1(" + plain("x") * 500_000 + b"e0"
    places = b"".join(plain(key) + b"}" for key in ("_parameters", "_buffers", "_modules"))
    state = b"}(" + places + plain("_non_persistent_buffers_set") + b"h\1u"
    told = tensor()[:-2] + b"h\1tR"  # its metadata
    of_items = b"ccollections\nOrderedDict\n(h\1tR"
    shape = b"(" + b"K\2" * 500_000 + b"tq\1" + b"0"
    shaped = tensor().replace(plain((4,)), b"h\1", 1)
    module = b"cm\nM\n)\x81h\1b"
    in_places = keys[:-2] + places + b"u0"
    yield "metadata of many keys", keys + b"(" + told * many + b"l"
    yield "states of many keys", in_places + b"(" + module * many + b"l"
    yield "sets of many texts", texts + b"(" + (b"cm\nM\n)\x81" + state + b"b") * 2_000 + b"l"
    yield "states of many parts", listed[:-2] + b"e0(" + module * many + b"l"
    yield "items of many", listed + b"(" + of_items * many + b"l"
    yield "shapes of many dimensions", shape + b"(" + shaped * many + b"l"
    arguments = b"(" + b"N" * 500_000 + b"tq\1" + b"0ctorch._utils\n_rebuild_tensor_v2\nq\2" + b"0"
    yield "arguments of many", arguments + b"(" + b"h\2h\1R" * many + b"l"
    held = b"(" + tensor() * 3_000 + b"l"
    yield "names of nothing", (b"}" + plain("")) * many + held + b"s" * many
    yield "shards within shards", _WITHIN * many + held + b"stR" * many
    text = b"c_codecs\nencode\n" + plain("a" * 4_000_000) + plain("latin1") + b"\x86Rq\x090"
    yield "arrays of one text", text + b"(" + _array(4_000_000, b"h\x09") * 200 + b"l"
    objects = b"}q\x080(" + b"h\x08" * 200_000 + b"lq\x090"
    yield "arrays of many objects", objects + b"(" + _array(200_000, b"h\x09") * 200 + b"l"
    yield (
        "many wrappers",
        b"}"
        + b"".join(plain("a") + b"}" for _ in range(20_000))
        + plain("a")
        + b"("
        + tensor() * 60
        + b"l"
        + b"s" * 20_001,
    )


# A tensor of a class of its own, which is what is local to it; its state goes on behind.
_WITHIN = (
    b"ctorch._tensor\n_rebuild_from_type_v2\n("
    b"ctorch._utils\n_rebuild_wrapper_subclass\nNN}" + plain("_local_tensor")
)


def _array(count: int, values: bytes) -> bytes:
    """Returns the opcodes of an array of bytes."""
    dtype = b"cnumpy\ndtype\n" + plain(("u1", False, True)) + b"R"
    empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + plain((0,)) + b"NtR"
    return empty + b"(K\1" + plain((count,)) + dtype + b"\x89" + values + b"tb"


def _lengths() -> Iterator[tuple[str, bytes]]:
    for size in (*HUGE, 2**44, 2**59):  # some file systems end where numbers do not
        wide = size.to_bytes(8, "little")
        yield f"BINUNICODE8 of {size}", b"\x8d" + wide
        yield f"BINBYTES8 of {size}", b"\x8e" + wide
        yield f"BYTEARRAY8 of {size}", b"\x96" + wide
        yield f"a frame of {size}", b"\x95" + wide + b"X"
        if size < 2**32:
            narrow = size.to_bytes(4, "little")
            yield f"BINUNICODE of {size}", b"X" + narrow
            yield f"BINSTRING of {size}", b"T" + narrow
            yield f"BINBYTES of {size}", b"B" + narrow
            yield f"LONG4 of {size}", b"\x8b" + narrow
            yield f"a memo's number {size}", b"j" + narrow


def _claims() -> Iterator[tuple[str, bytes]]:
    for size in (*HUGE, 5, -1):
        yield f"a shape of {size}", tensor(shape=(size,))
        yield f"a stride of {size}", tensor(shape=(2,), strides=(size,))
        yield f"a first value of {size}", tensor(first=size)
        yield f"a storage of {size}", tensor(count=size)
    yield "a shape whose product overflows", tensor(shape=(2**40, 2**40), strides=(0, 0))
    yield "a shape of 100,000 dimensions", tensor(shape=(2,) * 100_000, strides=(0,) * 100_000)
    yield "a shape of texts", tensor(shape=("4",))
    yield "no shape", tensor(shape=None)
    yield "a storage by a number", tensor(key=0)
    yield "a storage that is not there", tensor(key="1")
    yield "a storage by a path", tensor(key="../../../../etc/passwd")
    yield "a storage of a class of its own", tensor(storage=b"cos\nsystem\n")
    yield "a tensor of one argument", b"ctorch._utils\n_rebuild_tensor_v2\n(NtR"
    yield "a tensor of a list", b"ctorch._utils\n_rebuild_tensor_v2\n((NN" + b"NNNNtR"
    yield "a sparse tensor of nothing", b"ctorch._utils\n_rebuild_sparse_tensor\n(NNtR"


def hostile_pickles() -> Iterator[Case]:
    """Yields pickles, each to be put where PyTorch's files have theirs."""
    for name, payload in PAYLOADS.items():
        yield case(f"{name} alone", PROTO + payload + b".", SOUND, REFUSED)
        yield case(f"{name} beside a tensor", state_dict(tensor(), payload), SOUND, REFUSED)
    for name, raw, exits in _bombs():
        yield case(name, raw, *exits)
    for name, opcodes in _shared():
        yield case(f"shared: {name}", PROTO + opcodes + b".", SOUND, REFUSED)
    for name, opcodes in _lengths():
        yield case(name, PROTO + opcodes + b".")
    for name, opcodes in _claims():
        yield case(name, state_dict(opcodes))
    for size in HUGE:
        # PyTorch expands so; more than storages may be repeated is told, and not read.
        exits = (SOUND, REFUSED) if size > 2**60 else (SOUND,)
        told = f"a shape of {size} without strides"
        yield case(told, state_dict(tensor(shape=(size,), strides=(0,))), *exits)
    twins = plain("w0.a") + tensor() + plain("w0") + b"}" + plain("a") + tensor() + b"s"
    yield case("two tensors of one name", state_dict(tensor() + twins), SOUND)
    yield case("a value five times", state_dict(tensor(shape=(5,), strides=(0,))), SOUND)
    sound = state_dict(tensor(), tensor(shape=(2, 2), strides=(1, 2)))
    yield from cut("a sound pickle", sound, (at for _, _, at in pickletools.genops(sound) if at))
    yield from flipped("a sound pickle", sound, 40, seed=1)
