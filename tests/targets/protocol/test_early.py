"""The manifest of a book that is still arriving: found as soon as it is there, and never a reason to fall over."""

import io
import random
import zipfile

import pytest

from targets.protocol import book, early

MANIFEST = {"name": "n", "version": "1", "model": {}, "synth": {}, "params": [], "boards": ["pi_4"]}
PAYLOAD = book.pack(MANIFEST, {"model/a.onnx": random.Random(1).randbytes(5000)})


def fed(payload, step):
    """The manifest, and after how many bytes it was there; (None, 0) if it never was."""
    reader = early.EarlyManifest()
    for at in range(0, len(payload), step):
        manifest = reader.feed(payload[at : at + step])
        if manifest is not None:
            assert not reader.waiting and reader.feed(payload) is None, "once"
            return manifest, at + step
    return None, 0


def zipped(*entries, method=zipfile.ZIP_DEFLATED, to=io.BytesIO):
    content = to()
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return content.getvalue()


class Unseekable(io.BytesIO):
    """A ZIP written here has its sizes behind its files."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise OSError

    def tell(self):
        raise OSError


@pytest.mark.parametrize("step", [1, 29, 31, 100, 100_000])
def test_it_is_there_with_its_last_byte(step):
    manifest, at = fed(PAYLOAD, step)
    with zipfile.ZipFile(io.BytesIO(PAYLOAD)) as archive:
        ends = archive.infolist()[1].header_offset
    assert manifest == {"format": book.FORMAT} | MANIFEST
    assert ends <= at < ends + step


def test_one_that_is_not_packed_is_read_as_well():
    assert fed(zipped(("manifest.json", '{"a": 1}'), method=zipfile.ZIP_STORED), 7)[0] == {"a": 1}


ELSEWHERE = {
    "nothing": b"",
    "no ZIP": bytes(9000),
    "another file first": zipped(("a.txt", "x"), ("manifest.json", "{}")),
    "a file whose name is as long": zipped(("manifest.jsoN", "{}")),
    "no JSON": zipped(("manifest.json", "{")),
    "a list": zipped(("manifest.json", "[]")),
    "JSON without end": zipped(("manifest.json", "[" * 100_000)),
    "a bomb": zipped(("manifest.json", b'"' + b" " * (early.MAX_BYTES + 9) + b'"')),
    "sizes that come later": zipped(("manifest.json", "{}"), to=Unseekable),
    "a size beyond the limit": PAYLOAD[:18] + b"\xff\xff\xff\xff" + PAYLOAD[22:],
    "a size beyond its end": PAYLOAD[:18] + b"\xff\xff\x01\0" + PAYLOAD[22:],
    "packed in another way": PAYLOAD[:8] + b"\x0e\0" + PAYLOAD[10:],
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_has_none_in_front_is_let_by(name):
    assert fed(ELSEWHERE[name], 64) == (None, 0)


def test_no_memory_is_kept_for_a_book_that_has_none_in_front():
    reader = early.EarlyManifest()
    for _ in range(100):
        reader.feed(bytes(10_000))
    assert not reader.waiting and not reader._start


def test_no_changed_byte_raises_anything():
    dice = random.Random(3)
    for _ in range(500):
        data = bytearray(PAYLOAD[:1200])
        data[dice.randrange(60 if dice.random() < 0.5 else len(data))] ^= 1 << dice.randrange(8)
        fed(bytes(data), 50)
