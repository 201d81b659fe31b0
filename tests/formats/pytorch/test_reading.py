"""What is read of PyTorch's files is what PyTorch reads, byte for byte, in either layout."""

from __future__ import annotations

import io
import zipfile
from collections import OrderedDict
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
import torch.distributed as dist
from hypothesis import given
from hypothesis import strategies as st
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Shard
from torch.testing._internal.distributed.fake_pg import FakeStore

from initcli.formats.detect import open_checkpoint
from initcli.formats.storage.checkpoint import Checkpoint
from stored_bytes import bytes_of, contents_of
from torch_files import CODES, LAYOUTS, content_of, contents_in, filled, saved

pytestmark = pytest.mark.filterwarnings("ignore")
both_layouts = pytest.mark.parametrize("layout", LAYOUTS)


@both_layouts
@pytest.mark.parametrize("name", CODES)
def test_every_dtype(name: str, layout: str, tmp_path: Path) -> None:
    dtype = getattr(torch, name)
    state = {"matrix": filled(3, 5, dtype=dtype), "empty": filled(0, 4, dtype=dtype)}
    if dtype != torch.float4_e2m1fn_x2:
        state["scalar"] = filled(dtype=dtype)
    opened = opened_from(tmp_path / "w", state, layout)
    assert contents_of(opened) == {name: content_of(value) for name, value in state.items()}


@st.composite
def view(draw: st.DrawFn) -> torch.Tensor:
    """Draws a view of a larger storage."""
    name = draw(st.sampled_from(["float32", "bfloat16", "int64", "complex64", "bool"]))
    shape = draw(st.lists(st.integers(0, 6), max_size=4))
    value = filled(*shape, dtype=getattr(torch, name), seed=draw(st.integers(0, 9)))
    for axis in range(value.dim()):
        first, step = draw(st.integers(0, 2)), draw(st.integers(1, 3))
        value = value[(slice(None),) * axis + (slice(first, None, step),)]
    value = value.permute(draw(st.permutations(range(value.dim()))))
    return value.expand(draw(st.integers(1, 3)), *value.shape) if draw(st.booleans()) else value


@given(st.lists(view(), max_size=4), st.sampled_from(list(LAYOUTS)))
def test_every_view(views: list[torch.Tensor], layout: str) -> None:
    with TemporaryDirectory() as directory:
        path = saved(Path(directory) / "w", dict(enumerate(views)), layout)
        expected = {str(number): content_of(value) for number, value in enumerate(views)}
        assert contents_of(open_checkpoint(path)) == expected


@both_layouts
def test_views_of_one_storage_share_its_bytes(layout: str, tmp_path: Path) -> None:
    whole = filled(6, 4)
    state = {"whole": whole, "row": whole[2], "column": whole[:, 1], "turned": whole.T}
    opened = open_checkpoint(saved(tmp_path / "w", state, layout))
    assert contents_of(opened) == {name: content_of(value) for name, value in state.items()}
    assert opened.tensors["row"].offset == opened.tensors["whole"].offset + 2 * 4 * 4
    assert not opened.ties


@both_layouts
def test_equal_views_are_one_tensor_of_several_names(layout: str, tmp_path: Path) -> None:
    embedding, other = filled(5, 3), filled(5, 3)
    state = {
        "embed.weight": embedding,
        "head.weight": embedding,
        "again.weight": embedding.view(5, 3),
        "turned.weight": embedding.T,
        "turned.too": embedding.t(),
        "flat.weight": embedding.view(-1),
        "copy.weight": other,
        "empty.a": embedding[:0],
        "empty.b": embedding[:0],
    }
    opened = open_checkpoint(saved(tmp_path / "w", state, layout))
    assert opened.ties == {
        "head.weight": "embed.weight",
        "again.weight": "embed.weight",
        "turned.too": "turned.weight",
    }
    assert contents_of(opened) == {name: content_of(value) for name, value in state.items()}


