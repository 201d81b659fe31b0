"""What a path holds, recognised by its content."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from initcli.core.errors import MissingError, UnknownFormatError
from initcli.core.text import plural, visible
from initcli.formats.checkpoint import Checkpoint, open_regular
from initcli.formats.gguf import read_gguf
from initcli.formats.gguf_header import MAGIC as GGUF
from initcli.formats.index import SUFFIX, read_index
from initcli.formats.npy import is_npz, read_npy, read_npz
from initcli.formats.npy_header import MAGIC
from initcli.formats.safetensors import HEADER_LIMIT, PREFIX, read_shard
from initcli.formats.zip_directory import SIGNATURE as ZIP

_SHARD = re.compile(r"-\d+-of-\d+\.safetensors$")
_READABLE = (
    "initcli reads .safetensors, a .safetensors.index.json, a directory holding either, "
    ".npy, .npz and .gguf"
)
_SIGNATURES = {
    b"PK\x03\x04": "a zip archive without NumPy arrays (PyTorch .pt?)",
    b"\x89HDF": "an HDF5 file",
    b"\x80\x02": "a pickle (PyTorch legacy .pt)",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself (run: git lfs pull)",
}


def open_checkpoint(path: str | Path, *, lenient: bool = False) -> Checkpoint:
    """Opens a checkpoint: a safetensors file, a sharded index, or a directory with either.

    Only headers are read.

    Args:
        path: What the user named.
        lenient: Whether to open what is sound, and to list as defects what is not.

    Raises:
        MissingError: The path is absent or unreadable.
        UnknownFormatError: Nothing that is recognised lies there.
        MalformedError, TruncatedError, IndexMismatchError: What lies there is broken; a lenient
            reader is told so only where nothing of it can be read.
    """
    path = Path(path)
    try:
        is_directory = path.is_dir()
    except (OSError, ValueError) as error:
        raise MissingError("not a usable path", where=visible(str(path), 300)) from error
    if is_directory:
        return _open_directory(path, lenient=lenient)
    return _open_file(path, lenient=lenient)


def _open_file(path: Path, *, lenient: bool) -> Checkpoint:
    head = _head(path)
    # Any first bytes may be the length of a safetensors header, so that is asked first.
    if len(head) < PREFIX or int.from_bytes(head[:PREFIX], "little") > HEADER_LIMIT:
        if head.lstrip().startswith(b"{"):
            return read_index(path, lenient=lenient)
        if head.startswith(MAGIC):
            return read_npy(path)
        if head.startswith(GGUF):
            return read_gguf(path, lenient=lenient)
        if head.startswith(ZIP) and is_npz(path):
            return read_npz(path, lenient=lenient)
        _refuse_known_format(head, visible(str(path), 300))
    shard, tensors = read_shard(path)
    return Checkpoint(path, (shard,), tensors)


def _head(path: Path) -> bytes:
    descriptor, _, _ = open_regular(path)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(64)


def _refuse_known_format(head: bytes, where: str) -> None:
    for signature, name in _SIGNATURES.items():
        if head.startswith(signature):
            raise UnknownFormatError(f"this is {name}", where=where, hint=_READABLE)


def _open_directory(path: Path, *, lenient: bool) -> Checkpoint:
    try:
        names = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        raise MissingError(error.strerror or "unreadable", where=visible(str(path), 300)) from error
    indexes = [name for name in names if name.endswith(SUFFIX)]
    files = [name for name in names if name.endswith(".safetensors")]
    chosen = indexes or files
    if len(chosen) != 1:
        what = plural(len(indexes), "index", "indexes") if indexes else plural(len(files), "file")
        message = f"a directory with {what} of safetensors" if chosen else "no checkpoint in it"
        hint = _hint_of(chosen)
        raise UnknownFormatError(message, where=visible(str(path), 300), hint=hint)
    opened = _open_file(path / chosen[0], lenient=lenient)
    return replace(opened, path=path, notes=_unlisted(opened, files))


def _hint_of(names: list[str]) -> str:
    if not names:
        return _READABLE
    if all(_SHARD.search(name) for name in names):
        return "these are shards, and their index, *.safetensors.index.json, is missing: fetch it"
    return f"name one of them, such as {visible(names[0], 80)}"


def _unlisted(opened: Checkpoint, files: list[str]) -> tuple[str, ...]:
    known = {shard.path.name for shard in opened.shards} | {each.file for each in opened.defects}
    return tuple(
        f"not read: {visible(name, 120)} is not in the index" for name in files if name not in known
    )
