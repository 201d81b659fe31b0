"""Lays out PyTorch's own file, such as `torch.save` writes of a state dict.

A zip archive: a pickle that tells names, shapes and ties, then each storage's bytes, aligned and
uncompressed, which `torch.load` may map into memory.
Source: https://docs.pytorch.org/docs/2.13/notes/serialization.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from initcli.core.errors import OutputError
from initcli.core.tensor import TensorSpec
from initcli.core.text import visible
from initcli.formats.writing.file_layout import FileLayout, Patch, Place
from initcli.formats.writing.torch_pickle import cannot_hold, pickled_state_dict
from initcli.formats.writing.zip_layout import Archived, Member, archive

# The name under which PyTorch itself archives what goes to no named file.
_ROOT = "archive"
_VERSION = b"3\n"


def torch_layout(entries: Mapping[str, TensorSpec]) -> FileLayout:
    """Lays out one file.

    Args:
        entries: Each name of the state dict, in order, and the tensor that is stored for it;
            tied names share one.

    Raises:
        OutputError: PyTorch has no tensor of a dtype.
    """
    stored = {spec.name: spec for spec in entries.values()}
    _refuse_foreign(stored)
    keys = {name: str(number) for number, name in enumerate(stored)}
    laid = archive(
        [
            Member(f"{_ROOT}/data.pkl", pickled_state_dict(entries, keys)),
            Member(f"{_ROOT}/byteorder", b"little"),
            *(Member(f"{_ROOT}/data/{keys[name]}", spec.nbytes) for name, spec in stored.items()),
            Member(f"{_ROOT}/version", _VERSION),
        ]
    )
    held = dict(zip(stored, laid.members[2:-1], strict=True))
    places = tuple(Place(stored[name], member.offset) for name, member in held.items())
    return FileLayout(laid.size, places, tuple(laid.frame()), lambda crcs: _sealed(held, crcs))


def _sealed(held: Mapping[str, Archived], crcs: Mapping[str, int]) -> Iterator[Patch]:
    for name, member in held.items():
        yield from member.with_crc(crcs[name])


def _refuse_foreign(specs: Mapping[str, TensorSpec]) -> None:
    for spec in specs.values():
        if reason := cannot_hold(spec):
            where = visible(spec.name, 200)
            raise OutputError(reason, where=where, hint="end the name in .safetensors")
