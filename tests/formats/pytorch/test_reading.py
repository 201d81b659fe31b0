"""What is read of PyTorch's files is what PyTorch reads, byte for byte, in either layout."""

from __future__ import annotations

import copy
import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch._utils import _rebuild_tensor_v2

from initcli.core.dtypes import DTYPES
from initcli.core.errors import MalformedError, TruncatedError, UnknownFormatError
from initcli.formats.checkpoint import Checkpoint
from initcli.formats.detect import open_checkpoint
from stored_bytes import bytes_of, contents_of
from torch_files import CODES, LAYOUTS, content_of, contents_in, saved

pytestmark = pytest.mark.filterwarnings("ignore")
both_layouts = pytest.mark.parametrize("layout", LAYOUTS)


def filled(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> torch.Tensor:
    """Returns a tensor of random bytes, but for booleans, which must be 0 or 1."""
    generator = torch.Generator().manual_seed(seed)
    size = torch.empty(shape, dtype=dtype).nbytes
    high = 2 if dtype is torch.bool else 256
    raw = torch.randint(0, high, (size,), dtype=torch.uint8, generator=generator)
    return raw.view(dtype).reshape(shape)


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
    size = (tmp_path / "w").stat().st_size
    assert opened.tensors["column"].offset == size
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


@both_layouts
def test_quantised_values_are_the_integers_that_are_stored(layout: str, tmp_path: Path) -> None:
    value = torch.quantize_per_tensor(torch.tensor([-1.0, 0.5, 2.0]), 0.1, 3, torch.qint8)
    opened = opened_from(tmp_path / "w", {"w": value}, layout)
    assert contents_of(opened) == {"w": content_of(value.int_repr())}
    assert "quantised, and shown as the integers that are stored: w" in opened.notes


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
    assert opened.notes == (
        "1 tensor not read, on the meta device, without values: meta",
        "1 tensor not read, to be conjugated or negated when it is used: conj",
    )


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
    assert contents_of(open_checkpoint(tmp_path / "w.pt")) == expected


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


@both_layouts
def test_a_record_of_another_size_is_refused(layout: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "w", {"w": filled(4)}, layout)
    raw = path.read_bytes()
    claimed = raw.index(b"cpu") + 3
    claimed = raw.index(b"K\x04", claimed)
    for lie in (3, 5, 16):
        path.write_bytes(raw[: claimed + 1] + bytes([lie]) + raw[claimed + 2 :])
        with pytest.raises(MalformedError):
            open_checkpoint(path)


def test_a_short_record_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "w", {"w": filled(4)})
    short = tmp_path / "short"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(short, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content[:-1] if name.endswith("data/0") else content)
    with pytest.raises(MalformedError, match="storage of 16 bytes has 15 in the archive") as caught:
        open_checkpoint(short)
    assert caught.value.where.endswith("tensor w")


def strided(shape: object, strides: object, first: object = 0) -> bytes:
    """Pickles a tensor on a storage of four values, in any shape at all."""

    class Storage:
        pass

    class Rebuilt:
        def __reduce__(self) -> tuple[object, ...]:
            return (
                _rebuild_tensor_v2,
                (Storage(), first, shape, strides, False, OrderedDict()),
            )

    class Pickler(pickle.Pickler):
        def persistent_id(self, each: object) -> object:
            if isinstance(each, Storage):
                return ("storage", torch.FloatStorage, "0", "cpu", 4)
            return None

    raw = io.BytesIO()
    Pickler(raw, 2).dump({"w": Rebuilt()})
    return raw.getvalue()


