"""Whom the board trusts: public keys in PEM, in the board's folder or named at its start."""

from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gen_core.spec.errors import UsageError
from targets.runtime.log import Log

FOLDER = "trusted"


def public_key(path: Path) -> bytes:
    """A public ed25519 key in PEM, as the file holds it. UsageError if it is none."""
    try:
        pem = path.read_bytes()
        if not isinstance(load_pem_public_key(pem), Ed25519PublicKey):
            raise ValueError("another kind of key")
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        cause = f"{path} is no public ed25519 key in PEM: {error}"
        raise UsageError(cause, "make one with `imgtool getpub -e pem`") from None
    return pem


def taken_keys(state: Path, named: Sequence[Path], takes_all: bool, log: Log) -> list[bytes] | None:
    """Whom the board trusts, None for everybody: it was set up as open."""
    return None if takes_all else trusted_keys(state, named, log)


def trusted_keys(state: Path, named: Sequence[Path], log: Log) -> list[bytes]:
    """Those in the board's folder, then those named. What is not a key is left out, and the log says so."""
    keys = []
    for path in [*sorted((state / FOLDER).glob("*.pem")), *named]:
        try:
            keys.append(public_key(path))
        except UsageError as error:
            log.say(f"not trusted: {error}")
    return keys