def test_values_that_are_stored_big_endian_are_read(tmp_path: Path) -> None:
    state = {
        "single": filled(3, 4),
        "half": filled(3, 4, dtype=torch.bfloat16),
        "complex": filled(3, 4, dtype=torch.complex64),
        "turned": filled(3, 4, dtype=torch.int64).T,
        "byte": filled(3, dtype=torch.uint8),
    }
    told_big = tmp_path / "big"
    told_big.write_bytes(_told_big(saved(tmp_path / "w", state)))
    expected = contents_in(told_big)
    assert contents_of(open_checkpoint(told_big)) == expected
    assert expected["single"] != content_of(state["single"])
    assert expected["byte"] == content_of(state["byte"])


def _told_big(path: Path) -> bytes:
    """Returns an archive whose byteorder says big, written anew by the standard library."""
    raw = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(raw, "w") as new:
        for name in old.namelist():
            new.writestr(name, b"big" if name.endswith("byteorder") else old.read(name))
    return raw.getvalue()


def opened_from(path: Path, content: object, layout: str = "archive") -> Checkpoint:
    return open_checkpoint(saved(path, content, layout))


@both_layouts
def test_parameters_subclasses_and_attributes_are_the_tensors_they_wrap(
    layout: str, tmp_path: Path
) -> None:
    parameter, attributed = torch.nn.Parameter(filled(3)), torch.nn.Parameter(filled(4))
    attributed.note = "x"  # type: ignore[attr-defined]
    state = {
        "parameter": parameter,
        "attributed": attributed,
        "buffer": torch.nn.Buffer(filled(2)),
        "subclass": filled(2).as_subclass(Marked),
        "storage": filled(2).untyped_storage(),
    }
    opened = opened_from(tmp_path / "w", state, layout)
    assert {name: spec.shape for name, spec in opened.specs.items()} == {
        "parameter": (3,),
        "attributed": (4,),
        "buffer": (2,),
        "subclass": (2,),
        "storage": (8,),
    }
    assert bytes_of(opened.tensors["attributed"]) == content_of(attributed)[2]


class Marked(torch.Tensor):
    pass


@pytest.mark.filterwarnings("ignore")
@both_layouts
def test_scales_of_quantised_channels_are_read_too(layout: str, tmp_path: Path) -> None:
    scales, zeros = torch.tensor([0.1, 0.2], dtype=torch.float64), torch.tensor([0, 3])
    value = torch.quantize_per_channel(filled(2, 5), scales, zeros, 0, torch.qint8)
    assert contents_of(opened_from(tmp_path / "w", {"w": value}, layout)) == {
        "w": content_of(value.int_repr()),
        "w.scales": content_of(scales),
        "w.zero_points": content_of(zeros),
    }


@both_layouts
def test_what_a_parameter_carries_is_read_too(layout: str, tmp_path: Path) -> None:
    parameter = torch.nn.Parameter(filled(3))
    parameter.scale = filled(2, seed=1)  # type: ignore[attr-defined]
    assert contents_of(opened_from(tmp_path / "w", {"w": parameter}, layout)) == {
        "w": content_of(parameter),
        "w.scale": content_of(filled(2, seed=1)),
    }


@pytest.mark.filterwarnings("ignore")
def test_constants_of_a_compiled_model_are_read_too(tmp_path: Path) -> None:
    module = torch.nn.Linear(3, 2).eval()
    frozen = torch.jit.freeze(torch.jit.script(module))
    torch.jit.save(frozen, tmp_path / "w")
    found = contents_of(open_checkpoint(tmp_path / "w"))
    assert {name.partition(".")[0] for name in found} == {"constants"}
    expected = [content_of(value) for value in module.state_dict().values()]
    assert sorted(found.values()) == sorted(expected)


@both_layouts
def test_quantised_values_are_the_integers_that_are_stored(layout: str, tmp_path: Path) -> None:
    value = torch.quantize_per_tensor(torch.tensor([-1.0, 0.5, 2.0]), 0.1, 3, torch.qint8)
    opened = opened_from(tmp_path / "w", {"w": value}, layout)
    assert contents_of(opened) == {"w": content_of(value.int_repr())}
    assert "quantised, and shown as the integers that are stored: w" in opened.notes