def archive_of(path: Path, pickled: bytes, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("w/data.pkl", pickled)
        file.writestr("w/data/0", filled(4).numpy().tobytes())
        for name, content in members.items():
            file.writestr(f"w/{name}", content)
    return path


SOUND: list[tuple[tuple[int, ...], tuple[int, ...], int]] = [
    ((4,), (1,), 0),
    ((2, 2), (1, 2), 0),
    ((2, 2), (1, 1), 0),
    ((1000, 4), (0, 1), 0),
    ((0,), (1,), 9),
    ((), (), 3),
    ((1,), (10**9,), 3),
]


@pytest.mark.parametrize(("shape", "strides", "first"), SOUND)
def test_whatever_lies_within_its_storage_is_read(
    shape: tuple[int, ...], strides: tuple[int, ...], first: int, tmp_path: Path
) -> None:
    path = archive_of(tmp_path / "w", strided(shape, strides, first))
    expected = filled(4).as_strided(shape, strides, first if shape != (0,) else 0)
    assert contents_of(open_checkpoint(path)) == {"w": content_of(expected)}


REACHING: list[tuple[object, object, object, str]] = [
    ((5,), (1,), 0, "beyond its storage"),
    ((4,), (1,), 1, "beyond its storage"),
    ((2,), (4,), 0, "beyond its storage"),
    ((2, 2), (2, 2), 0, "beyond its storage"),
    ((1 << 40,), (0,), 0, "views 16 bytes of storage as 4,398,046,511,104"),
    ((1 << 40, 1 << 40), (0, 0), 0, "product overflows"),
    ((1 << 62,), (1,), 0, "beyond its storage"),
    ((1 << 63,), (1,), 0, "no natural number"),
    ((-1,), (1,), 0, "no natural number"),
    ((2,), (-1,), 3, "no natural number"),
    ((4,), (1,), -1, "no natural number"),
    ((4,), (1,), 1 << 63, "no natural number"),
    ((4.0,), (1,), 0, "no natural number"),
    ((True,), (1,), 0, "no natural number"),
    (("4",), (1,), 0, "no natural number"),
    ((4,), (1, 1), 0, "other dimensions"),
    (4, (1,), 0, "a shape that is none"),
    ((4,), None, 0, "a shape that is none"),
]


@pytest.mark.parametrize(("shape", "strides", "first", "message"), REACHING)
def test_what_does_not_lie_within_its_storage_is_refused(
    shape: object, strides: object, first: object, message: str, tmp_path: Path
) -> None:
    path = archive_of(tmp_path / "w", strided(shape, strides, first))
    with pytest.raises(MalformedError, match=message):
        open_checkpoint(path)


def test_many_small_views_may_not_repeat_a_storage_beyond_reason(tmp_path: Path) -> None:
    wide = filled(1).expand(1 << 22)
    for count, is_refused in ((3, False), (5, True)):
        state = {f"{i}": wide[i:] for i in range(count)}
        path = saved(tmp_path / "w", state)
        if is_refused:
            with pytest.raises(MalformedError, match="views 4 bytes of storage"):
                open_checkpoint(path)
        else:
            assert len(open_checkpoint(path).tensors) == count


def test_a_pickle_whose_checksum_is_another_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "w", {"weight": filled(4)})
    raw = path.read_bytes()
    at = raw.index(b"weight")
    path.write_bytes(raw[:at] + b"v" + raw[at + 1 :])
    with pytest.raises(MalformedError, match="is damaged"):
        open_checkpoint(path)


def test_an_archive_without_checksums_is_read(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        path = saved(tmp_path / "w", {"w": filled(4)})
    finally:
        torch.serialization.set_crc32_options(True)
    assert contents_of(open_checkpoint(path)) == contents_in(path)


def test_an_odd_byte_order_is_refused(tmp_path: Path) -> None:
    for told in (b"middle", b"little ", b""):
        path = archive_of(tmp_path / "w", strided((4,), (1,)), byteorder=told)
        with pytest.raises(MalformedError, match="neither little nor big"):
            open_checkpoint(path)


def test_two_pickles_are_refused(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "w", strided((4,), (1,)))
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("v/data.pkl", b"N.")
    with pytest.raises(MalformedError, match="two pickles in one archive"):
        open_checkpoint(path)


def test_a_compressed_archive_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("w/data.pkl", strided((4,), (1,)))
    with pytest.raises(MalformedError, match="is compressed"):
        open_checkpoint(tmp_path / "w")


def test_a_pickle_that_runs_into_its_neighbour_is_refused(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "w", b"X\x05\0\0\0ab")
    with pytest.raises(MalformedError):
        open_checkpoint(path)


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.99])
@both_layouts
def test_a_cut_file_is_refused(kept: float, layout: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "w", {"w": filled(400), "v": filled(3)}, layout)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(kept * len(raw))])
    with pytest.raises((MalformedError, TruncatedError)):
        open_checkpoint(path)


def test_a_legacy_file_tells_what_follows_its_last_storage(tmp_path: Path) -> None:
    path = saved(tmp_path / "w", {"w": filled(4)}, "legacy")
    with path.open("ab") as file:
        file.write(b"behind")
    opened = open_checkpoint(path)
    assert opened.notes == ("6 bytes behind the last storage not read",)
    assert contents_of(opened) == contents_in(path)


def test_storages_that_no_tensor_of_the_model_needs_are_stepped_over(tmp_path: Path) -> None:
    module = torch.nn.Linear(2, 3)
    module.register_buffer("passing", filled(5), persistent=False)
    module.loose = [filled(7, dtype=torch.float64)]
    module.bias = torch.nn.Parameter(filled(3))
    opened = opened_from(tmp_path / "w", copy.deepcopy(module), "legacy")
    expected = {name: content_of(value) for name, value in module.state_dict().items()}
    assert contents_of(opened) == expected


@pytest.mark.parametrize("content", [{"w": [1, 2]}, "text", [None] * 9])
def test_a_plain_pickle_is_told_apart(content: object, tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(pickle.dumps(content))
    with pytest.raises(UnknownFormatError, match="a pickle, and none of PyTorch's own files"):
        open_checkpoint(tmp_path / "w")


def test_every_name_is_of_a_dtype_that_is_known() -> None:
    assert set(DTYPES) - {dtype.code for dtype in CODES.values()} == {"F6_E2M3", "F6_E3M2"}
