"""NumPy's files are read as NumPy reads them, whatever the order of their bytes."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Literal

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from numpy.typing import NDArray

from initcli.core.errors import InitcliError, MalformedError, TruncatedError
from initcli.formats.detect import open_checkpoint
from initcli.formats.npy.header import HEAD, parse_npy_header
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.formats.storage.reading import open_shard
from shell import Run
from stored_bytes import row_major

DTYPES = ["?", "i1", "u1", "<i8", ">i2", "<u4", ">u8", "<f2", ">f2", "<f4", ">f4", ">f8", ">c8"]
SHAPES = arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9)
ARRAYS = st.sampled_from(DTYPES).flatmap(lambda code: arrays_of.arrays(code, SHAPES))
EXACTLY = ["--rtol", "0", "--atol", "0"]
CUTS = st.lists(st.integers(1, 50), min_size=1, max_size=4)


def read(opened: Checkpoint, name: str, lengths: list[int]) -> bytes:
    """Returns a tensor's bytes, read in pieces of a few lengths again and again."""
    tensor = opened.tensors[name]
    content, at, number = memoryview(bytearray(tensor.spec.nbytes)), 0, 0
    with open_shard(tensor.shard) as reader:
        while at < len(content):
            part = content[at : at + lengths[number % len(lengths)]]
            reader.read(tensor.offset + at, part)
            at, number = at + len(part), number + 1
    return bytes(content)


@given(ARRAYS, st.sampled_from(["C", "F"]), st.booleans(), CUTS)
def test_values_are_those_that_numpy_saved(
    array: NDArray[Any], order: Literal["C", "F"], deflated: bool, cuts: list[int]
) -> None:
    array = np.array(array, order=order)
    with tempfile.TemporaryDirectory() as directory:
        archive, single = Path(directory, "a.npz"), Path(directory, "w.npy")
        (np.savez_compressed if deflated else np.savez)(archive, w=array)
        np.save(single, array)
        for path in (archive, single):
            opened = open_checkpoint(path)
            assert opened.tensors["w"].spec.shape == array.shape
            assert read(opened, "w", cuts) == row_major(array)


def header(text: str, version: int = 1, size: int | None = None) -> bytes:
    raw = text.encode("utf-8" if version == 3 else "latin1")
    width = 2 if version == 1 else 4
    length = (len(raw) if size is None else size).to_bytes(width, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + raw


def told(descr: str = "'<f4'", order: str = "False", shape: str = "(2,)", more: str = "") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, {more}}}\n"


SOUND = {
    "version 1": header(told()),
    "version 2": header(told(), 2),
    "version 3": header(told(), 3),
    "keys in another order": header("{'shape': (2,), 'fortran_order': False, 'descr': '<f4'}"),
    "double quotes": header('{"descr": "<f4", "fortran_order": False, "shape": (2,)}'),
    "no spaces": header("{'descr':'<f4','fortran_order':False,'shape':(2,)}"),
    "long numbers of Python 2": header(told(shape="(1L, 2L)")),
    "two dimensions": header(told(shape="(2, 1)")),
    "Fortran order": header(told(order="True", shape="(1, 2)")),
    "no byte order": header(told("'f4'")),
    "much padding": header(told() + " " * 5000),
}


@pytest.mark.parametrize("case", SOUND)
@pytest.mark.filterwarnings("ignore:Reading `.npy`")
def test_a_header_says_what_numpy_reads_in_it(case: str) -> None:
    raw = SOUND[case] + bytes(8)
    ours = parse_npy_header(raw[:HEAD], len(raw), "file")
    assert ours.shape == np.load(io.BytesIO(raw)).shape
    assert (ours.dtype.code, ours.length) == ("F32", len(raw) - 8)


