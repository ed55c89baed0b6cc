"""Files that appear under their name when they are whole, or not at all."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gen_core.spec.errors import LimonaireError, NoPermissionError, UsageError

_NAME_KEPT = 40  # letters of the name, in the draft's


@contextlib.contextmanager
def drafted(path: Path) -> Iterator[Any]:
    """A binary file that is written beside its place and moved there when all went well; otherwise nothing is left.

    Errors say which file and why: NoPermissionError, UsageError for a place that is none, LimonaireError for a full
    disk.
    """
    draft = path.with_name(f".{os.getpid()}-{path.name[-_NAME_KEPT:]}")
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a folder", "give the name of a file")
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_draft(draft) as file:
            yield file
        os.replace(draft, path)
    except OSError as error:
        if isinstance(error, LimonaireError):
            raise
        raise _explained(error, path) from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def open_draft(path: Path) -> Any:
    """The file that is written. Nothing is buffered, so that a full disk is known at once."""
    return open(path, "xb+", buffering=0)


def _explained(error: OSError, path: Path) -> LimonaireError:
    """What the disk said, with the file that was to be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LimonaireError(f"there is no room left for {path}", "free some, or write it elsewhere with -o")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return NoPermissionError(f"{path} cannot be written: {error.strerror}", "write it to a folder of your own")
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EISDIR):
        return UsageError(f"{path} cannot be written: {error.strerror}", "check the path")
    return LimonaireError(f"{path} cannot be written: {error.strerror or error}", "check the disk")
