"""Shards are the Hub's, tensor for tensor and byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from initcli.core.dtypes import DTYPES
from initcli.core.errors import OptionError, OutputError
from initcli.core.tensor import TensorSpec
from initcli.engine.parts import Part, copied_parts
from initcli.engine.write import write_checkpoint
from initcli.formats.detect import open_checkpoint
from initcli.formats.writing.output import Contents, plan_output
from initcli.formats.writing.sharding import INDEX, parse_size, shard_name, shards_of

# It comes with the reference checkpoint of the tests.
hub = pytest.importorskip("huggingface_hub")
SIZES = [6, 6, 2, 6, 2, 2, 11, 1, 10, 0, 3]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("5GB", 5 * 10**9),
        ("1.5gb", 15 * 10**8),
        (" 500 MB ", 5 * 10**8),
        ("2KB", 2000),
        ("1TB", 10**12),
        ("4GiB", 4 << 30),
        ("1.5MiB", 3 << 19),
        ("7KiB", 7 << 10),
        ("1TiB", 1 << 40),
        ("123456789012345678", 123456789012345678),
    ],
)
def test_sizes_have_the_hubs_units_and_binary_ones(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["5GB", "1.5gb", "500 MB", "0.3KB", "2TB"])
def test_decimal_sizes_are_the_hubs(text: str) -> None:
    from huggingface_hub.serialization._base import parse_size_to_int

    assert parse_size(text) == parse_size_to_int(text)


@pytest.mark.parametrize("text", ["", "GB", "5 elephants", "-1GB", "0", "0.4", "1e9", "nan", "inf"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(OptionError):
        parse_size(text)


def specs_of(sizes: list[int]) -> dict[str, TensorSpec]:
    names = [f"t{number}" for number in range(len(sizes))]
    return {
        name: TensorSpec(name, DTYPES["U8"], (size,))
        for name, size in zip(names, sizes, strict=True)
    }


@given(st.lists(st.integers(0, 12), min_size=1, max_size=12), st.integers(1, 15))
def test_tensors_go_to_shards_by_the_hubs_rule(sizes: list[int], limit: int) -> None:
    specs = specs_of(sizes)
    state = {name: torch.zeros(spec.shape, dtype=torch.uint8) for name, spec in specs.items()}
    split = hub.split_state_dict_into_shards_factory(
        state,
        get_storage_size=torch.Tensor.numel,
        filename_pattern="model{suffix}.safetensors",
        max_shard_size=limit,
    )
    shards = shards_of(specs.values(), limit)
    ours = {
        shard_name(number, len(shards)): [spec.name for spec in shard]
        for number, shard in enumerate(shards, 1)
    }
    assert ours == split.filename_to_tensors


def written(tmp_path: Path, state: dict[str, torch.Tensor], limit: int) -> Path:
    save_file(state, tmp_path / "in.safetensors", {"format": "pt"})
    source = open_checkpoint(tmp_path / "in.safetensors")
    specs = {name: source.specs[name] for name in state}
    plan = plan_output(tmp_path / "out", Contents(specs, source.metadata, specs, source), limit)

    def produce(spec: TensorSpec) -> Iterator[Part]:
        return copied_parts(source.tensors[spec.name])

    write_checkpoint(plan, produce, overwrite=False, jobs=2)
    return tmp_path / "out"


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.glob("*.safetensors")}


@pytest.mark.parametrize("limit", [1, 24, 40, 1000])
def test_files_are_the_hubs_byte_for_byte(limit: int, tmp_path: Path) -> None:
    state = {f"t{n}": torch.arange(size, dtype=torch.float32) for n, size in enumerate(SIZES)}
    reference = tmp_path / "reference"
    reference.mkdir()
    hub.save_torch_state_dict(state, reference, max_shard_size=limit)
    out = written(tmp_path, state, limit)
    assert contents(out) == contents(reference)
    assert (out / INDEX).exists() == (reference / INDEX).exists() == (limit < 1000)
    if limit < 1000:
        ours, theirs = (json.loads((one / INDEX).read_text()) for one in (out, reference))
        assert ours["metadata"].pop("total_parameters") == sum(SIZES)
        assert ours == theirs


def test_the_index_is_written_as_transformers_writes_it(tmp_path: Path) -> None:
    out = written(tmp_path, {"b": torch.ones(2), "a": torch.ones(3)}, 8)
    expected = {
        "metadata": {"total_parameters": 5, "total_size": 20},
        "weight_map": {name: shard_name(n, 2) for name, n in (("b", 2), ("a", 1))},
    }
    assert (out / INDEX).read_text() == json.dumps(expected, indent=2, sort_keys=True) + "\n"


def test_ties_and_other_metadata_are_told_where_they_are_found(tmp_path: Path) -> None:
    specs = {name: TensorSpec(name, DTYPES["F32"], (2,)) for name in ("head.w", "body.w")}
    metadata = {"format": "pt", "embed.w": "head.w", "by": "us"}
    entries = {"embed.w": specs["head.w"], **specs}
    plan = plan_output(tmp_path / "out", Contents(specs, metadata, entries), 8)
    zeros = Part(2, lambda: iter([memoryview(bytes(8))]))
    write_checkpoint(plan, lambda _: [zeros], overwrite=False)
    opened = open_checkpoint(tmp_path / "out")
    assert [dict(shard.metadata) for shard in opened.shards] == [{"format": "pt"}] * 2
    assert opened.ties == {"embed.w": "head.w"}
    assert opened.index_metadata["by"] == "us"


@pytest.mark.parametrize("name", ["out.safetensors", "out.pt", "out.pth"])
def test_a_file_has_no_shards(name: str) -> None:
    with pytest.raises(OutputError, match="this names a file"):
        plan_output(Path(name), Contents({}, {}, {}), 1)
