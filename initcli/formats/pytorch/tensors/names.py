"""What tensors are called that lie in nested containers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from initcli.formats.pytorch.pickles.records import Call, pairs_of
from initcli.formats.pytorch.tensors.rebuilt import meaning
from initcli.formats.pytorch.tensors.walk import Leaf, children

_MOST_WRAPPERS = 8
# Under which training scripts keep a model's state dict, beside whatever else they keep.
WRAPPERS = {
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "module",
    "net",
    "network",
    "weights",
    "params",
    "ema",
    "ema_state_dict",
    "model_ema",
    "params_ema",
    "state_dict_ema",
    "teacher",
    "student",
}


@dataclass(frozen=True, slots=True)
class Named:
    """Tensors under the names that a user expects.

    Attributes:
        model: The model's, or whatever there is if there is no other.
        optimizer: An optimizer's, which are shown on request.
        below: The path that the model's names lie below and do not repeat.
    """

    model: tuple[Leaf, ...]
    optimizer: tuple[Leaf, ...]
    below: tuple[str, ...] = ()


def named(root: object, found: Iterable[Leaf]) -> Named:
    """Takes off the path to the one state dict, and sets an optimizer's state apart.

    Args:
        root: What the file holds.
        found: Every tensor in it.
    """
    model, optimizer = list[Leaf](), list[Leaf]()
    for leaf in found:
        (optimizer if leaf.is_optimizer else model).append(leaf)
    if not model:
        return Named(tuple(optimizer), ())
    shortened, below = _without_wrappers(root, model)
    return Named(tuple(shortened), tuple(optimizer), below)


def _without_wrappers(root: object, model: list[Leaf]) -> tuple[list[Leaf], tuple[str, ...]]:
    below: tuple[str, ...] = ()
    for _ in range(_MOST_WRAPPERS):
        head = _wrapper(root, model)
        if head is None:
            break
        root = dict(children(root))[head]
        others = [leaf for leaf in model if leaf.path[0] != head]
        model = [replace(leaf, path=leaf.path[leaf.path[0] == head :]) for leaf in model]
        below = (*below, head)
        if others:
            break
    return model, below


def _wrapper(node: object, model: Sequence[Leaf]) -> str | None:
    """Returns the name in a container under which the state dict lies; None if it is that."""
    is_container = isinstance(node, list | tuple) or pairs_of(node) is not None
    if not is_container or not all(leaf.path for leaf in model):
        return None
    heads = dict.fromkeys(leaf.path[0] for leaf in model)
    deep = {leaf.path[0] for leaf in model if len(leaf.path) > 1}
    usual = [head for head in heads if head in deep & WRAPPERS]
    (head,) = heads if len(heads) == 1 else usual if len(usual) == 1 else (None,)
    if head not in deep or not _is_named(dict(children(node)).get(head)):
        return None
    kept = {leaf.path for leaf in model if leaf.path[0] != head}
    inner = (leaf.path[1:] for leaf in model if leaf.path[0] == head)
    return None if kept.intersection(inner) else head


def _is_named(node: object) -> bool:
    """Whether a container gives what it holds names: a dictionary or a module, and no tensor."""
    return pairs_of(node) is not None or (isinstance(node, Call) and meaning(node) is None)
