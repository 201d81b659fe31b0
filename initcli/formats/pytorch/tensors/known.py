"""The names of code that tensors need, and those that they do not."""

from __future__ import annotations

from collections.abc import Iterable

from initcli.formats.pytorch.pickles.records import Global
from initcli.formats.pytorch.tensors.arrays import ARRAYS
from initcli.formats.pytorch.tensors.rebuilt import NAMED_DTYPES, REBUILD
from initcli.formats.pytorch.tensors.storages import MODULES, STORAGES

_KNOWN = {
    *REBUILD,
    *ARRAYS,
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.dtype",
    "numpy.ndarray",
    "_codecs.encode",
    "torch._utils._rebuild_wrapper_subclass",
    "torch.Size",
    "torch.Tensor",
    "torch.device",
    "torch.nn.parameter.Parameter",
    "torch.serialization._get_layout",
    "torch.distributed.tensor.DTensor",
    "collections.OrderedDict",
    "collections.defaultdict",
    "collections.Counter",
}
# What TorchScript calls the classes whose code lies in the archive itself.
_OWN = "__torch__"
_KNOWN_MODULES = {"builtins", "__builtin__"}
_KNOWN_TYPES = {"set", "frozenset", "dict", "list", "tuple", "bytes", "bytearray"} | {
    "int",
    "float",
    "complex",
}


def unknown_code(names: Iterable[Global]) -> list[str]:
    """Returns the names of code that no tensor needs, which loading with PyTorch would run."""
    return [str(each) for each in names if not _is_known(each)]


def _is_known(name: Global) -> bool:
    if name.module.split(".", 1)[0] == _OWN:
        return True
    if name.module in _KNOWN_MODULES:
        return name.name in _KNOWN_TYPES
    if name.module in MODULES and name.name in {*STORAGES, *NAMED_DTYPES, *_QUANTISERS}:
        return True
    return str(name) in _KNOWN


_QUANTISERS = {
    "per_tensor_affine",
    "per_channel_affine",
    "per_channel_affine_float_qparams",
    "qint8",
    "quint8",
    "qint32",
    "quint4x2",
    "quint2x4",
}
