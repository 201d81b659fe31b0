"""A value that was damaged within a Keras archive is noticed, however little of it is read."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from in_formats import FORMATS
from initcli.core.errors import MalformedError
from initcli.formats.detect import open_checkpoint
from stored_bytes import bytes_of, contents_of

pytest.importorskip("h5py")
ARRAYS = {
    "first": np.arange(3, dtype=np.float32),
    "w": np.arange(60_000, dtype=np.float32),
    "last": np.ones(5, np.float32),
}


@pytest.fixture(params=["keras", "keras deflated"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    FORMATS[request.param].write(tmp_path / "w", ARRAYS)
    return tmp_path / "w"


def test_a_sound_archive_is_read(archive: Path) -> None:
    found = contents_of(open_checkpoint(archive))
    assert {name: raw for name, (_, _, raw) in found.items()} == {
        name: each.tobytes() for name, each in ARRAYS.items()
    }


def test_a_changed_value_is_noticed_whatever_is_read(archive: Path, tmp_path: Path) -> None:
    """The archive is written again with another content under the old checksum."""
    with zipfile.ZipFile(archive) as old:
        (member,) = [each for each in old.infolist() if each.filename.endswith(".h5")]
        content = bytearray(old.read(member))
    content[content.index(ARRAYS["w"].tobytes()) + 100_000] ^= 1
    with zipfile.ZipFile(tmp_path / "v", "w", member.compress_type) as new:
        new.writestr(member.filename, bytes(content))
    with zipfile.ZipFile(tmp_path / "v") as new:
        wrong = new.getinfo(member.filename).CRC.to_bytes(4, "little")
    raw = (tmp_path / "v").read_bytes()
    (tmp_path / "v").write_bytes(raw.replace(wrong, member.CRC.to_bytes(4, "little")))
    opened = open_checkpoint(tmp_path / "v")
    for name in ARRAYS:
        with pytest.raises(MalformedError, match="checksum"):
            bytes_of(opened.tensors[name])
