"""PyTorch loads what is laid out without it: values, dtypes, shapes, ties and order."""

from __future__ import annotations

import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from initcli.core.dtypes import DTYPES
from initcli.core.errors import OutputError
from initcli.core.tensor import TensorSpec
from initcli.engine.parts import Part
from initcli.engine.write import write_checkpoint
from initcli.formats.detect import open_checkpoint
from initcli.formats.writing.file_layout import FileLayout
from initcli.formats.writing.output import Contents, FilePlan, OutputPlan, plan_output
from initcli.formats.writing.placed import reserve
from initcli.formats.writing.torch_zip import torch_layout

HELD = [code for code, dtype in DTYPES.items() if dtype.torch]
State = dict[str, torch.Tensor]


def raw(spec: TensorSpec) -> bytes:
    return bytes(number % 251 for number in range(spec.nbytes))


def produce(spec: TensorSpec) -> Iterator[Part]:
    """Yields a tensor in two parts, where it can be cut."""
    content, half = memoryview(raw(spec)), spec.parameters // 2 // 8 * 8
    middle = half * spec.dtype.bits // 8
    if half:
        yield Part(half, lambda: iter([content[:middle]]))
    yield Part(spec.parameters - half, lambda: iter([content[middle:]]))


def write(path: Path, entries: dict[str, TensorSpec], jobs: int = 1) -> Path:
    plan = plan_output(path, Contents({}, {}, entries))
    write_checkpoint(plan, produce, overwrite=True, jobs=jobs)
    return path


def load(path: Path, *, mmap: bool = False) -> State:
    state: State = torch.load(path, weights_only=True, mmap=mmap)
    return state


def check(state: State, entries: dict[str, TensorSpec]) -> None:
    assert type(state) is OrderedDict
    assert list(state) == list(entries)
    for name, spec in entries.items():
        assert state[name].dtype == getattr(torch, spec.dtype.torch)
        assert state[name].is_contiguous()
        flat = state[name].reshape(-1).view(torch.uint8)
        assert flat.numpy().tobytes() == raw(spec)


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("code", HELD)
def test_every_dtype_that_pytorch_has_is_loaded(code: str, mmap: bool, tmp_path: Path) -> None:
    shapes: list[tuple[int, ...]] = [(3, 34), (2,), (0,), (2, 0, 4), (1, 1, 130)]
    if not DTYPES[code].is_packed:
        shapes.append(())
    entries = {f"{shape}": TensorSpec(f"{shape}", DTYPES[code], shape) for shape in shapes}
    path = write(tmp_path / "w.pt", entries, jobs=2)
    state = load(path, mmap=mmap)
    check(state, entries)
    last = 2 if DTYPES[code].is_packed else 1
    for name, spec in entries.items():
        logical = tuple(state[name].shape)
        assert spec.shape == ((*logical[:-1], last * logical[-1]) if logical else ())
    assert zipfile.ZipFile(path).testzip() is None


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), max_size=300),
        st.lists(st.integers(0, 70), max_size=3),
        max_size=6,
    )
)
def test_every_name_and_shape_is_loaded(shapes: dict[str, list[int]]) -> None:
    entries = {name: TensorSpec(name, DTYPES["U8"], tuple(shape)) for name, shape in shapes.items()}
    with TemporaryDirectory() as directory:
        path = write(Path(directory) / "w.pth", entries)
        check(load(path), entries)
        assert zipfile.ZipFile(path).testzip() is None


def test_a_state_dict_is_what_torch_save_would_have_written(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3), torch.nn.BatchNorm2d(5))
    torch.save(OrderedDict(model.state_dict()), tmp_path / "reference.pt")
    codes = {dtype.torch: dtype for dtype in DTYPES.values()}
    entries = {
        name: TensorSpec(name, codes[str(value.dtype).removeprefix("torch.")], tuple(value.shape))
        for name, value in model.state_dict().items()
    }
    ours, theirs = load(write(tmp_path / "w.pt", entries)), load(tmp_path / "reference.pt")
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        assert (ours[name].shape, ours[name].stride()) == (value.shape, value.stride())
        assert ours[name].dtype == value.dtype
    model.load_state_dict(ours)


