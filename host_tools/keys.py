"""The user's own signing key: ed25519, made on first use, never in the repository, never leaves this account."""

import os
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gen_core.spec.errors import UsageError
from host_tools import paths


class KeyPair(NamedTuple):
    """Two PEM files: PKCS #8 private key (mode 600) and SubjectPublicKeyInfo public key."""

    private: Path
    public: Path


def user_keys() -> KeyPair:
    """The key pair of this user, made if it is not there yet."""
    folder = paths.folder("DATA") / "keys"
    pair = KeyPair(folder / "private.pem", folder / "public.pem")
    if not pair.private.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_once(pair.private, _private_pem(Ed25519PrivateKey.generate()), 0o600)
    if not pair.public.exists():
        _write_once(pair.public, public_pem(pair.private), 0o644)
    return pair


def public_pem(private: Path) -> bytes:
    """The public half of a private key file, as PEM; UsageError if the file is no ed25519 key."""
    try:
        key = serialization.load_pem_private_key(private.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{private} is no private key ({error})", "give an ed25519 PEM without password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"{private} is no ed25519 key", "make one with `imgtool keygen -t ed25519 -k FILE`")
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, spki)


def trusted(extra: list[Path] | None = None) -> list[bytes]:
    """Public keys (PEM) whose books this user's boards take: the user's own, then `extra` public key files."""
    return [user_keys().public.read_bytes(), *(path.read_bytes() for path in extra or [])]


def _private_pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_once(path: Path, data: bytes, mode: int) -> None:
    """Whole or not at all; of two programs that make the key at once, both end with the first one's."""
    draft = path.with_suffix(f".{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(data)
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
