"""The page of all instruments: made by one command, small, and true to what the measures say."""

import json
import math

import numpy as np
import pytest

from gen_core.synth import patches
from host_tools import gallery
from host_tools import main as cli
from host_tools.gallery import Facts

FEW = ("flute", "kalimba", "standard.kick", "standard")


@pytest.fixture
def few(monkeypatch):
    """Three instruments in place of all."""
    rows = [dict(row) for row in patches.rows() if row["name"] in FEW]
    for row in rows:
        if "kit" in row:
            row["kit"] = {key: piece for key, piece in row["kit"].items() if piece in FEW}
    monkeypatch.setattr(patches, "rows", lambda: rows)


def test_one_command_makes_the_page_and_its_pictures(few, capsys, tmp_path):
    assert cli.main(["gallery", "-o", str(tmp_path / "docs" / "gallery"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert {family: [entry["name"] for entry in listed] for family, listed in facts.items()} == {
        "chamber": ["flute"], "room": ["kalimba"], "kits": ["standard.kick"]}  # fmt: skip
    page = (tmp_path / "docs" / "gallery.md").read_text()
    for family in facts:
        picture = (tmp_path / "docs" / "gallery" / f"{family}.png").read_bytes()
        assert f"![{family}](gallery/{family}.png)" in page and len(picture) <= gallery.LARGEST_BYTES
        assert picture[:4] == b"\x89PNG" and picture[25] == 3  # the colour type of a palette
    flute, kick = facts["chamber"][0], facts["kits"][0]
    assert flute["decay_s"] is None and 0.02 < flute["attack_s"] < 0.06 and kick["key"] == 36
    assert flute["centres_hz"] == sorted(flute["centres_hz"]) and len(flute["centres_hz"]) == len(gallery.VELOCITIES)
    assert all(-40 < entry["loudness_db"] < -5 for entry in (flute, kick))


def test_a_line_says_what_was_measured_and_no_more():
    facts = Facts("a", "A", "analog", 60, 0.004, 0.003, math.inf, (1.0, 2.0, 3.4, math.nan), -math.inf)
    assert gallery.cells(facts) == ["A", "analog", "60", "< 4 ms", "holds", "1 Hz", "2 Hz", "3 Hz", "–", "–"]


def test_families_come_in_their_order_and_instruments_with_their_key():
    rows = [
        {"name": "x", "voice": "analog"},
        {"name": "y", "voice": "analog", "family": "room"},
        {"name": "k.hat", "voice": "analog"},
        {"name": "k", "kit": {"44": "k.hat", "42": "k.hat"}},
    ]
    found = gallery.families(rows)
    assert [(family, row["name"], key) for family, listed in found.items() for row, key in listed] == [
        ("room", "y", 60), ("other", "x", 60), ("kits", "k.hat", 42)]  # fmt: skip


def test_a_picture_that_would_be_too_large_gets_smaller():
    import io

    from PIL import Image

    noise = np.random.default_rng(1).integers(0, 255, (600, 800, 3), np.uint8)
    png = io.BytesIO()
    Image.fromarray(noise).save(png, "PNG")
    assert png.tell() > gallery.LARGEST_BYTES >= len(gallery.smaller(png.getvalue()))
