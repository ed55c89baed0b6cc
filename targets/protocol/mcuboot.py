"""MCUboot images, as imgtool signs them with ed25519: taken apart, hashed while they arrive, verified.

    header | payload | protected TLVs | TLVs          a TLV is type, length, value, little-endian

The header and every TLV that means something are under the hash, and the signature is over the hash. Beside the
protected ones only hash, key and signature are let in, each of them once: no bit of a file can change unnoticed.
Source: MCUboot, "Bootloader" design document, and what imgtool 2.5 writes.
"""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from gen_core.spec.errors import UsageError, VerificationError

MAGIC = 0x96F3B83D
# magic, load address, header size, protected TLVs' size, payload's size, flags, version (4 fields), padding
HEADER = struct.Struct("<IIHHIIBBHII")
assert HEADER.size == 32
PROTECTED_MAGIC, PLAIN_MAGIC = 0x6908, 0x6907
TLV = struct.Struct("<HH")
KEY_HASH, SHA256, ED25519 = 0x01, 0x10, 0x24
COUNTER_TAG = 0x50  # the security counter, 4 bytes; `imgtool sign --security-counter`
BOOK_TAG, BOOK_MARK = 0x00A0, b"limonaire-book"  # from the range that MCUboot leaves to vendors
SIZES = {KEY_HASH: 32, SHA256: 32, ED25519: 64}
SLICE_BYTES = 1 << 20
MAX_TLV_BYTES = 4096  # per area; ours have about 160

BUILD = "build one with `limonaire build`"
AGAIN = "copy or build it again"


class Version(NamedTuple):
    """A version as MCUboot counts; compared by its first three numbers and then by the build."""

    major: int
    minor: int
    revision: int
    build: int

    def __str__(self) -> str:
        return ".".join(map(str, self[: 4 if self.build else 3]))


class Header(NamedTuple):
    """What the first 32 bytes say. Sizes in bytes."""

    size: int
    payload_size: int
    protected_size: int
    version: Version

    @property
    def hashed_size(self) -> int:
        """Header, payload and protected TLVs."""
        return self.size + self.payload_size + self.protected_size


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image without its payload. `hash` is what names it on the wire; "" or b"" is what an unsigned one lacks."""

    header: Header
    size_bytes: int  # of the whole file
    hash: bytes
    key_hash: bytes
    signature: bytes
    protected: tuple[tuple[int, bytes], ...]

    @property
    def version(self) -> Version:
        return self.header.version

    @property
    def counter(self) -> int:
        """The security counter, 0 where there is none. From the protected area, as everything that means something."""
        return int.from_bytes(dict(self.protected).get(COUNTER_TAG, b""), "little")

    def payload(self, data: bytes) -> bytes:
        """What the image holds, from the file's bytes."""
        return data[self.header.size : self.header.size + self.header.payload_size]


class Arriving:
    """An image hashed while it arrives: a wrong beginning is refused at once, and at the end no second look is needed.

    `limit_bytes`: the largest file that is taken; `size_bytes`: how large it is said to be, None if nobody says.
    `header` is None until it has arrived.
    """

    def __init__(self, limit_bytes: int | None = None, size_bytes: int | None = None) -> None:
        self._limit_bytes, self._size_bytes = limit_bytes, size_bytes
        self._start = b""  # the header, while it is incomplete
        self.header: Header | None = None
        self._digest = hashlib.sha256()  # of all that has come
        self._image_hash = b""  # the same up to where the image's own hash ends, once that is passed
        self._tail = bytearray()  # all TLVs
        self._seen = 0

    @property
    def sha(self) -> bytes:
        """SHA-256 of everything that has been fed."""
        return self._digest.digest()

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; returns those of them that are payload. VerificationError if they can be no book."""
        if self.header is None:
            self._start += data
            check_start(self._start)
            if len(self._start) < HEADER.size:
                self._digest.update(data)
                return b""
            self.header = read_header(self._start, self._limit_bytes)
            check_size(self.header, self._size_bytes)
            data, self._digest = self._start, hashlib.sha256()
        self._hash(self.header, data)
        begins = max(0, self.header.size - self._seen)
        ends = max(0, self.header.size + self.header.payload_size - self._seen)
        self._tail += data[ends:]
        self._seen += len(data)
        if len(self._tail) > 2 * MAX_TLV_BYTES:
            raise VerificationError("the book is damaged: there is more behind its end", AGAIN)
        return data[begins:ends]

    def finish(self) -> Image:
        """The image, if it is whole and its hash is right; its signature is checked by `check_signature`."""
        if self.header is None:
            raise VerificationError(f"{len(self._start)} bytes are no book", BUILD)
        image = _image(self.header, bytes(self._tail), self._seen)
        if image.hash != self._image_hash:
            raise VerificationError("the book is damaged: its hash differs", AGAIN)
        return image

    def _hash(self, header: Header, data: bytes) -> None:
        """One hash for two: the image's is that of the file, stopped on the way."""
        inside = header.hashed_size - self._seen
        if 0 <= inside <= len(data) and not self._image_hash:
            self._digest.update(data[:inside])
            self._image_hash = self._digest.digest()
            data = data[inside:]
        self._digest.update(data)


def parse(data: bytes) -> Image:
    """The structure of an image, checked; neither hash nor signature are."""
    check_start(data)
    if len(data) < HEADER.size:
        raise VerificationError(f"{len(data)} bytes are no book", BUILD)
    header = read_header(data)
    return _image(header, data[header.size + header.payload_size :], len(data))


