"""`limonaire render`: any MIDI file into sound, in parts if wanted, by any instruments and at any rate."""

import json

import numpy as np
import pytest
import soundfile

from gen_core.synth import patches
from gen_core.synth.layout import block_frames
from host_tools import midi_file, orchestra, rendering
from host_tools.midi_file import Part
from tests.fixtures.command_line import data, limonaire
from tests.fixtures.hostile import END, header, quantity, track
from tests.host_tools.test_midi_file import event, note

FLUTE, STRINGS, CHURCH = 73, 48, 19
MINE = 'title = "Mine"\n[amp]\nsustain = 1.0\n[oscillator_1]\nlevel = 0.5\n'
KIT = "[pieces.tap]\nkeys = [36]\n[pieces.tap.amp]\ndecay_s = 0.1\nsustain = 0.0\n"


@pytest.fixture
def midi(tmp_path):
    """Three parts, half a second: flute, strings, a kit."""
    bodies = (
        event(0, 0xC0, FLUTE) + note(240, 72) + note(240, 76),
        event(0, 0xC1, STRINGS) + event(0, 0xB1, 7, 90) + note(480, 48, channel=1),
        note(60, 36, channel=9) + note(60, 38, channel=9, before=180),
    )
    path = tmp_path / "in.mid"
    path.write_bytes(header(1, 3) + b"".join(track(body + END) for body in bodies))
    return path


def test_both_engines_sound_a_book_alike(default_home, capsys, midi, tmp_path):
    for engine in ("onnx", "numba"):
        words = (midi, "-o", tmp_path / f"{engine}.wav", "--book", default_home, "--engine", engine)
        assert data(capsys, "render", *words)["notes"] == 5
    one, other = (soundfile.read(tmp_path / f"{engine}.wav")[0] for engine in ("onnx", "numba"))
    short = min(len(one), len(other))
    assert np.abs(one).max() > 0.05 and np.abs(one[:short] - other[:short]).max() < 1e-4


@pytest.mark.parametrize("engine", ["numba", "onnx"])
def test_stems_add_up_to_the_dry_mix(capsys, midi, tmp_path, engine):
    words = (midi, "-o", tmp_path / "out.flac", "--stems", tmp_path / "parts", "--engine", engine)
    report = data(capsys, "render", *words, "--sample-rate", "16000")
    assert [part["instrument"] for part in report["parts"]] == ["flute", "strings", "standard"]
    files = sorted((tmp_path / "parts").iterdir())
    assert [file.name for file in files] == ["01-flute.wav", "02-strings.wav", "03-standard.wav", "mix.wav"]
    *stems, mix = (soundfile.read(file)[0] for file in files)
    assert all(np.abs(stem).max() > 0.01 for stem in stems) and np.abs(sum(stems) - mix).max() < 10 ** (-90 / 20)
    assert {len(stem) for stem in stems} == {len(mix)} == {soundfile.info(tmp_path / "out.flac").frames}
    assert soundfile.info(files[0]).subtype == "FLOAT"


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 192000])
def test_a_rate_is_what_the_file_has_and_the_tail_ends_in_silence(capsys, midi, tmp_path, rate):
    report = data(capsys, "render", midi, "-o", tmp_path / "out.wav", "--sample-rate", rate)
    sound, had = soundfile.read(tmp_path / "out.wav")
    assert had == rate and 0.6 < report["seconds"] <= 0.5 + rendering.TAIL_S + 0.02
    assert len(sound) == round(report["seconds"] * rate) and 0.02 < np.abs(sound).max() < 1.0
    assert np.abs(sound[-block_frames(rate) :]).max() < 0.01


@pytest.mark.parametrize(
    ("rate", "frames"),
    [(8000, 64), (11025, 128), (16000, 192), (22050, 256), (24000, 256), (44100, 512), (48000, 512), (96000, 1024),
     (176400, 1920), (192000, 2048)],
)  # fmt: skip
def test_a_block_lasts_about_as_long_at_every_rate(rate, frames):
    assert block_frames(rate) == frames


