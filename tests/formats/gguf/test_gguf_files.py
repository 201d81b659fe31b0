"""GGUF is read as its own library writes and dequantises it."""

from __future__ import annotations

import importlib.util
import struct
import time
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFWriter, quants
from numpy.typing import NDArray
from safetensors.numpy import save_file

from gguf_bytes import ARRAY, STRING, array, pair, tensor, text
from gguf_bytes import gguf as made
from in_formats import rows_of
from initcli.commands.stats import stats
from initcli.core.errors import InitcliError, MalformedError, OutputError
from initcli.formats.detect import open_checkpoint
from initcli.formats.gguf.types import TYPES
from initcli.formats.storage.checkpoint import Checkpoint
from initcli.formats.storage.reading import open_shard
from shell import Run

QUANTISED = [number for number, each in TYPES.items() if not each.is_plain and each.is_dequantised]
KEEP = """
[[rule]]
select = "*"
keep = true

[[rule]]
select = "w"
scheme = "zeros"
"""


def blocks(number: int, rows: int = 6) -> NDArray[np.uint8]:
    """Returns blocks of any bytes at all, whose scales are mostly finite."""
    size, width = TYPES[number].size, 768 // TYPES[number].block
    return np.random.default_rng(number).integers(0, 100, (rows, width * size)).astype(np.uint8)