@pytest.mark.parametrize("mmap", [False, True])
def test_tied_names_share_their_storage_and_keep_their_places(mmap: bool, tmp_path: Path) -> None:
    embedding = TensorSpec("embedding", DTYPES["F32"], (4, 3))
    body = TensorSpec("body", DTYPES["F32"], (3,))
    entries = {"embedding": embedding, "body": body, "head": embedding, "a": body}
    state = load(write(tmp_path / "w.pt", entries), mmap=mmap)
    check(state, entries)
    assert state["head"].data_ptr() == state["embedding"].data_ptr()
    assert state["a"].data_ptr() == state["body"].data_ptr() != state["head"].data_ptr()


def test_bytes_depend_neither_on_jobs_nor_on_the_name(tmp_path: Path) -> None:
    entries = {name: TensorSpec(name, DTYPES["BF16"], (300, 7)) for name in "abc"}
    one, other = write(tmp_path / "1.pt", entries), write(tmp_path / "2.pth", entries, jobs=3)
    assert one.read_bytes() == other.read_bytes()


def test_every_storage_is_aligned_for_mapping() -> None:
    entries = {name: TensorSpec(name, DTYPES["U8"], (5,)) for name in "abc"}
    assert not any(place.offset % 64 for place in torch_layout(entries).places)


def sparse(path: Path, layout: FileLayout) -> None:
    """Writes a file whose tensors are holes."""
    path.touch()
    with pytest.MonkeyPatch.context() as patched:
        patched.delattr("os.posix_fallocate", raising=False)
        reserve(path, layout)


def test_what_needs_64_bits_is_told_in_64_bits(tmp_path: Path) -> None:
    entries = {name: TensorSpec(name, DTYPES["F32"], (5 << 28,)) for name in ("a", "b")}
    entries["last"] = TensorSpec("last", DTYPES["F32"], (3,))
    layout = torch_layout(entries)
    path = tmp_path / "huge.pt"
    sparse(path, layout)
    with path.open("r+b") as file:
        file.seek(layout.places[-1].offset)
        file.write(b"\0\0\x80\x3f" * 3)
    state = load(path, mmap=True)
    assert [value.numel() for value in state.values()] == [5 << 28, 5 << 28, 3]
    assert state["last"].tolist() == [1, 1, 1]
    assert state["b"][-1] == 0
    opened = open_checkpoint(path)
    assert {name: spec.shape for name, spec in opened.specs.items()} == {
        name: spec.shape for name, spec in entries.items()
    }
    assert [each.offset for each in opened.tensors.values()] == [
        place.offset for place in layout.places
    ]
    sizes = [member.file_size for member in zipfile.ZipFile(path).infolist()]
    assert sizes[2:5] == [5 << 30, 5 << 30, 12]


@pytest.mark.parametrize(
    ("code", "shape", "reason"),
    [
        ("F6_E2M3", (4,), "no dtype for F6_E2M3"),
        ("F6_E3M2", (4,), "no dtype for F6_E3M2"),
        ("F4", (2, 3), "must be even"),
    ],
)
def test_what_pytorch_cannot_hold_is_refused(
    code: str, shape: tuple[int, ...], reason: str
) -> None:
    spec = TensorSpec("layers.0.w", DTYPES[code], shape)
    with pytest.raises(OutputError, match=reason) as caught:
        torch_layout({spec.name: spec})
    assert (caught.value.code, caught.value.where) == ("E104", "layers.0.w")


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    spec = TensorSpec("w", DTYPES["F32"], (4,))
    plan = OutputPlan(tmp_path / "w.pt", (FilePlan("w.pt", torch_layout({"w": spec})),))

    def fail() -> Iterator[memoryview]:
        yield memoryview(bytes(8))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(plan, lambda _: [Part(4, fail)], overwrite=False)
    assert not list(tmp_path.iterdir())