BAD = {  # words after the MIDI file → exit code and words of the line
    "a rate below": (("-o", "x.wav", "--sample-rate", "7999"), 2, "8000 to 192000"),
    "a rate above": (("-o", "x.wav", "--sample-rate", "192001"), 2, "8000 to 192000"),
    "no rate": (("-o", "x.wav", "--sample-rate", "fast"), 2, "'fast' is out of range"),
    "another kind of file": (("-o", "x.mp3"), 2, ".wav .flac"),
    "no patch": (("-o", "x.wav", "--patch", "none.toml"), 2, "none.toml: No such file"),
    "a wrong patch": (("-o", "x.wav", "--patch", "wrong.toml"), 2, "wrong.toml:2: amp.attack_s"),
    "a patch that is no text": (("-o", "x.wav", "--patch", "noise.toml"), 2, "noise.toml is no text"),
    "a folder": (("-o", "dir.wav"), 2, "dir.wav is a folder"),
    "the mix over a stem": (("-o", "d/mix.wav", "--stems", "d"), 2, "overwritten by a stem"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_rendered_is_one_line(capsys, midi, tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.toml").write_text("[amp]\nattack_s = -1\n")
    (tmp_path / "noise.toml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "dir.wav").mkdir()
    words, wanted, says = BAD[case]
    code, out, err = limonaire(capsys, "render", midi, *words)
    assert (code, out, err.count("\n")) == (wanted, "", 1) and says in err


def test_whoever_interrupts_a_render_finds_nothing_half_written(capsys, midi, tmp_path, monkeypatch):
    blocks = rendering.Pieces.blocks

    def interrupted(self, *words):
        for number, block in enumerate(blocks(self, *words)):
            if number == 20:
                raise KeyboardInterrupt
            yield block

    monkeypatch.setattr(rendering.Pieces, "blocks", interrupted)
    words = (midi, "-o", tmp_path / "out.wav", "--stems", tmp_path / "parts")
    assert limonaire(capsys, "render", *words) == (130, "", "limonaire: interrupted\n")
    assert not (tmp_path / "out.wav").exists() and not list((tmp_path / "parts").iterdir())


def test_without_numba_the_boards_graph_plays_and_says_so(default_home, capsys, midi, tmp_path, monkeypatch):
    monkeypatch.setattr(orchestra, "has_kernels", lambda: False)
    code, out, err = limonaire(capsys, "render", midi, "-o", tmp_path / "out.wav", "--json")
    assert (code, err.count("\n")) == (0, 1) and "Numba is not installed" in err
    assert json.loads(out)["engine"] == "onnx"


def test_a_hundred_thousand_notes_at_once_are_a_loud_chord(capsys, tmp_path):
    keys = [(0x90 | i % 16, i // 16 % 128) for i in range(100_000)]
    body = b"".join(b"\0" + bytes([status, pitch, 100]) for status, pitch in keys)
    body += quantity(96) + b"\0".join(bytes([status, pitch, 0]) for status, pitch in keys)
    (tmp_path / "in.mid").write_bytes(header(0, 1) + track(body + END))
    report = data(capsys, "render", tmp_path / "in.mid", "-o", tmp_path / "out.wav", "--sample-rate", "8000")
    assert report["notes"] == 16 * 128 and -4.0 < report["peak_db"] <= -0.99


def test_memory_does_not_grow_with_the_song():
    body = note(480) * 2000
    song = midi_file.parse(header(0, 1) + track(body + END), "long.mid")
    made = rendering.Pieces(song, orchestra.gather(None, (), 8000).synth("numba", 1), lambda done, total: None)
    blocks = made.blocks(made.longest)
    assert next(blocks)[0].shape == (64, 2) and len(made.moves) == 4001


# -- who plays -------------------------------------------------------------------------------------------------------
def rows(*pairs):
    return [{"name": name, "voice": "analog", "programs": programs} for name, programs in pairs]


KITS = [{"name": "rock", "kit": {}, "programs": [0]}, {"name": "brush", "kit": {}, "programs": [40]}]
BAND = [*rows(("first", [0]), ("fiddle", [40, 41])), {"name": "rock.kick", "voice": "analog"}, *KITS]


@pytest.mark.parametrize(
    ("program", "percussion", "name"),
    [(40, False, "fiddle"), (44, False, "fiddle"), (7, False, "first"), (99, False, "first"), (0, True, "rock"),
     (8, True, "rock"), (40, True, "brush"), (48, True, "brush"), (127, True, "brush")],
)  # fmt: skip
def test_an_instrument_is_found_by_its_program(program, percussion, name):
    assert orchestra.by_program(BAND, program, percussion) == name


def test_every_program_of_general_midi_has_an_instrument_and_every_kit_number_a_kit():
    known = set(patches.names())
    for percussion in (False, True):
        assert {orchestra.by_program(patches.rows(), program, percussion) for program in range(128)} <= known


@pytest.fixture
def own(tmp_path):
    def written(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return written


def players(files, *parts):
    band = orchestra.gather(None, files)
    return [band.player(Part("", program, percussion)) for program, percussion in parts]


def test_a_patch_of_ones_own_plays_all_melodic_parts_or_those_whose_programs_it_names(own):
    everywhere, organs = own("mine.toml", MINE), own("pipes.toml", f"programs = [{CHURCH}]\n{MINE}")
    melody, organ, drums = (FLUTE, False), (CHURCH, False), (0, True)
    assert players([everywhere], melody, organ, drums) == ["mine", "mine", "standard"]
    assert players([organs], melody, organ, drums) == ["flute", "pipes", "standard"]
    assert players([organs, everywhere], melody, organ) == ["mine", "pipes"]
    assert players([own("taps.toml", KIT)], melody, drums) == ["flute", "taps"]


def test_a_patch_of_ones_own_takes_nobodys_name(own):
    assert players([own("flute.toml", f"programs = [1]\n{MINE}")], (1, False), (FLUTE, False)) == ["flute-2", "flute"]
    band = orchestra.gather(None, [own("standard.toml", KIT)])
    kit = band.rows[-1]
    assert kit["name"] == "standard-2" and set(kit["kit"].values()) == {"standard-2.tap"}
    assert "standard-2.tap" in {row["name"] for row in band.rows}


@pytest.mark.parametrize("engine", ["numba", "onnx"])
def test_a_patch_of_ones_own_sounds_with_either_engine(own, capsys, midi, tmp_path, engine):
    units = 'units = ["noise", "envelope", "pitch", "oscillator", "blend", "svf", "amplifier"]'
    patch = own("bare.toml", f'[voice]\n{units}\n[voice.wires]\n"amplifier.signal" = "svf.filtered"\n')
    words = (midi, "-o", tmp_path / "x.wav", "--patch", patch, "--engine", engine, "--sample-rate", "16000")
    report = data(capsys, "render", *words)
    assert [part["instrument"] for part in report["parts"]] == ["bare", "bare", "standard"] and report["peak_db"] > -40
