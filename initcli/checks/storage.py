"""Checks of how a checkpoint is stored: its index, its shards, its declared ties."""

from __future__ import annotations

from collections.abc import Iterator

from initcli.checks.contents import Contents
from initcli.checks.finding import Severity
from initcli.checks.registry import check
from initcli.core.text import visible
from initcli.formats.storage.defect import Flaw


@check(
    "IC301",
    Severity.ERROR,
    of=Contents,
    looks_at="the index of a sharded checkpoint",
    evidence="is_sharded",
    advice="fetch the shards and their index again, from one revision",
)
def index_disagrees(contents: Contents) -> Iterator[tuple[str, str]]:
    """The index and the shards disagree: a shard is absent, or a tensor not where it should be.

    Loaders leave such tensors at their random initialisation, some without a word.
    """
    return _defects(contents, Flaw.DISAGREEMENT)


@check(
    "IC302",
    Severity.ERROR,
    of=Contents,
    looks_at="the headers of a sharded checkpoint",
    evidence="is_sharded",
    advice="remove one of them; compare them first",
)
def name_is_in_two_shards(contents: Contents) -> Iterator[tuple[str, str]]:
    """A name is in two shards.

    Which of the two a loader takes depends on its order, so that no two need agree.
    """
    return _defects(contents, Flaw.DOUBLED)


@check(
    "IC303",
    Severity.ERROR,
    of=Contents,
    looks_at="every file",
    advice="fetch or copy the file again, and compare its hash",
)
def file_is_unreadable(contents: Contents) -> Iterator[tuple[str, str]]:
    """A file is truncated, malformed, or cannot be read.

    All its tensors are lost, and a loader that maps files may read zeros for them.
    """
    return _defects(contents, Flaw.UNREADABLE)


@check(
    "IC304",
    Severity.ERROR,
    of=Contents,
    looks_at="ties declared by metadata, config.json or --model and stored twice",
    evidence="ties",
    advice="store one of the two, or declare no tie",
)
def tie_is_broken(contents: Contents) -> Iterator[tuple[str, str]]:
    """Two names are declared to be one tensor, and hold different values.

    One of the two is lost when the model ties them, and which one depends on the loader.
    """
    for tie in contents.ties:
        if tie.difference:
            tied = f"tied to {visible(tie.name, 120)} by {tie.by}"
            yield tie.alias, f"{tied}, and stored beside it: {tie.difference}"


@check(
    "IC907",
    Severity.NOTE,
    of=Contents,
    looks_at="every checkpoint",
    advice="--strict makes it fail",
    is_coverage=True,
)
def is_empty(contents: Contents) -> str | None:
    """The checkpoint holds no tensor.

    Nothing was found in it because there was nothing to look at.
    """
    return "not checked: there is no tensor in it" if contents.is_empty else None


@check(
    "IC908",
    Severity.NOTE,
    of=Contents,
    looks_at="every checkpoint",
    advice="--strict makes it fail",
    is_coverage=True,
)
def is_not_read(contents: Contents) -> Iterator[tuple[str, str]]:
    """A tensor is in the file and cannot be read from it.

    Its values may be anything, and no number here speaks of them.
    """
    return ((name, f"not checked: {why}") for name, why in contents.unread.items())


def _defects(contents: Contents, flaw: Flaw) -> Iterator[tuple[str, str]]:
    return ((each.tensor, each.what) for each in contents.defects if each.flaw is flaw)
