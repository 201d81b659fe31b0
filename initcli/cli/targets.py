"""Where a report is to go, and in which forms: settled before any work is done for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from initcli.cli.step_summary import summary_path
from initcli.core.errors import OptionError, OutputError
from initcli.core.text import did_you_mean, visible
from initcli.render.formats import Format, format_for

_STDOUT = "-"


@dataclass(frozen=True, slots=True)
class Target:
    """One place that a report is written to.

    Attributes:
        form: How.
        path: The file; None for stdout.
    """

    form: Format
    path: Path | None = None


def targets_of(
    outputs: Sequence[str],
    wanted: Format | None,
    *,
    inputs: Iterable[Path] = (),
    reserved: Path | None = None,
) -> tuple[Target, ...]:
    """Settles where a report goes, so that one scan feeds every form of it.

    Args:
        outputs: `FORM:FILE`, or a bare FILE, whose ending implies its form; `-` is stdout.
        wanted: The form of every bare FILE; where there is none, of stdout.
        inputs: What the user names to be read.
        reserved: What the command writes beside its report.

    Raises:
        OptionError: Two forms would go to stdout.
        OutputError: A file is a checkpoint's by its name, is an input, is named twice, or cannot
            be written.
    """
    given = [_parted(text) for text in outputs]
    targets = [_target(form or wanted, name) for form, name in given]
    if not given or (wanted and all(form for form, _ in given)):
        targets.append(Target(wanted or Format.TABLE))
    _refuse_twice(targets, reserved)
    refuse_inputs(targets, inputs)
    if any(one.form is Format.GITHUB for one in targets) and (path := summary_path()):
        _refuse_unwritable(path)
    return tuple(targets)


def _parted(text: str) -> tuple[Format | None, str]:
    """Parts a form from a file's name; one letter before a colon is a drive.

    Raises:
        OptionError: A word stands where a form should.
    """
    head, colon, tail = text.partition(":")
    if not colon or not head.isalpha() or len(head) == 1:
        return None, text
    if head not in list(Format):
        hint = did_you_mean(head, list(Format)) or f"one of {', '.join(Format)}; or ./{text}"
        raise OptionError(f"no form of output is called {head[:80]!r}", hint=hint)
    return Format(head), tail


def _target(form: Format | None, name: str) -> Target:
    if name == _STDOUT:
        return Target(form or Format.TABLE)
    if not name:
        raise OutputError("no file is named", hint="give FORM:FILE, or FORM:- for stdout")
    path = Path(name)
    _refuse_unwritable(path)
    return Target(format_for(path, form), path)


def _refuse_unwritable(path: Path) -> None:
    from initcli.formats.writing.atomic import refuse_taken

    refuse_taken(path, overwrite=True)


def _refuse_twice(targets: Sequence[Target], reserved: Path | None) -> None:
    paths = [one.path for one in targets]
    if paths.count(None) > 1:
        raise OptionError("two forms would go to stdout", hint="give -o FORM:FILE for one of them")
    seen = {reserved.resolve()} if reserved else set[Path]()
    for path in filter(None, paths):
        if path.resolve() in seen:
            where = visible(str(path), 300)
            raise OutputError("two outputs would stand under one name", where=where)
        seen.add(path.resolve())


def refuse_inputs(targets: Iterable[Target], inputs: Iterable[Path]) -> None:
    """Refuses to replace a file that is read.

    Raises:
        OutputError: A target is an input.
    """
    read = [path for path in inputs if path.is_file()]
    for path in (one.path for one in targets if one.path is not None and one.path.exists()):
        if any(path.samefile(one) for one in read):
            message = "the output is an input, and an input is never changed"
            raise OutputError(message, where=visible(str(path), 300))


def named_files(source: str) -> Iterator[Path]:
    """Yields the files that a model's source names, which no report must replace."""
    yield Path(source)
    yield Path(source) / "config.json"
    yield Path(source.rpartition(":")[0] or source)
