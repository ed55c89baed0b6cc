"""`limonaire show` of an instrument: as text, as data, as a picture."""


import numpy as np
import pytest

from gen_core.synth import patches
from host_tools import measuring, patch_picture, patch_view, wiring_picture
from host_tools.orchestra import gather_rows
from tests.fixtures.command_line import data, limonaire


@pytest.mark.parametrize("name", [row["name"] for row in patches.rows()])
def test_everything_that_comes_with_the_synth_is_shown(name, capsys):
    code, out, err = limonaire(capsys, "show", name)
    assert (code, err) == (0, "") and out.startswith("name") and name in out
    assert data(capsys, "show", name)["name"] == name


def test_only_what_differs_from_the_defaults_is_shown(capsys, tmp_path):
    patch = tmp_path / "mine.toml"
    patch.write_text('title = "Mine"\n[amp]\nattack_s = 0.25\n[play]\nmono = "on"\n[oscillator_1]\nwave = "saw"\n')
    shown = data(capsys, "show", patch)
    assert shown["differs"] == {"amp": {"attack_s": 0.25}, "play": {"mono": 1.0}, "oscillator_1": {"wave": "saw"}}
    assert shown["wiring"]["units"]
    _, out, _ = limonaire(capsys, "show", patch)
    assert "[amp]\n  attack_s  0.25 s" in out and "[play]\n  mono  on" in out and "wires\n" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["fluet"], "did you mean flute"),
        (["none.toml"], "none.toml: No such file"),
        (["none.book"], "none.book: No such file"),
        (["flute", "-o", "x.gif"], ".png .svg"),
        (["flute", "--key", "128"], "0 to 127"),
        (["flute", "--velocity", "0"], "1 to 127"),
        (["bad.toml"], "bad.toml:2"),
        (["my.book", "-o", "x.png"], "a book has no picture"),
    ],
)
def test_what_cannot_be_shown_is_one_line_and_usage(words, says, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.toml").write_text("[amp]\nattack_s = 99\n")
    (tmp_path / "my.book").write_bytes(b"book")
    code, out, err = limonaire(capsys, "show", *words)
    assert (code, out, err.count("\n")) == (2, "", 1) and says in err
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize(("name", "kind"), [("flute", "png"), ("standard", "png"), ("bells", "svg")])
def test_a_picture_is_drawn(name, kind, capsys, tmp_path):
    path = tmp_path / f"x.{kind}"
    assert limonaire(capsys, "show", name, "-o", path)[0] == 0
    picture = path.read_bytes()
    if kind == "png":
        assert [int.from_bytes(picture[at : at + 4]) for at in (16, 20)] == [1200, 900]
    else:
        assert b"<svg" in picture and len(picture) > 10_000


def test_silence_has_a_picture(capsys, tmp_path):
    (tmp_path / "mute.toml").write_text("[oscillator_1]\nlevel = 0.0\n")
    code, _, err = limonaire(capsys, "show", tmp_path / "mute.toml", "-o", tmp_path / "x.png")
    assert (code, err) == (0, "") and (tmp_path / "x.png").exists()


def test_a_note_ends_where_it_is_no_longer_heard():
    sampler = measuring.Sampler(gather_rows(patch_view.find("flute")))
    heard = patch_picture.audible(sampler.note("flute", 60, 100, 0.5, 4.0), 48000)
    assert 0.5 < len(heard) / 48000 < 2.0
    silence = np.zeros((48000, 2), np.float32)
    assert len(patch_picture.audible(silence, 48000)) == round(patch_picture.SHORTEST_S * 48000)


@pytest.mark.parametrize("name", patches.voices())
def test_every_unit_stands_right_of_what_it_hears_and_no_two_in_one_place(name):
    made = wiring_picture.layout(patches.voices()[name])
    nodes = [node for layer in made.layers for node in layer]
    assert sorted(n.name for n in nodes if n.name) == sorted(s.name for s in patches.voices()[name].slots)
    assert len({(node.layer, node.row) for node in nodes}) == len(nodes)
    for chain, _ in made.wires:
        assert [node.layer for node in chain] == list(range(chain[0].layer, chain[-1].layer + 1))