def verify(data: bytes, trusted: Sequence[bytes] | None) -> Image:
    """The image, if it is whole and signed by one of the `trusted` keys (public, PEM).

    None takes an image of any signer and without one: what a board does that was set up as open. VerificationError
    says what is wrong: no book, damaged, without signature, of a stranger.
    """
    arriving = Arriving()
    arriving.feed(data)
    image = arriving.finish()
    if trusted is not None:
        check_signature(image, trusted)
    return image


def verify_file(file: BinaryIO, trusted: Sequence[bytes] | None) -> Image:
    """The same of an open file, however large, in slices."""
    arriving = Arriving()
    file.seek(0)
    while data := file.read(SLICE_BYTES):
        arriving.feed(data)
    image = arriving.finish()
    if trusted is not None:
        check_signature(image, trusted)
    return image


def check_start(data: bytes) -> None:
    """VerificationError if an image cannot begin so; any number of bytes will do, the first four tell."""
    if data[:4] != MAGIC.to_bytes(4, "little")[: len(data)]:
        raise VerificationError("this is no book: it does not begin like an MCUboot image", BUILD)


def read_header(data: bytes, limit_bytes: int | None = None) -> Header:
    """The header in the first 32 bytes. VerificationError if it makes no sense, or is of more than `limit_bytes`."""
    magic, _, size, protected_size, payload_size, flags, *version, _ = HEADER.unpack_from(data)
    if magic != MAGIC or size < HEADER.size or not TLV.size <= protected_size <= MAX_TLV_BYTES:
        raise VerificationError("this is no book: it is another kind of MCUboot image, or damaged", BUILD)
    if flags:
        cause = f"the image has flags {flags:#x} (encrypted, compressed, or placed)"
        raise VerificationError(cause, "sign books without such options")
    header = Header(size, payload_size, protected_size, Version(*version))
    if limit_bytes is not None and header.hashed_size > limit_bytes:
        raise VerificationError(f"the book has {header.hashed_size} bytes, the limit is {limit_bytes}", BUILD)
    return header


def check_size(header: Header, size_bytes: int | None) -> None:
    """VerificationError if a file of this size cannot be an image of this header: it is cut off, or more than one."""
    if size_bytes is not None and not TLV.size <= size_bytes - header.hashed_size <= MAX_TLV_BYTES:
        cause = f"the book is damaged: it has {size_bytes} bytes, and {header.hashed_size} and its signature are needed"
        raise VerificationError(cause, AGAIN)


def check_signature(image: Image, trusted: Sequence[bytes]) -> None:
    """VerificationError unless the image's hash is signed by one of the `trusted` keys (public, PEM)."""
    if not image.signature or not image.key_hash:
        raise VerificationError("the book has no signature", "sign it: `limonaire build --key KEY.pem`")
    keys = {hashlib.sha256(_der(key)).digest(): key for key in map(_public_key, trusted)}
    if image.key_hash not in keys:
        cause = f"the book is signed by a key that is not trusted ({image.key_hash.hex()[:16]}…)"
        raise VerificationError(cause, "trust that key with --trust, or sign the book with a trusted one")
    try:
        keys[image.key_hash].verify(image.signature, image.hash)
    except InvalidSignature:
        raise VerificationError("the book is damaged: its signature is wrong", AGAIN) from None


def _public_key(pem: bytes) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError("a trusted key is no public ed25519 key in PEM", "make it with `imgtool getpub -e pem`")
    return key


def _der(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _image(header: Header, tail: bytes, size_bytes: int) -> Image:
    """Assemble header and TLVs; `tail` is everything behind the payload."""
    if size_bytes < header.hashed_size + TLV.size:
        cause = f"the book is damaged: it has {size_bytes} bytes and needs more than {header.hashed_size}"
        raise VerificationError(cause, AGAIN)
    protected = list(_entries(tail[: header.protected_size], PROTECTED_MAGIC))
    plain = list(_entries(tail[header.protected_size :], PLAIN_MAGIC))
    values = dict(plain)
    for tag, value in plain:
        if SIZES.get(tag) != len(value):
            cause = f"the book has a part {tag:#04x} of {len(value)} bytes that is not known here"
            raise VerificationError(cause, "sign it with ed25519 over SHA-256")
    if len(values) != len(plain) or len(dict(protected)) != len(protected):
        raise VerificationError("the book holds something twice that it may hold once", AGAIN)
    if SHA256 not in values:
        raise VerificationError("the book has no hash", AGAIN)
    if len(dict(protected).get(COUNTER_TAG, bytes(4))) != 4:
        raise VerificationError("the book has a security counter that is no 32-bit number", AGAIN)
    if dict(protected).get(BOOK_TAG) != BOOK_MARK:
        raise VerificationError("this is no book: an MCUboot image, but not marked as a book", BUILD)
    return Image(
        header=header,
        size_bytes=size_bytes,
        hash=values[SHA256],
        key_hash=values.get(KEY_HASH, b""),
        signature=values.get(ED25519, b""),
        protected=tuple(protected),
    )


def _entries(area: bytes, magic: int) -> Iterator[tuple[int, bytes]]:
    """The TLVs of one area, which must fill it exactly."""
    if len(area) < TLV.size or TLV.unpack_from(area) != (magic, len(area)):
        raise VerificationError("the book is damaged: it is cut off, or longer than it says", AGAIN)
    at = TLV.size
    while at < len(area):
        tag, size = TLV.unpack_from(area, at) if len(area) - at >= TLV.size else (0, len(area))
        at += TLV.size
        if size > len(area) - at:
            raise VerificationError("the book is damaged: one of its parts is cut off", AGAIN)
        yield tag, area[at : at + size]
        at += size
