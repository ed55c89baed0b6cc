"""Images as imgtool signs them are read; whatever else comes is refused, and the reason is the right one."""

import random
import subprocess
import sys

import pytest
from imgtool.keys.ecdsa import ECDSA256P1
from imgtool_kit import KEY, MARK, PEM, STRANGER, STRANGER_PEM, area, rebuild, sign, tlv

from gen_core.spec.errors import UsageError, VerificationError
from targets.protocol import mcuboot

PAYLOAD = random.Random(1).randbytes(3000)
BOOK = sign(PAYLOAD)


def refused(data, trusted=(PEM,)):
    """The reason why an image is refused."""
    with pytest.raises(VerificationError) as caught:
        mcuboot.verify(bytes(data), trusted)
    assert caught.value.next_step
    return caught.value.cause


def test_an_image_of_imgtool_is_read_and_verified():
    image = mcuboot.verify(BOOK, [STRANGER_PEM, PEM])
    assert image.payload(BOOK) == PAYLOAD and image.size_bytes == len(BOOK)
    assert str(image.version) == "1.2.3" and image.version == (1, 2, 3, 0)
    assert dict(image.protected) == MARK
    assert len(image.hash) == len(image.key_hash) == 32 and len(image.signature) == 64
    assert mcuboot.parse(BOOK) == image


@pytest.mark.parametrize("version", ["0.0.1", "255.255.65535+4294967295", "1.10.2+7"])
def test_versions_are_read_as_they_were_written(version):
    image = mcuboot.verify(sign(PAYLOAD, version=version), [PEM])
    assert str(image.version) == version.replace("+", ".")


def test_a_counter_and_other_protected_parts_are_let_in():
    image = mcuboot.verify(sign(PAYLOAD, counter=7, custom=MARK | {0x00A1: b"more"}), [PEM])
    assert dict(image.protected)[0x50] == (7).to_bytes(4, "little")


def test_the_command_line_of_imgtool_makes_and_reads_the_same(tmp_path):
    (tmp_path / "payload.zip").write_bytes(PAYLOAD)
    (tmp_path / "key.pem").write_bytes(_private_pem())
    imgtool = [sys.executable, "-m", "imgtool.main"]
    options = "--header-size 32 --pad-header --slot-size 0x4000000 --align 1 --version 1.2.3 -k key.pem".split()
    mark = ["--custom-tlv", "0x00A0", "limonaire-book", "payload.zip", "signed.book"]
    subprocess.run([*imgtool, "sign", *options, *mark], cwd=tmp_path, check=True, capture_output=True)
    assert mcuboot.verify((tmp_path / "signed.book").read_bytes(), [PEM]).payload(BOOK) == PAYLOAD
    (tmp_path / "signed.book").write_bytes(BOOK)
    subprocess.run([*imgtool, "verify", "-k", "key.pem", "signed.book"], cwd=tmp_path, check=True, capture_output=True)


def _private_pem():
    from cryptography.hazmat.primitives import serialization as s

    return KEY.key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())


def test_a_strangers_signature_is_named_as_such():
    assert "not trusted" in refused(sign(PAYLOAD, STRANGER))
    assert "not trusted" in refused(BOOK, [])


def test_an_image_without_signature_is_named_as_such():
    assert "no signature" in refused(sign(PAYLOAD, key=None))


def test_an_open_board_takes_any_signer_and_none_but_nothing_damaged():
    for data in (sign(PAYLOAD, key=None), sign(PAYLOAD, STRANGER)):
        assert mcuboot.verify(data, None).payload(data) == PAYLOAD
        broken = data[:100] + bytes([data[100] ^ 1]) + data[101:]
        assert "hash differs" in refused(broken, None)


def test_a_signature_of_one_key_under_the_name_of_another_is_refused():
    forged = rebuild(BOOK, key=STRANGER, plain=lambda e: [e[0], tlv(1, mcuboot.parse(BOOK).key_hash), e[2]])
    assert "signature is wrong" in refused(forged)


