"""The book: what is packed is read again, and what is no book says why."""

import io
import json
import random
import zipfile
from dataclasses import replace

import pytest
from imgtool_kit import PEM, STRANGER, sign

from gen_core.spec.errors import UsageError, VerificationError
from targets import boards
from targets.protocol import book

MANIFEST = {
    "name": "test",
    "version": "1.2.3",
    "sample_rate_hz": 48000,
    "block_frames": 512,
    "model": {"graph": "model/step.onnx", "state": [1, 256]},
    "synth": {"graph": "synth/synth.onnx", "lanes": 16},
    "instruments": [{"name": "flute – flûte"}],
    "params": [],
    "presets": {},
    "provenance": {"sources": "somewhere/else.txt"},
}
FILES = {"model/step.onnx": random.Random(1).randbytes(999), "synth/synth.onnx": bytes(5000)}


def reason(payload_or_book, signed=False):
    """Why a book is refused."""
    with pytest.raises(VerificationError) as caught:
        book.read(payload_or_book if signed else sign(payload_or_book), [PEM])
    assert caught.value.next_step
    return str(caught.value)


def zipped(*entries, **options):
    """Any ZIP: (name, data) pairs."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", **options) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return content.getvalue()


def with_manifest(**changes):
    """A book's ZIP with another manifest."""
    manifest = {"format": 1} | MANIFEST | changes
    return zipped(("manifest.json", json.dumps(manifest)), *FILES.items())


def test_what_is_packed_is_read_again():
    read = book.read(sign(book.pack(MANIFEST, FILES)), [PEM])
    assert read.manifest == MANIFEST | {"format": book.FORMAT}
    assert read.files == FILES
    assert str(read.image.version) == "1.2.3"


def test_the_same_content_is_the_same_bytes_in_whatever_order():
    assert book.pack(MANIFEST, FILES) == book.pack(MANIFEST, dict(reversed(FILES.items())))


def test_any_unzip_reads_it():
    with zipfile.ZipFile(io.BytesIO(book.pack(MANIFEST, FILES))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["manifest.json", "model/step.onnx", "synth/synth.onnx"]
        assert all(entry.date_time == (1980, 1, 1, 0, 0, 0) for entry in archive.infolist())


def test_nothing_is_read_before_the_signature_is_verified():
    text = reason(sign(book.pack(MANIFEST, FILES), STRANGER), signed=True)
    assert "not trusted" in text


def test_a_newer_format_asks_for_an_update():
    text = reason(with_manifest(format=2))
    assert "newer Limonaire (format 2; this one reads 1)" in text and "update" in text


BAD_MANIFESTS = {
    "no format": {"format": None},
    "a format of text": {"format": "1"},
    "a format that never was": {"format": 0},
    "no name": {"name": None},
    "no model": {"model": None},
    "parameters that are no list": {"params": {}},
}


@pytest.mark.parametrize("name", BAD_MANIFESTS)
def test_a_manifest_that_lacks_what_it_needs_is_refused(name):
    assert "manifest.json" in reason(with_manifest(**BAD_MANIFESTS[name]))


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_manifest_that_is_none_is_refused(text):
    assert "manifest.json" in reason(zipped(("manifest.json", text), *FILES.items()))


@pytest.mark.parametrize("missing", FILES)
def test_a_missing_file_is_named(missing):
    left = [item for item in FILES.items() if item[0] != missing]
    manifest = json.dumps({"format": 1} | MANIFEST)
    assert missing in reason(zipped(("manifest.json", manifest), *left))
    with pytest.raises(UsageError, match=missing):
        book.pack(MANIFEST, dict(left))


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/../x", "a//x", ".x", "a\\x", "C:x", "x\n", "ü", "a/b/c/d/e", "x" * 65, ""]
)
def test_a_name_that_leads_elsewhere_is_refused(name):
    with pytest.raises(UsageError):
        book.pack(MANIFEST, FILES | {name: b""})
    if name:
        manifest = json.dumps({"format": 1} | MANIFEST)
        assert "name" in reason(zipped(("manifest.json", manifest), *FILES.items(), (name, b"")))


def test_two_files_of_one_name_are_refused():
    with pytest.warns(UserWarning, match="Duplicate"):
        payload = zipped(("manifest.json", "{}"), ("manifest.json", "{}"))
    assert "one name" in reason(payload)


def test_a_bomb_is_refused_with_its_size_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(book, "MAX_TOTAL_BYTES", 100_000)
    bomb = zipped(("manifest.json", "{}"), ("a", bytes(200_000)), compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 1000 and "200002 bytes" in reason(bomb)
    with pytest.raises(UsageError, match="100000"):
        book.pack(MANIFEST, FILES | {"a": bytes(100_000)})


def test_an_entry_that_lies_about_its_size_gives_no_more_than_it_says():
    payload = bytearray(zipped(("manifest.json", bytes(100_000)), compression=zipfile.ZIP_DEFLATED))
    size = (100_000).to_bytes(4, "little")
    at = payload.rindex(size)
    payload[at : at + 4] = (10).to_bytes(4, "little")
    assert "unpacked" in reason(bytes(payload))


def test_too_many_files_are_refused():
    files = [(f"f{number}", b"") for number in range(300)]
    assert "300 files" in reason(zipped(*files))


@pytest.mark.parametrize("payload", [b"", b"no zip", bytes(1000), book.pack(MANIFEST, FILES)[:-30]])
def test_a_payload_that_is_no_zip_is_refused(payload):
    assert "unpacked" in reason(payload)


def test_no_changed_byte_of_the_zip_raises_anything_else(monkeypatch):
    from targets.protocol import mcuboot

    whole, dice = book.pack(MANIFEST, FILES), random.Random(3)
    image = mcuboot.verify(sign(whole), [PEM])
    monkeypatch.setattr(mcuboot, "verify", lambda data, trusted: image)  # as if a signer had made the mistake
    for _ in range(300):
        data = bytearray(32) + bytearray(whole)
        data[32 + dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
        try:
            book.read(bytes(data), [PEM])
        except VerificationError:
            pass


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, b"x"])
def test_a_manifest_that_json_cannot_hold_is_refused(value):
    with pytest.raises(UsageError, match="manifest"):
        book.pack(MANIFEST | {"extra": value}, FILES)


def test_a_book_for_another_board_or_too_large_says_so_with_numbers():
    made = book.read(sign(book.pack(MANIFEST | {"boards": ["pi_5", "bench"]}, FILES)), [PEM])
    book.check_board(made, boards.find("bench"))
    with pytest.raises(UsageError, match="pi_5, bench, not for pi_3"):
        book.check_board(made, boards.find("pi_3"))
    small = replace(boards.find("bench"), max_book_bytes=1000)
    with pytest.raises(UsageError, match=f"{made.image.size_bytes} bytes; bench takes 1000"):
        book.check_board(made, small)
