"""What a board's refusal means, in words: SMP return codes as errors."""

from typing import Any

from gen_core.spec.errors import RefusedError
from targets.protocol import smp

ADVICE = {  # (group, code of that group) → what to do
    (smp.Group.IMAGE, smp.ImageError.TOO_LARGE): "build a smaller book; `limonaire boards` shows each board's limit",
    (smp.Group.IMAGE, smp.ImageError.INVALID_MAGIC): "flash a book made by `limonaire build`",
    (smp.Group.IMAGE, smp.ImageError.INVALID_LENGTH): "the file is cut off, or has more behind its end: copy it again",
    (smp.Group.IMAGE, smp.ImageError.NEWER_IS_PLAYING): "build it with a --counter that is not lower",
    (smp.Group.IMAGE, smp.ImageError.ALREADY_PENDING): "a book waits for its first start: reset the board, then flash",
    (smp.Group.IMAGE, smp.ImageError.NO_FREE_SLOT): "confirm the book that plays, or reset the board, then flash again",
    (smp.Group.IMAGE, smp.ImageError.HASH_NOT_FOUND): "upload the book first",
}


class NotSupported(RefusedError):
    """The board does not know this request: another product, or an older version."""


def check(answer: smp.Frame) -> dict[str, Any]:
    """The payload of an answer; RefusedError if it is a refusal."""
    payload = dict(answer.payload)
    error = payload.get("err")
    if isinstance(error, dict):
        group, code = error.get("group", answer.group), error.get("rc", 0)
        names = smp.ERRORS.get(group, smp.ReturnCode)
        advice = ADVICE.get((group, code), "see what the board logs")
        raise RefusedError(f"the board refuses: {_name(names, code)}", advice)
    code = payload.get("rc", 0)
    if code == smp.ReturnCode.ENOTSUP:
        raise NotSupported("the board does not know this request", "bring board and host to the same version")
    if code:
        reason = payload.get("rsn") or _name(smp.ReturnCode, code)
        raise RefusedError(f"the board refuses: {reason}", "see what the board logs")
    return payload


def _name(names: Any, code: Any) -> str:
    try:
        return str(names(code).name).lower().replace("_", " ")
    except ValueError:
        return f"code {code}"
