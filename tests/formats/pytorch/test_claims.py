"""What a file of PyTorch claims of its storages is believed only where it can be true."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch._utils import _rebuild_tensor_v2

from initcli.core.dtypes import DTYPES
from initcli.core.errors import MalformedError, TruncatedError, UnknownFormatError
from initcli.formats.detect import open_checkpoint
from stored_bytes import contents_of
from torch_files import CODES, LAYOUTS, content_of, contents_in, filled, saved

pytestmark = pytest.mark.filterwarnings("ignore")
both_layouts = pytest.mark.parametrize("layout", LAYOUTS)


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
    for count in (15, 19):
        state = {f"{i}": wide[i:] for i in range(count)}
        opened = open_checkpoint(saved(tmp_path / "w", state))
        assert len(opened.tensors) == min(count, 16)
        assert all(why.startswith("views 4 bytes") for why in opened.unread.values())
        assert len(opened.tensors) + len(opened.unread) == count


def test_a_few_bytes_viewed_as_terabytes_are_told_and_not_read(tmp_path: Path) -> None:
    opened = open_checkpoint(archive_of(tmp_path / "w", strided((1 << 40,), (0,))))
    assert not opened.tensors
    assert opened.unread == {"w": "views 16 bytes of storage as 4,398,046,511,104"}


@both_layouts
def test_what_is_wrong_with_one_tensor_hides_no_other(layout: str, tmp_path: Path) -> None:
    class Odd:
        def __reduce__(self) -> tuple[object, ...]:
            rebuild = torch._utils._rebuild_tensor_v2  # noqa: SLF001 - as pickles name it
            return rebuild, (filled(2).untyped_storage(), 0, (2,), (9,))

    path = saved(tmp_path / "w", {"a": filled(2), "odd": Odd(), "z": filled(3)}, layout)
    opened = open_checkpoint(path, lenient=True)
    assert contents_of(opened) == {"a": content_of(filled(2)), "z": content_of(filled(3))}
    assert [each.tensor for each in opened.defects] == ["odd"]
    with pytest.raises(MalformedError, match="with other arguments than it takes"):
        open_checkpoint(path)


def test_what_lies_behind_a_pickle_or_belongs_to_no_tensor_is_told(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "w", strided((4,), (1,)) + b"N.", **{"data/7": b"seven"})
    assert open_checkpoint(path).notes == (
        "not read: 2 bytes behind the pickle in w/data.pkl",
        "not read: 1 storage of no tensor that is shown: w/data/7",
    )


def test_a_pickle_whose_checksum_is_another_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "w", {"weight": filled(4)})
    raw = path.read_bytes()
    at = raw.index(b"weight")
    path.write_bytes(raw[:at] + b"v" + raw[at + 1 :])
    with pytest.raises(MalformedError, match="does not have the checksum"):
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


def test_a_second_pickle_is_held_to_the_same_rules(tmp_path: Path) -> None:
    constants = pickle.dumps(({"a": np.zeros(1_000)}, exit), 4)
    path = archive_of(tmp_path / "w", strided((4,), (1,)), **{"constants.pkl": constants})
    opened = open_checkpoint(path)
    assert list(opened.tensors) == ["w"]
    assert opened.unread == {"constants.0.a": "a NumPy array among constants"}
    assert any("_sitebuiltins.Quitter" in note or "exit" in note for note in opened.notes)


def test_two_pickles_are_refused(tmp_path: Path) -> None:
    path = archive_of(tmp_path / "w", strided((4,), (1,)))
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("v/data.pkl", b"N.")
    with pytest.raises(MalformedError, match="two pickles in one archive"):
        open_checkpoint(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_that_was_packed_again_is_read(method: int, tmp_path: Path) -> None:
    state = {"w": filled(3, 50_000), "turned": filled(40, 30).T}
    path = saved(tmp_path / "w", state)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "v", "w", method) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert contents_of(open_checkpoint(tmp_path / "v")) == contents_of(open_checkpoint(path))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_compressed_as_pytorch_cannot_read_is_refused(
    method: int, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "w", "w", method) as file:
        file.writestr("w/data.pkl", strided((4,), (1,)))
    with pytest.raises(MalformedError, match=f"is compressed by method {method}"):
        open_checkpoint(tmp_path / "w")


def test_a_storage_whose_checksum_is_another_is_refused_once_it_is_read(tmp_path: Path) -> None:
    path = saved(tmp_path / "w", {"first": filled(3), "w": filled(7, 400_000), "last": filled(5)})
    raw = bytearray(path.read_bytes())
    at = open_checkpoint(path).shards[0].size // 2
    raw[at] ^= 1
    path.write_bytes(raw)
    opened = open_checkpoint(path)
    with pytest.raises(MalformedError, match="does not have the checksum"):
        contents_of(opened)


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
    opened = open_checkpoint(saved(tmp_path / "w", module, "legacy"))
    expected = {name: content_of(value) for name, value in module.state_dict().items()}
    assert contents_of(opened) == expected


@pytest.mark.parametrize("content", [{"w": [1, 2]}, "text", [None] * 9])
def test_a_plain_pickle_is_told_apart(content: object, tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(pickle.dumps(content))
    with pytest.raises(UnknownFormatError, match="a pickle, and neither tensors"):
        open_checkpoint(tmp_path / "w")


def test_every_name_is_of_a_dtype_that_is_known() -> None:
    assert set(DTYPES) - {dtype.code for dtype in CODES.values()} == {"F6_E2M3", "F6_E3M2"}
