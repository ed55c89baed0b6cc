"""What can go wrong, as types: one root, one child per exit code.

Every error carries its cause and the next step; nobody recognises an error by its text. Each child also is
the builtin exception that it resembles, so that a script may catch either.
"""


class LimonaireError(Exception):
    """Root of every error raised on purpose. `cause` says what is wrong, `next_step` what to do about it."""

    exit_code = 1

    def __init__(self, cause: str, next_step: str = "") -> None:
        super().__init__(f"{cause}; {next_step}" if next_step else cause)
        self.cause = cause
        self.next_step = next_step


class UsageError(LimonaireError, ValueError):
    """What was asked for does not exist or is out of range."""

    exit_code = 2


class NoBoardError(LimonaireError, ConnectionError):
    """No board answers, or more than one could be meant."""

    exit_code = 3


class NoPermissionError(LimonaireError, PermissionError):
    """The system does not let this user open the port or file."""

    exit_code = 4


class BusyError(LimonaireError, BlockingIOError):
    """Another program holds the port."""

    exit_code = 5


class BoardTimeoutError(LimonaireError, TimeoutError):
    """The board did not answer in time."""

    exit_code = 6


class VerificationError(LimonaireError, ValueError):
    """A book is damaged, unsigned, signed by a stranger, or of a format that this version cannot read."""

    exit_code = 7


class RefusedError(LimonaireError, RuntimeError):
    """The board understood and said no."""

    exit_code = 8


class WireError(LimonaireError, ValueError):
    """What came over the wire is damaged, or no message at all."""
