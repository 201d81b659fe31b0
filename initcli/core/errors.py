"""Every failure a user can cause, with its stable code and exit code."""

from __future__ import annotations

from typing import ClassVar


class InitcliError(Exception):
    """A failure that is told in one clear message.

    Args:
        message: What was found.
        where: The file, tensor or byte it was found at.
        hint: What the user can do about it.
    """

    code: ClassVar[str] = "E000"
    title: ClassVar[str] = "failure"
    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint


class OptionError(InitcliError):
    """An option or argument has a value that means nothing here."""

    code = "E101"
    title = "unusable option"


class PatternError(InitcliError):
    """A tensor pattern is malformed or matches no tensor."""

    code = "E102"
    title = "pattern matches nothing"


class NotApplicableError(InitcliError):
    """A scheme cannot draw a tensor that was selected by name."""

    code = "E103"
    title = "scheme cannot apply"


class OutputError(InitcliError):
    """The output is refused: it exists, is an input, or has no known format."""

    code = "E104"
    title = "output refused"


class FactoryError(InitcliError):
    """The user's model factory could not be imported or called."""

    code = "E105"
    title = "model factory failed"


class RecipeError(InitcliError):
    """A recipe does not exist, or says something that means nothing."""

    code = "E106"
    title = "unusable recipe"


class SettingsError(InitcliError):
    """A settings file does not exist, or says something that means nothing."""

    code = "E107"
    title = "unusable settings"


class BaselineError(InitcliError):
    """A baseline is no report of `initcli stats` as JSON, or lacks what is compared."""

    code = "E108"
    title = "unusable baseline"


class MissingError(InitcliError):
    """A path does not exist, cannot be read, or is no regular file."""

    code = "E201"
    title = "cannot read"


class UnknownFormatError(InitcliError):
    """A path holds nothing that is recognised as a checkpoint."""

    code = "E202"
    title = "not a checkpoint"


class MalformedError(InitcliError):
    """A file breaks the written rules of its format."""

    code = "E203"
    title = "malformed file"


class TruncatedError(InitcliError):
    """A file ends early, or changed while it was being read."""

    code = "E204"
    title = "truncated or changed file"


class IndexMismatchError(InitcliError):
    """A sharded index and its shards disagree."""

    code = "E205"
    title = "index and shards disagree"


class WriteError(InitcliError):
    """The system refused to write the output."""

    code = "E206"
    title = "cannot write"


def without_frames(error: InitcliError) -> InitcliError:
    """Returns an error that is to be kept, and lets go of what the functions it left were holding.

    A file that was refused may have filled hundreds of megabytes until then.
    """
    import traceback

    reason: BaseException | None = error
    while reason is not None:
        traceback.clear_frames(reason.__traceback__)
        reason = reason.__cause__ or reason.__context__
    return error


def catalogue() -> dict[str, type[InitcliError]]:
    """Returns every error class by its code, for the documentation and its test."""
    return {kind.code: kind for kind in InitcliError.__subclasses__()}