MALFORMED = {
    "no dictionary": header("[1, 2]"),
    "an unclosed dictionary": header(told()[:-2]),
    "two dictionaries": header(told() * 2),
    "nothing": header(""),
    "a missing key": header("{'descr': '<f4', 'shape': (2,)}"),
    "a further key": header(told(more="'x': True,")),
    "a key twice": header(told(more="'shape': (2,),")),
    "a call": header(told("__import__('os').system('true')")),
    "an unknown order": header(told(order="None")),
    "a number for an order": header(told(order="0")),
    "a list for a shape": header(told(shape="[2]")),
    "a number for a shape": header(told(shape="(2)")),
    "a negative length": header(told(shape="(-2,)")),
    "a float length": header(told(shape="(2.0,)")),
    "a boolean length": header(told(shape="(True,)")),
    "a name for a length": header(told(shape="(a,)")),
    "65 dimensions": header(told(shape="(" + "1, " * 65 + ")")),
    **{f"a length of {n}": header(told(shape=f"({n}, 0)")) for n in (2**63, 2**64 - 1, 10**19)},
    **{f"a product beyond {n}": header(told(shape=f"({n}, {n})")) for n in (2**32, 2**63 - 1)},
    "a length of 5,000 digits": header(told(shape=f"({'9' * 5000},)")),
    "an unknown dtype": header(told("'<q4'")),
    "a float of three bytes": header(told("'<f3'")),
    "text of no characters": header(told("'<U0'")),
    "a dtype by its long name": header(told("'float32'")),
    "version 0": header(told(), 1).replace(b"\1\0", b"\0\0", 1),
    "version 4": header(told(), 1).replace(b"\1\0", b"\4\0", 1),
    "a header beyond 10,000 bytes": header(told() + " " * 10_000),
    "a header that is not UTF-8": header(told("'<f4\xff'"), 2).replace(b"Y\2", b"Y\3"),
    "parentheses 9,000 deep": header("(" * 9000),
    "brackets 9,000 deep": header(told("[" * 4000 + "]" * 4000)),
    "9,000 signs": header(told(shape="(" + "-" * 9000 + "1,)")),
    "a quote without end": header("{'descr: " + "'" * 9000),
}
SHORT = {
    "a value too few": header(told(shape="(3,)")),
    **{f"a length of {n}": header(told(shape=f"({n},)")) for n in (2**31, 2**32, 2**61)},
    **{f"a header of {n} bytes": header(told(), size=n) for n in (200, 9_999)},
    "nothing behind the magic": b"\x93NUMPY",
    "nothing behind the version": b"\x93NUMPY\1\0",
}
UNREAD = {
    "Python objects": (header(told("'|O'")), "no pickle is ever loaded"),
    "fields": (header(told("[('a', '<f4'), ('b', '<i4')]")), "structured"),
    "arrays as values": (header(told("('<f4', (2,))")), "structured"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_breaks_a_rule_is_malformed(case: str) -> None:
    raw = MALFORMED[case] + bytes(8)
    with pytest.raises(MalformedError) as caught:
        parse_npy_header(raw[:HEAD], len(raw), "file")
    assert len(caught.value.message) < 300
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("case", SHORT)
def test_what_promises_more_than_there_is_is_truncated_or_malformed(case: str) -> None:
    raw = SHORT[case] + bytes(8)
    with pytest.raises((TruncatedError, MalformedError)):
        parse_npy_header(raw[:HEAD], len(raw), "file")


@pytest.mark.parametrize("case", UNREAD)
def test_what_holds_no_numbers_is_refused_by_name(case: str, tmp_path: Path) -> None:
    raw, words = UNREAD[case]
    (tmp_path / "w.npy").write_bytes(raw + bytes(8))
    with pytest.raises(MalformedError, match=words):
        open_checkpoint(tmp_path / "w.npy")


def test_a_byte_after_the_last_value_is_malformed(tmp_path: Path) -> None:
    (tmp_path / "w.npy").write_bytes(SOUND["version 1"] + bytes(9))
    with pytest.raises(MalformedError, match="1 bytes after the last value"):
        open_checkpoint(tmp_path / "w.npy")


OTHERS = {
    "U3": np.array(["abc", "de"]),
    "S3": np.array([b"abc", b"de"]),
    "M8": np.array(["2020-01-01"], "M8[D]"),
    "C128": np.array([1 + 2j]),
    "V2": np.ones(3, ml_dtypes.bfloat16),
}


@pytest.mark.parametrize("code", OTHERS)
def test_what_is_not_decoded_is_listed_as_not_checked(code: str, run: Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", w=OTHERS[code], x=np.ones(3, "f4"))
    done = run("stats", "a.npz")
    assert done.returncode == 0, done.stderr
    assert f"note     IC901  w: not checked: {'NumPy' if code == 'V2' else code}" in done.stdout
    assert run("stats", "a.npz", "--strict").returncode == 1


def test_values_that_are_not_decoded_are_told_apart_by_their_bytes(
    run: Run, tmp_path: Path
) -> None:
    np.savez(tmp_path / "a.npz", w=np.array(["abc", "de"]))
    np.savez(tmp_path / "b.npz", w=np.asfortranarray(np.array(["abc", "de"], ">U3")))
    np.savez(tmp_path / "c.npz", w=np.array(["abc", "df"]))
    assert run("compare", "a.npz", "b.npz", *EXACTLY).returncode == 0
    assert run("compare", "a.npz", "c.npz", *EXACTLY).returncode == 1


def test_of_an_archive_the_sound_arrays_are_read_and_the_others_told(
    run: Run, tmp_path: Path
) -> None:
    np.savez(tmp_path / "a.npz", w=np.ones(3), config=np.array({"a": 1}, object))
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("README", "words")
    done = run("stats", "a.npz")
    assert done.returncode == 0
    assert "note     IC908  config: not checked: its values are Python objects" in done.stdout
    assert "not read: 1 member without a NumPy array: README" in done.stdout + done.stderr
    assert "no pickle is ever loaded" in done.stdout
    assert run("stats", "a.npz", "--strict").returncode == 1


@pytest.mark.parametrize("deflated", [False, True])
def test_a_wrong_checksum_is_noticed(deflated: bool, run: Run, tmp_path: Path) -> None:
    (np.savez_compressed if deflated else np.savez)(tmp_path / "a.npz", w=np.arange(300_000))
    raw = bytearray((tmp_path / "a.npz").read_bytes())
    entry = raw.rindex(b"PK\1\2")
    raw[14:18] = raw[entry + 16 : entry + 20] = b"\1\2\3\4"
    (tmp_path / "a.npz").write_bytes(raw)
    done = run("stats", "a.npz")
    assert done.returncode == 2
    assert "does not have the checksum that the archive tells" in done.stderr


def test_one_array_is_named_as_its_file(run: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "layer.weight.npy", np.ones((3, 4), "f4"))
    done = run("stats", "layer.weight.npy")
    assert done.returncode == 0, done.stderr
    assert "layer.weight " in done.stdout


def test_two_arrays_of_one_name_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", w=np.ones(3))
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive, pytest.warns(match="Duplicate"):
        archive.writestr("w.npy", b"")
    with pytest.raises(InitcliError, match=r"two members are named w\.npy"):
        open_checkpoint(tmp_path / "a.npz")
