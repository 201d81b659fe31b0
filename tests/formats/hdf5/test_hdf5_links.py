"""A dataset has all the names that lead to it in the file, and no link leads out of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from initcli.formats.detect import open_checkpoint
from initcli.formats.hdf5.unfiltered import LARGEST
from shell import Run
from stored_bytes import bytes_of


def test_names_are_paths_and_links_to_one_dataset_are_ties(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["layers/dense/vars/0"] = np.ones((3, 4), "f4")
        file["tied"] = file["layers/dense/vars/0"]
        file["layers/up"] = file["layers"]
        file["optimizer/vars/0"] = np.ones(3, "f4")
        file["soft"] = h5py.SoftLink("/layers/dense")
    opened = open_checkpoint(tmp_path / "a.h5")
    assert {*opened.tensors, *opened.ties} == {"layers/dense/vars/0", "tied", "soft/vars/0"}
    assert len(opened.tensors) == 1
    assert "soft/vars/0" in opened.aliases
    assert list(opened.optimizer) == ["optimizer/vars/0"]
    assert not opened.unread


WHOLE = np.random.default_rng(0).normal(size=(11, 7, 5))


def test_every_way_to_a_chunked_dataset_is_a_name_of_it(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a/w", data=WHOLE, chunks=(3, 4, 2), compression="gzip")
        file["a/v"] = file["a/w"]
        file["b"] = file["a"]
        file["soft"] = h5py.SoftLink("b/v")
        file["c/soft"] = h5py.SoftLink("/soft")
    opened = open_checkpoint(tmp_path / "a.h5")
    names = {"a/w", "a/v", "b/w", "b/v", "soft", "c/soft"}
    assert {*opened.tensors, *opened.aliases} == names
    assert len(opened.tensors) == 1
    (tensor,) = opened.tensors.values()
    assert bytes_of(tensor) == WHOLE.tobytes()


LINKS = {"nowhere": "/absent", "itself": "/bad", "an external link": "/out", "beyond": "/out/w"}


@pytest.mark.parametrize("case", LINKS)
def test_a_link_that_leads_nowhere_in_the_file_is_not_followed(
    case: str, run: Run, tmp_path: Path
) -> None:
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["w"] = np.ones(3, "f4")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["good"] = np.ones(3, "f4")
        file["out"] = h5py.ExternalLink(str(tmp_path / "b.h5"), "/")
        file["bad"] = h5py.SoftLink(LINKS[case])
    opened = open_checkpoint(tmp_path / "a.h5")
    assert list(opened.tensors) == ["good"]
    assert list(opened.unread) == ["bad", "out"]
    assert run("stats", "a.h5", "--strict").returncode == 1


def external_link(file: h5py.File, secret: Path) -> None:
    file["bad"] = h5py.ExternalLink(secret, "/w")


def external_storage(file: h5py.File, secret: Path) -> None:
    file.create_dataset("bad", (4,), "u1", external=[(str(secret), 0, 4)])


def virtual(file: h5py.File, secret: Path) -> None:
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource(secret, "w", (4,))
    file.create_virtual_dataset("bad", layout)


def text(file: h5py.File, _: Path) -> None:
    file["bad"] = "text"


def records(file: h5py.File, _: Path) -> None:
    file["bad"] = np.zeros(3, [("a", "f4"), ("b", "i4")])


def references(file: h5py.File, _: Path) -> None:
    file.create_dataset("bad", data=file["good"].ref)


def compressed_otherwise(file: h5py.File, _: Path) -> None:
    file.create_dataset("bad", data=np.zeros(400), compression="lzf")


def huge_chunks(file: h5py.File, _: Path) -> None:
    shape = (LARGEST // 8 + 1,)
    file.create_dataset("bad", shape, "f8", chunks=shape, compression="gzip")


def odd_float(file: h5py.File, _: Path) -> None:
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_ebias(100)
    h5py.h5d.create(file.id, b"bad", kind, h5py.h5s.create_simple((4,)))


def no_space(file: h5py.File, _: Path) -> None:
    file["bad"] = h5py.Empty("f4")


BAD = [
    external_link,
    external_storage,
    virtual,
    text,
    records,
    references,
    compressed_otherwise,
    huge_chunks,
    odd_float,
    no_space,
]


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_what_is_never_read_is_told(
    make: Callable[[h5py.File, Path], None], tmp_path: Path, run: Run
) -> None:
    (tmp_path / "secret").write_bytes(b"root:x:0")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["good"] = np.ones(3, "f4")
        make(file, tmp_path / "secret")
    done = run("stats", "a.h5")
    assert done.returncode == 0
    assert "note     IC908  bad: not checked: " in done.stdout
    assert "good " in done.stdout
    assert "root" not in done.stdout
    assert run("stats", "a.h5", "--strict").returncode == 1
