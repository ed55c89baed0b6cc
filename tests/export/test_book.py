"""A built book is what imgtool, the board and the user expect: signed, readable, complete, the same twice."""

import json
import subprocess
import sys

import pytest
from imgtool.keys import ECDSA256P1
from imgtool.keys.ed25519 import Ed25519

from export import book
from gen_core.playback.performance import Performance
from gen_core.spec.errors import UsageError, VerificationError
from gen_core.spec.param import Param
from targets.protocol import book as books


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    key = Ed25519.generate()
    key.export_private(str(folder / "private.pem"))
    (folder / "public.pem").write_bytes(key.get_public_pem())
    return folder


@pytest.fixture(scope="module")
def built(keys, tmp_path_factory):
    path = tmp_path_factory.mktemp("book") / "made.book"
    return path, book.build(path, keys / "private.pem", "made", "1.2.3")


def test_imgtool_itself_finds_the_signature_right(built, keys):
    command = [sys.executable, "-m", "imgtool.main", "verify", "-k", str(keys / "public.pem"), str(built[0])]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and "correctly validated" in done.stdout, done.stdout + done.stderr


def test_a_board_that_trusts_the_key_reads_and_plays_it(built, keys):
    read = books.read(built[0].read_bytes(), [(keys / "public.pem").read_bytes()])
    assert (read.manifest["name"], read.manifest["version"], str(read.image.version)) == ("made", "1.2.3", "1.2.3")
    performance = Performance(read.manifest, read.files, seed=1)
    assert performance.compose_ahead() and performance.render_block().shape == (512, 2)


def test_a_board_that_does_not_trust_the_key_refuses_it(built):
    with pytest.raises(VerificationError, match="trust"):
        books.read(built[0].read_bytes(), [Ed25519.generate().get_public_pem()])


def test_the_manifest_declares_everything_and_fits_json(built, keys):
    manifest = books.read(built[0].read_bytes(), [(keys / "public.pem").read_bytes()]).manifest
    params = {data["id"]: Param.from_dict(data) for data in json.loads(json.dumps(manifest["params"]))}
    assert {"bpm", "energy", "density", "key", "ensemble", "volume", "level.drums", "mute.bass"} <= set(params)
    for preset in manifest["presets"].values():
        assert all(params[name].check(value) == value for name, value in preset.items())
    instruments = {row["name"] for row in manifest["instruments"]}
    assert {part["instrument"] for parts in manifest["ensembles"].values() for part in parts} <= instruments
    assert manifest["provenance"]["pieces"] > 3000


def test_the_same_parts_make_the_same_payload():
    first, second = (books.pack(*book.parts("default", "1.0.0")) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("version", ["1", "1.2", "latest", "300.0.0", "1.0.70000", "1.2.3-rc1", ""])
def test_a_version_that_the_header_cannot_hold_is_refused(version, keys, tmp_path):
    with pytest.raises(UsageError, match="X.Y.Z"):
        book.build(tmp_path / "a.book", keys / "private.pem", "made", version)
    assert not (tmp_path / "a.book").exists()


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_is_none_is_refused_by_name(content, tmp_path):
    path = tmp_path / "my.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"my\.pem"):
        book.build(tmp_path / "a.book", path, "made", "1.0.0")


def test_only_a_private_ed25519_key_without_password_signs(keys, tmp_path):
    locked, other = tmp_path / "locked.pem", tmp_path / "other.pem"
    Ed25519.generate().export_private(str(locked), passwd=b"secret")
    ECDSA256P1.generate().export_private(str(other))
    for path in (locked, other, keys / "public.pem"):
        with pytest.raises(UsageError, match=f"{path.name} cannot sign"):
            book.sign(b"payload", path, "1.0.0")


def test_a_book_of_one_ensemble_holds_its_instruments_and_no_others() -> None:

    whole, _ = book.parts("default", "1.0.0")
    small, _ = book.parts("small", "1.0.0", only=["salon"])
    assert list(small["ensembles"]) == ["salon"] and [row["name"] for row in small["instruments"]] == ["piano"]
    assert len(small["synth"]["voices"]) < len(whole["synth"]["voices"])
    with pytest.raises(UsageError, match="salon"):
        book.parts("small", "1.0.0", only=["saloon"])