def write(path: Path, number: int, stored: NDArray[np.uint8]) -> None:
    writer = GGUFWriter(path, "llama")
    writer.add_tensor("before", np.ones(5, "f4"))
    writer.add_tensor("q", stored, raw_dtype=GGMLQuantizationType(number))
    writer.add_tensor("w", np.ones((3, 4), "f4"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read(opened: Checkpoint, name: str, length: int) -> bytes:
    """Returns a tensor's bytes, read in pieces of a length."""
    tensor = opened.tensors[name]
    content = memoryview(bytearray(tensor.spec.nbytes))
    with open_shard(tensor.shard) as reader:
        for at in range(0, len(content), length):
            reader.read(tensor.offset + at, content[at : at + length])
    return bytes(content)


def reference(number: int, stored: NDArray[np.uint8]) -> NDArray[Any]:
    with np.errstate(all="ignore"):
        return quants.dequantize(stored, GGMLQuantizationType(number)).astype("<f4")


def test_types_are_those_of_the_library() -> None:
    theirs = {int(each): sizes for each, sizes in gguf.GGML_QUANT_SIZES.items()}
    assert {number: (each.block, each.size) for number, each in TYPES.items()} == theirs
    assert all(GGMLQuantizationType(number).name == each.code for number, each in TYPES.items())


@pytest.mark.parametrize("number", [n for n, each in TYPES.items() if not each.is_plain])
def test_what_is_dequantised_is_what_the_library_can(number: int) -> None:
    try:
        reference(number, blocks(number))
    except NotImplementedError:
        assert not TYPES[number].is_dequantised
    else:
        assert TYPES[number].is_dequantised


@pytest.mark.parametrize("length", [1 << 20, 4096, 1000, 37])
@pytest.mark.parametrize("number", QUANTISED)
def test_values_are_the_librarys_whatever_the_pieces(
    number: int, length: int, tmp_path: Path
) -> None:
    stored = blocks(number)
    write(tmp_path / "a.gguf", number, stored)
    opened = open_checkpoint(tmp_path / "a.gguf")
    spec = opened.tensors["q"].spec
    assert (spec.dtype.code, spec.dtype_name, spec.shape) == ("F32", TYPES[number].code, (6, 768))
    assert read(opened, "q", length) == reference(number, stored).tobytes()


def test_pieces_larger_than_what_is_dequantised_at_once(tmp_path: Path) -> None:
    stored = blocks(12, rows=300)
    write(tmp_path / "a.gguf", 12, stored)
    opened = open_checkpoint(tmp_path / "a.gguf")
    assert read(opened, "q", 1 << 20) == reference(12, stored).tobytes()


def test_bfloat16_is_read_where_it_lies(tmp_path: Path) -> None:
    stored = np.arange(0, 512, dtype="<u2").reshape(4, 128).view(np.uint8)
    write(tmp_path / "a.gguf", 30, stored)
    opened = open_checkpoint(tmp_path / "a.gguf")
    spec = opened.tensors["q"].spec
    assert (spec.dtype.code, spec.dtype_name, spec.shape) == ("BF16", "BF16", (4, 128))
    assert read(opened, "q", 100) == stored.tobytes()


def test_statistics_are_those_of_the_dequantised_values(run: Run, tmp_path: Path) -> None:
    stored = blocks(14)
    write(tmp_path / "a.gguf", 14, stored)
    values = {"before": np.ones(5, "f4"), "w": np.ones((3, 4), "f4"), "q": reference(14, stored)}
    save_file(values, tmp_path / "b.safetensors")
    rows = [rows_of(run, tmp_path / name) for name in ("a.gguf", "b.safetensors")]
    assert [one["q"].pop("dtype") for one in rows] == ["Q6_K", "F32"]
    assert rows[0] == rows[1]
    compared = ["a.gguf", "b.safetensors", "--rtol", "0", "--atol", "0", "--equal-nan"]
    assert run("compare", *compared).returncode == 0
    done = run("compare", *compared, "--check-dtype")
    assert done.returncode == 1
    assert "Q6_K → F32" in done.stdout


def test_what_is_kept_is_written_as_its_values(run: Run, tmp_path: Path) -> None:
    stored = blocks(8)
    write(tmp_path / "a.gguf", 8, stored)
    (tmp_path / "keep.toml").write_text(KEEP)
    done = run("init", "a.gguf", "--recipe", "keep.toml", "-o", "b.safetensors")
    assert done.returncode == 0, done.stderr
    written = open_checkpoint(tmp_path / "b.safetensors")
    assert written.tensors["q"].spec.dtype_name == "F32"
    assert read(written, "q", 4096) == reference(8, stored).tobytes()


def test_without_the_library_it_is_told_which_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.gguf", 12, blocks(12))
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "initcli.formats.gguf.types.importlib.util.find_spec",
        lambda name, package=None: None if name == "gguf" else find(name, package),
    )
    report = stats(tmp_path / "a.gguf", strict=True)
    (finding,) = (each for each in report.findings if each.tensor == "q")
    assert finding.code == "IC901"
    assert finding.message == (
        "not checked: Q4_K values are decoded by: pip install 'initcli[gguf]'"
    )
    assert [row.dtype for row in report.rows] == ["F32", "Q4_K", "F32"]
    assert not report.passed
    opened = open_checkpoint(tmp_path / "a.gguf").tensors["q"].comparable()
    with open_shard(opened.shard) as reader:
        buffer = bytearray(opened.spec.nbytes)
        reader.read(opened.offset, memoryview(buffer))
    assert buffer == blocks(12).tobytes()


def test_what_is_not_decoded_is_written_to_no_other_format(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "a.gguf", 15, blocks(15))
    (tmp_path / "keep.toml").write_text(KEEP)
    done = run("init", "a.gguf", "--recipe", "keep.toml", "-o", "b.safetensors")
    assert done.returncode == OutputError.exit_code
    assert "E104: output refused: safetensors has no dtype for Q8_K" in done.stderr
    assert not (tmp_path / "b.safetensors").exists()


def test_a_large_vocabulary_is_passed_over(tmp_path: Path) -> None:
    writer = GGUFWriter(tmp_path / "a.gguf", "llama")
    writer.add_token_list([f"token {number}" for number in range(150_000)])
    writer.add_token_scores([0.5] * 150_000)
    writer.add_tensor("w", np.ones(5, "f4"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    began = time.perf_counter()
    opened = open_checkpoint(tmp_path / "a.gguf")
    assert time.perf_counter() - began < 1
    assert opened.metadata == {
        "general.architecture": "llama",
        "tokenizer.ggml.tokens": "[150,000 × string]",
        "tokenizer.ggml.scores": "[150,000 × float32]",
    }


def opened_of(raw: bytes, path: Path) -> Checkpoint:
    path.write_bytes(raw)
    return open_checkpoint(path)


def test_metadata_is_told_as_text(tmp_path: Path) -> None:
    pairs = [
        pair(b"a", 4, struct.pack("<I", 7)),
        pair(b"b", 6, struct.pack("<f", 0.5)),
        pair(b"c", 7, b"\1"),
        pair(b"d", STRING, text("ü\n".encode())),
        pair(b"e", STRING, text(b"\xff")),
        pair(b"f", ARRAY, array(ARRAY, 2, array(4, 1, bytes(4)) + array(STRING, 1, text(b"x")))),
        pair(b"g", 11, struct.pack("<q", -(2**63))),
    ]
    opened = opened_of(made([tensor()], pairs), tmp_path / "a")
    assert opened.metadata == {
        "a": "7",
        "b": "0.5",
        "c": "True",
        "d": "ü\n",
        "e": "\\xff",
        "f": "[2 × array]",
        "g": str(-(2**63)),
    }


def test_shapes_are_told_slowest_first(tmp_path: Path) -> None:
    opened = opened_of(made([tensor(shape=(4, 3, 2))], data=bytes(96)), tmp_path / "a")
    assert opened.tensors["w"].spec.shape == (2, 3, 4)


@pytest.mark.parametrize("alignment", [1, 8, 64, 4096])
def test_data_begins_where_the_alignment_says(alignment: int, tmp_path: Path) -> None:
    told = pair(b"general.alignment", 4, struct.pack("<I", alignment))
    data = struct.pack("<4f", 1, 2, 3, 4)
    opened = opened_of(made([tensor()], [told], data, alignment=alignment), tmp_path / "a")
    assert read(opened, "w", 16) == data


def test_long_metadata_is_cut_and_said_to_be(tmp_path: Path) -> None:
    value = text(b"\xff" * 60_000)
    told = [pair(b"k%d" % n, STRING, value) for n in range(500)]
    (tmp_path / "a").write_bytes(made([tensor()], told))
    opened = open_checkpoint(tmp_path / "a")
    kept = list(opened.metadata.values())
    assert sum(map(len, kept)) <= (16 << 20) + len(kept)
    assert kept[0] == "\\xff" * (1 << 14) + "…"
    assert opened.notes == ("cut: 500 texts of the metadata, too long to be shown whole",)


def test_of_a_file_the_sound_tensors_are_read_and_the_others_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(made([tensor(), tensor(b"new", number=99, offset=32)]))
    done = run("stats", "a")
    assert done.returncode == 2
    assert "error    IC303  new: tensor type 99 is not known; not read" in done.stdout
    assert "w " in done.stdout


@pytest.mark.parametrize("version", [0, 1, 4, 2**31, 2**32 - 1])
def test_another_version_is_refused(version: int, tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match=f"version {version} of GGUF is not read"):
        opened_of(made([tensor()], version=version), tmp_path / "a")


def test_version_2_is_read(tmp_path: Path) -> None:
    assert list(opened_of(made([tensor()], version=2), tmp_path / "a").tensors) == ["w"]


def test_every_message_is_short(tmp_path: Path) -> None:
    with pytest.raises(InitcliError) as caught:
        opened_of(made([tensor(b"x" * 100_000, number=99)]), tmp_path / "a")
    assert len(caught.value.message) < 300
