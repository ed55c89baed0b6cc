"""Whom the board trusts: public keys in PEM, in the board's folder or named at its start."""

from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_public_key

from targets.runtime.log import Log

FOLDER = "trusted"


def trusted_keys(state: Path, named: Sequence[Path], log: Log) -> list[bytes]:
    """Those in the board's folder, then those named. What is not a key is left out, and the log says so."""
    keys = []
    for path in [*sorted((state / FOLDER).glob("*.pem")), *named]:
        try:
            pem = path.read_bytes()
            load_pem_public_key(pem)
            keys.append(pem)
        except (OSError, ValueError) as error:
            log.say(f"{path} is not a public key in PEM ({error}): not trusted")
    return keys