STRANGE = {  # what somebody might hand us → word of the reason
    "nothing": (b"", "no book"),
    "a ZIP": (b"PK\3\4" + bytes(100), "no book"),
    "the beginning of a header": (BOOK[:20], "no book"),
    "a header alone": (BOOK[:32], "damaged"),
    "a book cut in its payload": (BOOK[:2000], "damaged"),
    "a book without its last byte": (BOOK[:-1], "damaged"),
    "a book with a byte behind it": (BOOK + b"\0", "damaged"),
    "a book with much behind it": (BOOK + bytes(100_000), "damaged"),
    "two books": (BOOK + BOOK, "damaged"),
    "an image without our mark": (sign(PAYLOAD, custom={0x00A1: b"x"}), "not marked"),
    "an image with another mark": (sign(PAYLOAD, custom={0x00A0: b"something"}), "not marked"),
    "a longer hash": (sign(PAYLOAD, sha="512"), "not known"),
    "another kind of signature": (sign(PAYLOAD, key=ECDSA256P1.generate()), "not known"),
    "an image without protected parts": (sign(PAYLOAD, custom={}), "another kind"),
    "two hashes": (rebuild(BOOK, lambda e: [e[0], *e]), "twice"),
    "two signatures": (rebuild(BOOK, lambda e: [*e, e[2]]), "twice"),
    "two marks": (rebuild(BOOK, protected=[tlv(0xA0, b"limonaire-book")] * 2), "twice"),
    "no hash": (rebuild(BOOK, lambda e: e[1:]), "no hash"),
    "no key": (rebuild(BOOK, lambda e: [e[0], e[2]]), "no signature"),
    "a short hash": (rebuild(BOOK, lambda e: [tlv(0x10, bytes(31)), *e[1:]]), "not known"),
    "the mark where nothing protects it": (
        rebuild(BOOK, lambda e: [*e, tlv(0xA0, b"limonaire-book")], protected=[tlv(0xA1, b"x")]),
        "not known",
    ),
    "a part that ends behind the area": (rebuild(BOOK, lambda e: [*e, b"\x10\0\xff\0"]), "cut off"),
    "half a part": (rebuild(BOOK, lambda e: [*e, b"\x10\0"]), "cut off"),
    "an area of another kind": (BOOK[:3032] + area(0x6907) + BOOK[3036:], "damaged"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_no_whole_book_is_refused_for_the_right_reason(name):
    data, word = STRANGE[name]
    assert word in refused(data)
    assert word in refused(data, [PEM, STRANGER_PEM])


def test_flags_mean_encryption_or_compression_and_are_refused():
    data = bytearray(BOOK)
    data[16] = 4
    assert "flags" in refused(data)


def test_no_single_changed_bit_gets_through():
    dice = random.Random(5)
    edges = [*range(32 * 8), *range(len(BOOK) * 8 - 176 * 8, len(BOOK) * 8)]  # header and TLVs, every bit
    for bit in [*dice.sample(edges, 500), *dice.sample(range(len(BOOK) * 8), 100)]:
        data = bytearray(BOOK)
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(VerificationError):
            mcuboot.verify(bytes(data), [PEM])


def test_no_cut_and_no_random_bytes_raise_anything_else():
    dice = random.Random(6)
    for _ in range(200):
        for data in (BOOK[: dice.randrange(len(BOOK))], BOOK[:32] + dice.randbytes(200), dice.randbytes(200)):
            with pytest.raises(VerificationError):
                mcuboot.verify(data, [PEM])


@pytest.mark.parametrize("step", [1, 31, 33, 1000, 10_000])
def test_an_image_may_arrive_in_pieces(step):
    arriving = mcuboot.Arriving()
    for at in range(0, len(BOOK), step):
        arriving.feed(BOOK[at : at + step])
    image = arriving.finish()
    assert image == mcuboot.verify(BOOK, [PEM])
    mcuboot.check_signature(image, [PEM])


def test_what_cannot_become_a_book_is_refused_at_its_first_bytes():
    with pytest.raises(VerificationError, match="no book"):
        mcuboot.Arriving().feed(b"P")
    with pytest.raises(VerificationError, match="3032|3054"):
        mcuboot.Arriving(limit_bytes=2000).feed(BOOK[:40])
    arriving = mcuboot.Arriving()
    arriving.feed(BOOK[:1000])
    with pytest.raises(VerificationError, match="damaged"):
        arriving.finish()


@pytest.mark.parametrize("pem", [b"", b"no key", _private_pem(), ECDSA256P1.generate().get_public_pem()])
def test_a_key_that_is_none_is_named_as_such(pem):
    with pytest.raises(UsageError, match="imgtool getpub"):
        mcuboot.verify(BOOK, [pem])
