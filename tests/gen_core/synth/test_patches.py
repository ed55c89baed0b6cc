"""Patches are data, and what is wrong with one is said in one line."""

import json

import pytest

from gen_core.playback.instrument import Instrument, Instruments
from gen_core.spec.errors import UsageError
from gen_core.synth import patches

GOOD = 'title = "x"\n[oscillator_1]\nwave = [1.0, 0.5]\nlevel = 0.5\n'


def test_every_general_midi_program_has_exactly_one_instrument() -> None:
    programs = [program for row in patches.rows() for program in row.get("programs", ())]
    assert sorted(programs) == list(range(128))
    assert {patches.instrument_for_program(program) for program in range(128)} <= set(patches.names())


def test_every_percussion_key_has_a_piece_and_neighbours_serve_the_rest() -> None:
    kit = Instrument(next(row for row in patches.rows() if row["name"] == patches.instrument_for_program(0, True)))
    assert set(range(patches.LOWEST_KEY, patches.HIGHEST_KEY + 1)) <= set(kit.kit)
    assert kit.piece(0) == kit.piece(35) and kit.piece(127) == kit.piece(81)


def test_rows_survive_the_manifest() -> None:
    rows = json.loads(json.dumps(patches.rows()))
    book = Instruments(Instrument(row) for row in rows)
    assert rows == patches.rows() and len(book.by_name) == len(rows)
    assert len(patches.names()) >= 7


def test_what_a_patch_does_not_say_has_the_default() -> None:
    row = patches.read(GOOD, "mine.toml")[0]
    assert row["name"] == "mine" and row["oscillator_1"]["ratio"] == 1.0 and row["filter"]["low"] == 1.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[filtre]\n", ("mine.toml", "filtre", "filter")),
        ("[filter]\ncutof_hz = 100\n", ("mine.toml: filter", "cutof_hz", "cutoff_hz")),
        ("[filter]\ncutoff_hz = 5\n", ("mine.toml: filter.cutoff_hz", "20", "20000", "Hz")),
        ("[filter]\ncutoff_hz = nan\n", ("mine.toml: filter.cutoff_hz", "nan", "20")),
        ("[amp]\nattack_s = 'fast'\n", ("mine.toml: amp.attack_s", "fast", "0.0005")),
        ("[amp]\nsustain = true\n", ("mine.toml: amp.sustain", "True", "0 to 1")),
        ("amp = 3\n", ("mine.toml: amp", "[brackets]")),
        ("[oscillator_1]\nwave = 'saww'\n", ("mine.toml: oscillator_1.wave", "saww", "square")),
        ("[oscillator_1]\nwave = []\n", ("mine.toml: oscillator_1.wave", "list of harmonics")),
        ("[oscillator_1]\nwave = { 0 = 1.0 }\n", ("mine.toml: oscillator_1.wave", "harmonic 0")),
        ("[oscillator_1]\nwave = ['loud']\n", ("mine.toml: oscillator_1.wave", "list of harmonics")),
        ("[noise]\nwave = 'saw'\n", ("mine.toml: noise", "wave")),
        ("[noise\n", ("mine.toml", "line 1")),
        ("[pieces.kick]\npitch_key = 36\n", ("mine.toml", "keys")),
        ("[pieces.kick]\nkeyz = [36]\n", ("mine.toml: kick", "keyz", "keys")),
    ],
)
def test_a_wrong_patch_is_told_where_and_what_is_allowed(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        patches.read(text, "mine.toml")
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_an_unknown_instrument_brings_the_nearest_names() -> None:
    with pytest.raises(UsageError, match="organ"):
        Instruments(patches.instruments()).find("orgen")
