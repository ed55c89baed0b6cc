"""Books signed by imgtool itself, the program whose format we read."""

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

from imgtool.image import Image
from imgtool.keys.ed25519 import Ed25519
from imgtool.version import decode_version

KEY, STRANGER = Ed25519.generate(), Ed25519.generate()
PEM, STRANGER_PEM = KEY.get_public_pem(), STRANGER.get_public_pem()
MARK = {0x00A0: b"limonaire-book"}


def sign(payload, key=KEY, version="1.2.3", custom=MARK, counter=None, sha="auto", pad_header=True, **options):
    """The bytes that imgtool makes of a payload."""
    with TemporaryDirectory() as folder:
        plain, signed = Path(folder) / "payload.bin", Path(folder) / "signed.bin"
        plain.write_bytes(payload)
        image = Image(
            version=decode_version(version),
            header_size=32,
            pad_header=pad_header,
            slot_size=1 << 26,
            align=1,
            security_counter=counter,
            **options,
        )
        image.load(str(plain))
        image.create(key, "hash", None, custom_tlvs=dict(custom), user_sha=sha)
        image.save(str(signed))
        return signed.read_bytes()


def tlv(tag, value):
    """One type, length, value."""
    return tag.to_bytes(2, "little") + len(value).to_bytes(2, "little") + value


def area(magic, *entries):
    """An area of them."""
    content = b"".join(entries)
    return magic.to_bytes(2, "little") + (len(content) + 4).to_bytes(2, "little") + content


def rebuild(data, plain=None, protected=None, key=KEY):
    """A book with other TLVs, hashed and signed again, as a forger with the right key could make it.

    `plain`: a function of (hash, key hash, signature) that gives the entries; `protected`: the entries.
    """
    header_size, protected_size = (int.from_bytes(data[at : at + 2], "little") for at in (8, 10))
    payload_end = header_size + int.from_bytes(data[12:16], "little")
    head, old = bytearray(data[:payload_end]), data[payload_end : payload_end + protected_size]
    kept = old if protected is None else area(0x6908, *protected)
    head[10:12] = len(kept).to_bytes(2, "little")
    digest = hashlib.sha256(bytes(head) + kept).digest()
    key_hash = hashlib.sha256(key.get_public_bytes()).digest()
    entries = [tlv(0x10, digest), tlv(0x01, key_hash), tlv(0x24, key.sign_digest(digest))]
    return bytes(head) + kept + area(0x6907, *(entries if plain is None else plain(entries)))
