"""Builds a model from the user's own file: `path/to/file.py:factory`."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from initcli.core.errors import FactoryError, MissingError
from initcli.core.text import did_you_mean, visible
from initcli.models.arguments import parse_arguments

if TYPE_CHECKING:
    from torch import nn


def is_factory(source: str) -> bool:
    """Whether a SOURCE names a factory rather than a checkpoint."""
    path, colon, name = source.rpartition(":")
    return bool(colon) and path.endswith(".py") and name.isidentifier()


def build_module(
    source: str, arguments: Sequence[str] = (), *, seed: int = 0, device: str = "cpu"
) -> nn.Module:
    """Calls the user's factory under `torch.manual_seed(seed)`.

    The file is the user's own program and runs as such; nothing else that initcli reads does.

    Args:
        source: `path/to/file.py:factory`.
        arguments: `name=value` each, the value a Python literal or else text.
        seed: For what the factory draws itself.
        device: `meta` builds shapes without values.

    Raises:
        MissingError: There is no such file.
        OptionError: An argument is malformed or unknown to the factory.
        FactoryError: The file has no such factory, it fails, or it returns no module.
    """
    import torch

    factory = _find(source)
    keywords = parse_arguments(factory, arguments, source)
    with torch.random.fork_rng(devices=[]), torch.device(device), _users_code(source):
        torch.manual_seed(seed)
        module = factory(**keywords)
    if not isinstance(module, torch.nn.Module):
        message = f"the factory returned {type(module).__name__}, not a torch.nn.Module"
        raise FactoryError(message, where=visible(source, 300))
    return module


def _find(source: str) -> Callable[..., object]:
    text, _, name = source.rpartition(":")
    path = Path(text)
    if not _is_file(path):
        raise MissingError("no such file", where=visible(text, 300))
    namespace = vars(_execute(path))
    if not callable(namespace.get(name)):
        functions = [key for key, value in namespace.items() if inspect.isfunction(value)]
        hint = did_you_mean(name, functions) or f"it defines {', '.join(functions) or 'none'}"
        raise FactoryError(f"no function {name!r} in it", where=visible(text, 300), hint=hint)
    found: Callable[..., object] = namespace[name]
    return found


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name that is too long
        return False


def _execute(path: Path) -> Any:  # noqa: ANN401 - a module of the user's
    spec = importlib.util.spec_from_file_location(f"initcli_factory_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise FactoryError("not a Python file", where=visible(str(path), 300))
    module = importlib.util.module_from_spec(spec)
    # At the end, so that the file finds its neighbours but shadows nothing installed.
    sys.path.append(str(path.parent.resolve()))
    sys.modules[spec.name] = module
    with _users_code(str(path)):
        spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _users_code(where: str) -> Iterator[None]:
    """Runs code that is not ours: what it prints is no result, and how it fails is told."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (Exception, SystemExit) as error:
        told = visible(f"{type(error).__name__}: {error}", 400)
        raise FactoryError(told, where=visible(where, 300)) from error
