"""The user's own key."""

import stat
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_public_key

from gen_core.spec.errors import UsageError
from host_tools import keys


def test_the_key_is_made_once_and_kept_for_its_owner_only(own_home):
    first = keys.user_keys()
    before = first.private.read_bytes()
    assert keys.user_keys() == first and first.private.read_bytes() == before
    assert stat.S_IMODE(first.private.stat().st_mode) == 0o600
    assert first.private.is_relative_to(own_home)


def test_two_programs_that_make_the_key_at_once_end_with_one(own_home):
    code = "from host_tools import keys; print(keys.user_keys().public.read_text())"
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(2)]
    assert len({process.communicate()[0] for process in both}) == 1


def test_a_lost_public_key_is_made_again_from_the_private_one():
    pair = keys.user_keys()
    public = pair.public.read_bytes()
    pair.public.unlink()
    assert keys.user_keys().public.read_bytes() == public
    assert keys.trusted() == [public] and load_pem_public_key(public)


def test_imgtool_signs_with_the_key(tmp_path):
    payload, signed, pair = tmp_path / "payload", tmp_path / "signed", keys.user_keys()
    payload.write_bytes(bytes(1000))
    imgtool = [sys.executable, "-m", "imgtool.main"]
    sign = ["sign", "-k", pair.private, "--header-size", "32", "--pad-header", "--slot-size", "0x10000", "--align", "1"]
    subprocess.run([*imgtool, *sign, "--version", "1.0.0", payload, signed], check=True, capture_output=True)
    done = subprocess.run([*imgtool, "verify", "-k", pair.public, signed], check=True, capture_output=True, text=True)
    assert "correctly validated" in done.stdout


@pytest.mark.parametrize("kind", ["noise", "rsa"])
def test_a_file_that_is_no_ed25519_key_is_refused(kind, tmp_path):
    path = tmp_path / "key.pem"
    made = rsa.generate_private_key(65537, 2048)
    pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(b"noise" if kind == "noise" else pem)
    with pytest.raises(UsageError, match="key"):
        keys.public_pem(path)
