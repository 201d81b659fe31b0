"""The kinds of files there are, in one table, and how a file's kind is known by its content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from initcli.core.errors import UnknownFormatError
from initcli.formats.peek import Peek, peek_at
from initcli.formats.safetensors import HEADER_LIMIT, PREFIX, read_shard
from initcli.formats.storage.checkpoint import OpenedFile
from initcli.formats.storage.defect import refuse

READABLE = (
    "initcli reads .safetensors and PyTorch's .pt, an index of either, or a directory with one; "
    ".npy, .npz, .gguf, .h5, .keras and .onnx"
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file.

    Attributes:
        what: What it is called, in a message that begins `this is`.
        is_of: Whether a file is of this kind.
        read: Opens such a file and reads names, shapes and places, never values; None where
            nothing here reads it.
        hint: What the user can do where nothing reads it.
    """

    what: str
    is_of: Callable[[Peek], bool]
    read: Callable[[Peek], OpenedFile] | None = None
    hint: str = READABLE


def _begins(*signatures: bytes) -> Callable[[Peek], bool]:
    return lambda peek: peek.head.startswith(signatures)


def _may_be_safetensors(peek: Peek) -> bool:
    return int.from_bytes(peek.head[:PREFIX], "little") <= HEADER_LIMIT


def _is_safetensors(peek: Peek) -> bool:
    """Any first bytes may be a header's length, so that what follows it is asked too."""
    return _may_be_safetensors(peek) and peek.head[PREFIX:].lstrip().startswith(b"{")


def _is_said_to_be_safetensors(peek: Peek) -> bool:
    """Takes a name's word for what is wrong with a file of no known kind, and for nothing else."""
    return _may_be_safetensors(peek) and peek.path.suffix == ".safetensors"


def _read_safetensors(peek: Peek) -> OpenedFile:
    return OpenedFile(*read_shard(peek.path))


def _is_torch_archive(peek: Peek) -> bool:
    if not peek.is_zip:
        return False
    from initcli.formats.pytorch.archive import is_archive  # only where there is need of it

    return is_archive(peek)


def _read_torch_archive(peek: Peek) -> OpenedFile:
    from initcli.formats.pytorch.archive import read_archive

    return read_archive(peek)


def _read_pickle(peek: Peek) -> OpenedFile:
    from initcli.formats.pytorch.plain import read_pickle

    return read_pickle(peek)


def _is_npz(peek: Peek) -> bool:
    if not peek.is_zip:
        return False
    from initcli.formats.npy.reader import is_npz

    return is_npz(peek)


def _read_npz(peek: Peek) -> OpenedFile:
    from initcli.formats.npy.reader import read_npz

    return read_npz(peek)


def _read_npy(peek: Peek) -> OpenedFile:
    from initcli.formats.npy.reader import read_npy

    return read_npy(peek)


def _is_keras(peek: Peek) -> bool:
    if not peek.is_zip:
        return False
    from initcli.formats.hdf5.reader import is_keras

    return is_keras(peek)


def _read_keras(peek: Peek) -> OpenedFile:
    from initcli.formats.hdf5.reader import read_keras

    return read_keras(peek)


def _is_hdf5(peek: Peek) -> bool:
    from initcli.formats.hdf5.reader import is_hdf5

    return is_hdf5(peek)


def _read_hdf5(peek: Peek) -> OpenedFile:
    from initcli.formats.hdf5.reader import read_hdf5

    return read_hdf5(peek)


def _is_onnx(peek: Peek) -> bool:
    from initcli.formats.onnx.reader import is_onnx

    return is_onnx(peek)


def _read_onnx(peek: Peek) -> OpenedFile:
    from initcli.formats.onnx.reader import read_onnx

    return read_onnx(peek)


def _read_gguf(peek: Peek) -> OpenedFile:
    from initcli.formats.gguf.reader import read_gguf

    return read_gguf(peek)


# The protocols 2 to 5 say so first; PyTorch's magic number is what the older ones begin with.
_PICKLES = (b"\x80\2", b"\x80\3", b"\x80\4", b"\x80\5", b"L119547037146038801333356L\n.")

KINDS = (
    Kind("a safetensors file", _is_safetensors, _read_safetensors),
    Kind("a PyTorch file", _is_torch_archive, _read_torch_archive),
    Kind("a pickle", _begins(*_PICKLES), _read_pickle),
    Kind("a NumPy .npz file", _is_npz, _read_npz),
    Kind("a Keras archive", _is_keras, _read_keras),
    Kind("a zip archive of no known kind", lambda peek: peek.is_zip),
    Kind("a GGUF file", _begins(b"GGUF"), _read_gguf),
    Kind("a NumPy .npy file", _begins(b"\x93NUMPY"), _read_npy),
    Kind("an HDF5 file", _is_hdf5, _read_hdf5),
    Kind(
        "a Git LFS pointer, not the file itself (run: git lfs pull)",
        _begins(b"version https://git-lfs"),
    ),
    Kind("a safetensors file", _is_said_to_be_safetensors, _read_safetensors),
    Kind("an ONNX model", _is_onnx, _read_onnx),
)
"""The first that fits counts."""


def read_file(path: Path, *, lenient: bool = False) -> OpenedFile:
    """Opens one file of any kind that is known; only what stands before the values is read.

    Args:
        path: The file.
        lenient: Whether what is sound is of use where a part is broken.

    Raises:
        MissingError: It cannot be opened.
        UnknownFormatError: It is of no known kind, or of one that nothing here reads.
        MalformedError, TruncatedError: It breaks a rule of its format, or is cut.
    """
    peek = peek_at(path)
    if len(peek.head) < PREFIX:
        message = "too short to be a checkpoint"
        raise UnknownFormatError(message, where=peek.where, hint=READABLE)
    kind = next((each for each in KINDS if each.is_of(peek)), None)
    if kind is None:
        message = "a file of no known format"
        raise UnknownFormatError(message, where=peek.where, hint=READABLE)
    if kind.read is None:
        raise UnknownFormatError(f"this is {kind.what}", where=peek.where, hint=kind.hint)
    opened = kind.read(peek)
    if opened.defects and not (lenient and opened.tensors):
        refuse(opened.defects[0])
    return opened
