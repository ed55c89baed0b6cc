"""Whom the board trusts: public keys in PEM, in the board's folder or named at its start."""

from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_public_key

from gen_core.spec.errors import UsageError
from targets.runtime.log import Log

FOLDER = "trusted"


def public_key(path: Path) -> bytes:
    """A public key in PEM, as the file holds it. UsageError if it is none."""
    try:
        pem = path.read_bytes()
        load_pem_public_key(pem)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is not a public key in PEM: {error}", "name one made by imgtool getpub") from None
    return pem


def trusted_keys(state: Path, named: Sequence[Path], log: Log) -> list[bytes]:
    """Those in the board's folder, then those named. What is not a key is left out, and the log says so."""
    keys = []
    for path in [*sorted((state / FOLDER).glob("*.pem")), *named]:
        try:
            keys.append(public_key(path))
        except UsageError as error:
            log.say(f"not trusted: {error}")
    return keys
