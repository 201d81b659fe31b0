"""What names in formulas stand for: from `--set`, `config.json`, the tensors' names, the recipe."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from initcli.core.errors import OptionError
from initcli.core.tensor import TensorSpec
from initcli.core.text import visible
from initcli.schemes.arithmetic import Formula, UnknownNameError

# JSON may hold whole numbers of any length.
_FLOAT64_MAX = sys.float_info.max
Variables = Mapping[str, float]

# What a configuration may call a thing; the first that it holds is taken.
ALIASES: Mapping[str, Sequence[str]] = {
    "n_layer": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "d_model": ("hidden_size", "d_model", "n_embd", "dim", "embed_dim"),
    "n_head": ("num_attention_heads", "n_head", "n_heads", "num_heads"),
    "n_kv_head": ("num_key_value_heads", "n_kv_heads"),
    "head_dim": ("head_dim", "d_kv"),
    "d_ff": ("intermediate_size", "d_ff", "n_inner", "ffn_dim"),
}
# What a configuration of that name says of a model is not what a tensor is asked for.
_OF_TENSORS = {"layer", "size"}
_NOTHING: Variables = MappingProxyType({})
_BLOCK = re.compile(r"(?:^|(?<=\.))(\d+)(?=\.)")


def parse_settings(settings: Iterable[str]) -> dict[str, float]:
    """Returns what `--set name=value` says; a value may be arithmetic.

    Raises:
        OptionError: It is not of that form, or a name is given twice.
    """
    known: dict[str, float] = {}
    for setting in settings:
        name, equals, text = (part.strip() for part in setting.partition("="))
        if not equals or not all(part.isidentifier() for part in name.split(".")):
            raise OptionError(f"--set must be name=number, not {setting[:80]!r}")
        if name in known:
            raise OptionError(f"--set: {name} is given twice")
        known[name] = _number(name, text)
    return known


def _number(name: str, text: str) -> float:
    try:
        return Formula.parse(text).value({})
    except (ValueError, ArithmeticError, UnknownNameError) as error:
        raise OptionError(f"--set: {name} must be a number, not {text[:80]!r}") from error


def of_config(config: Mapping[str, object]) -> dict[str, float]:
    """Returns every number of a configuration, by its own name and by the usual one.

    What lies deeper has a dotted name, such as `text_config.d_model`.
    """
    numbers: dict[str, float] = {}
    _collect(config, "", numbers)
    return numbers


def _collect(config: Mapping[str, object], prefix: str, numbers: dict[str, float]) -> None:
    own = {
        key: float(value)
        for key, value in config.items()
        if isinstance(value, int | float) and abs(value) <= _FLOAT64_MAX
    }
    for name, keys in ALIASES.items():
        if found := [own[key] for key in keys if key in own]:
            own.setdefault(name, found[0])
    if "head_dim" not in own and {"d_model", "n_head"} <= own.keys() and own["n_head"]:
        own["head_dim"] = own["d_model"] / own["n_head"]
    numbers |= {f"{prefix}{name}": value for name, value in own.items()}
    for key, value in config.items():
        if isinstance(value, Mapping):
            _collect(value, f"{prefix}{key}.", numbers)


@dataclass(frozen=True, slots=True)
class Stacks:
    """The stacks of blocks that tensors' names speak of, as `h.0.attn` does.

    Attributes:
        wrapper: A number that all names begin with, as those of sentence-transformers do: no block.
        depth: Blocks of every stack, by what stands before their number.
    """

    wrapper: str
    depth: Mapping[str, int]

    @classmethod
    def of(cls, names: Iterable[str]) -> Stacks:
        """Counts the blocks that names speak of."""
        heads = {name.partition(".")[0] for name in names}
        head = heads.pop() if len(heads) == 1 else ""
        wrapper = f"{head}." if head.isdecimal() else ""
        depth: dict[str, int] = {}
        for name in names:
            if block := _block_of(name, len(wrapper)):
                depth[block[0]] = max(depth.get(block[0], 0), block[1] + 1)
        return cls(wrapper, depth)

    def variables(self, name: str) -> dict[str, float]:
        """Returns a tensor's block as `layer`, and how many its stack has as `n_layer`."""
        block = _block_of(name, len(self.wrapper))
        if block is None:
            return {"n_layer": max(self.depth.values())} if self.depth else {}
        return {"layer": block[1], "n_layer": self.depth[block[0]]}

    def block(self, name: str) -> str:
        """Returns what a tensor's block is called, such as `h.0`; empty if it is in none."""
        block = _block_of(name, len(self.wrapper))
        return f"{block[0]}{block[1]}" if block else ""


def _block_of(name: str, start: int) -> tuple[str, int] | None:
    """Returns the stack that a tensor's block belongs to and the block's number, if it has one."""
    found = _BLOCK.search(name, start)
    # No model has blocks beyond nine digits; a name may hold thousands.
    if found is None or len(found[1]) > 9:  # noqa: PLR2004
        return None
    return name[: found.start()], int(found[1])


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a checkpoint's tensors, as variables.

    Attributes:
        stacks: What names tell.
        configured: What the configuration says, and above it the user.
        settings: What the user says, which decides.
    """

    stacks: Stacks
    configured: Variables
    settings: Variables

    @classmethod
    def of(
        cls, names: Iterable[str], config: Mapping[str, object], settings: Variables = _NOTHING
    ) -> Known:
        """Gathers it from names, the configuration and what the user says."""
        # A setting may be given by any name that a configuration has for the thing.
        configured = {**of_config({**config, **settings}), **of_config(settings)}
        return cls(Stacks.of(names), configured, settings)

    def of_tensor(self, spec: TensorSpec) -> dict[str, float]:
        """Returns the variables of one tensor."""
        counted = {**self.stacks.variables(spec.name), "size": spec.parameters}
        own = {key: each for key, each in counted.items() if key in _OF_TENSORS}
        return {**counted, **self.configured, **own, **self.settings}


def with_defaults(known: Variables, defaults: Mapping[str, Formula]) -> dict[str, float]:
    """Adds the variables that a recipe defines, where nothing else says what they are.

    Raises:
        OptionError: A definition leaves the range of floating point.
    """
    result = dict(known)
    for name, formula in defaults.items():
        if name in result or not formula.variables <= result.keys():
            continue
        try:
            result[name] = formula.value(result)
        except (ValueError, ArithmeticError) as error:
            where = visible(f"{name} = {formula.text}", 200)
            raise OptionError("leaves the range of floating point", where=where) from error
    return result