def test_a_distributed_tensor_is_its_local_shard(tmp_path: Path) -> None:
    dist.init_process_group("fake", store=FakeStore(), rank=1, world_size=2)
    try:
        mesh = init_device_mesh("cpu", (2,))
        local = filled(2, 3)
        value = DTensor.from_local(local, mesh, [Shard(0)])
        path = saved(tmp_path / "w", {"w": value, "p": torch.nn.Parameter(value)})
    finally:
        dist.destroy_process_group()
    opened = open_checkpoint(path)
    assert contents_of(opened)["w"] == content_of(local)
    assert opened.ties == {"p": "w"}
    assert "the local shard of a distributed tensor: w, p" in opened.notes


SPARSE = {
    "coo": (torch.Tensor.to_sparse, ("indices", "values")),
    "csr": (torch.Tensor.to_sparse_csr, ("crow_indices", "col_indices", "values")),
    "csc": (torch.Tensor.to_sparse_csc, ("ccol_indices", "row_indices", "values")),
}


@pytest.mark.parametrize("kind", SPARSE)
@both_layouts
def test_a_sparse_tensor_is_its_parts(kind: str, layout: str, tmp_path: Path) -> None:
    make, parts = SPARSE[kind]
    value = make(torch.eye(3))
    opened = opened_from(tmp_path / "w", {"w": value}, layout)
    coalesced = value.coalesce() if kind == "coo" else value
    assert contents_of(opened) == {
        f"w.{part}": content_of(getattr(coalesced, part)()) for part in parts
    }


def test_what_has_no_values_of_its_own_is_told(tmp_path: Path) -> None:
    state = {
        "w": filled(2),
        "meta": torch.empty(3, device="meta"),
        "conj": filled(2, dtype=torch.complex64).conj(),
    }
    opened = opened_from(tmp_path / "w", state)
    assert list(opened.tensors) == ["w"]
    assert opened.unread == {
        "meta": "on the meta device, without values",
        "conj": "to be conjugated or negated when it is used",
    }


def block() -> torch.nn.Module:
    """Returns a module with shared parameters, a buffer that passes, and nesting."""
    inner = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    outer = torch.nn.Module()
    outer.inner, outer.same = inner, inner
    outer.head = torch.nn.Linear(4, 3)
    outer.register_buffer("mask", filled(2))
    outer.register_buffer("passing", filled(3), persistent=False)
    outer.register_parameter("none", None)
    outer.scale = torch.nn.Parameter(filled(1))
    return outer


@both_layouts
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_whole_module_has_the_names_of_its_state_dict(
    wrapped: bool, layout: str, tmp_path: Path
) -> None:
    module = block()
    content = {"model": module, "epoch": 3} if wrapped else module
    opened = opened_from(tmp_path / "w", content, layout)
    expected = {name: content_of(value) for name, value in module.state_dict().items()}
    assert contents_of(opened) == expected
    assert opened.ties["same.0.weight"] == "inner.0.weight"


@pytest.mark.parametrize("traced", [False, True])
def test_torchscript_has_the_names_of_its_state_dict(traced: bool, tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.BatchNorm1d(4))
    module.eval()
    script = torch.jit.trace(module, filled(2, 3)) if traced else torch.jit.script(module)
    script.save(str(tmp_path / "w.pt"))
    expected = {name: content_of(value) for name, value in module.state_dict().items()}
    opened = open_checkpoint(tmp_path / "w.pt")
    assert contents_of(opened) == expected
    assert not opened.notes


@both_layouts
def test_a_state_dict_with_metadata_is_flat(layout: str, tmp_path: Path) -> None:
    state = block().state_dict()
    assert isinstance(state, OrderedDict)
    opened = opened_from(tmp_path / "w", state, layout)
    assert contents_of(opened) == {name: content_of(value) for name, value in state.items()}
    assert not opened.notes


@both_layouts
def test_code_that_a_file_names_is_told_and_not_run(layout: str, tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[object, ...]:
            return (exec, ("raise SystemExit",))

    opened = opened_from(tmp_path / "w", {"w": filled(2), "x": Payload()}, layout)
    assert list(opened.tensors) == ["w"]
    assert opened.notes == ("the file names code, which is not run: __builtin__.exec",)
