"""Patches are data, and what is wrong with one is said in one line."""

import json

import pytest

from gen_core.playback.instrument import Instrument, Instruments
from gen_core.spec.errors import UsageError
from gen_core.synth import patches

GOOD = 'title = "x"\n[oscillator_1]\nwave = [1.0, 0.5]\nlevel = 0.5\n'


def test_every_general_midi_program_has_exactly_one_instrument() -> None:
    programs = [program for row in patches.rows() if "kit" not in row for program in row.get("programs", ())]
    assert sorted(programs) == list(range(128))


def test_every_percussion_key_has_a_piece_and_neighbours_serve_the_rest() -> None:
    kit = Instrument(next(row for row in patches.rows() if row["name"] == "standard"))
    assert set(range(patches.LOWEST_KEY, patches.HIGHEST_KEY + 1)) <= set(kit.kit)
    assert kit.piece(0) == kit.piece(min(kit.kit)) and kit.piece(127) == kit.piece(max(kit.kit))


def test_there_are_four_families_of_instruments_and_three_kits_or_more() -> None:
    whole = [row for row in patches.rows() if "." not in row["name"]]
    families = {row["family"] for row in whole if "kit" not in row}
    assert families == {"fairground", "arcade", "chamber", "room"}
    assert sum("kit" not in row for row in whole) >= 32 and sum("kit" in row for row in whole) >= 3


def test_rows_survive_the_manifest() -> None:
    rows = json.loads(json.dumps(patches.rows()))
    book = Instruments([Instrument(row) for row in rows], patches.plan_for(rows))
    assert rows == patches.rows() and len(book.by_name) == len(rows)
    assert len(patches.names()) >= 7


def test_what_a_patch_does_not_say_has_the_default() -> None:
    row = patches.read(GOOD, "mine.toml")[0]
    assert row["name"] == "mine" and row["oscillator_1"]["ratio"] == 1.0 and row["filter"]["low"] == 1.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[filtre]\n", ("mine.toml", "filtre", "filter")),
        ("[filter]\ncutof_hz = 100\n", ("mine.toml:2: filter.cutof_hz", "cutoff_hz")),
        ("[filter]\ncutoff_hz = 5\n", ("mine.toml:2: filter.cutoff_hz", "20", "20000", "Hz")),
        ("[filter]\ncutoff_hz = nan\n", ("mine.toml:2: filter.cutoff_hz", "nan", "20")),
        ("[amp]\nattack_s = 'fast'\n", ("mine.toml:2: amp.attack_s", "fast", "0.0005")),
        ("[amp]\nsustain = true\n", ("mine.toml:2: amp.sustain", "True", "0 to 1")),
        ("amp = 3\n", ("mine.toml:1: amp", "[brackets]")),
        ("[oscillator_1]\nwave = 'saww'\n", ("mine.toml:2: oscillator_1.wave", "saww", "square")),
        ("[oscillator_1]\nwave = []\n", ("mine.toml:2: oscillator_1.wave", "list of harmonics")),
        ("[oscillator_1]\nwave = { 0 = 1.0 }\n", ("mine.toml:2: oscillator_1.wave", "harmonic 0")),
        ("[oscillator_1]\nwave = ['loud']\n", ("mine.toml:2: oscillator_1.wave", "list of harmonics")),
        ("[noise]\nwave = 'saw'\n", ("mine.toml:2: noise.wave", "level")),
        ("[noise\n", ("mine.toml", "line 1")),
        ("[pieces.kick]\npitch_key = 36\n", ("mine.toml", "keys")),
        ("[pieces.kick]\nkeyz = [36]\n", ("mine.toml:2: kick: keyz", "keys")),
    ],
)
def test_a_wrong_patch_is_told_where_and_what_is_allowed(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        patches.read(text, "mine.toml")
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_an_unknown_instrument_brings_the_nearest_names() -> None:
    with pytest.raises(UsageError, match="organ"):
        Instruments([Instrument(row) for row in patches.rows()], patches.plan_for(patches.rows())).find("orgen")


VOICE = 'voice = {{ units = [{units}], wires = {{ {wires} }} }}\n'
PLAIN = '"envelope", "pitch", "oscillator", "blend", "svf", "amplifier"'


@pytest.mark.parametrize(
    ("units", "wires", "words"),
    [
        ('"envelop"', "", ("envelop", "envelope")),
        ('"envelope", "envelope"', "", ("envelope is named twice",)),
        (PLAIN, "", ("amplifier.signal is not wired", '"amplifier.signal" = "')),
        (PLAIN.replace('"pitch", ', ""), '"amplifier.signal" = "svf.filtered"', ("oscillator.factor", "add a unit")),
        (PLAIN, '"amplifier.signal" = "svf.filtred"', ("svf.filtred", "svf.filtered")),
        (PLAIN, '"amplifer.signal" = "svf.filtered"', ("amplifer.signal", "amplifier.signal")),
        (PLAIN, '"amplifier.signal" = "svf.filtered", "svf.source" = "amplifier.voice"', ("loop", "svf", "amplifier")),
    ],
)
def test_a_wrong_wire_is_told_where_and_what_would_fit(units: str, wires: str, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        patches.read(VOICE.format(units=units, wires=wires), "mine.toml")
    assert all(word in str(caught.value) for word in ("mine.toml:1", *words)), str(caught.value)


def test_a_patch_may_bring_a_voice_of_its_own_and_shares_one_that_is_there() -> None:
    wires = '"amplifier.signal" = "svf.filtered"'
    alone = patches.read(VOICE.format(units=PLAIN, wires=wires), "mine.toml")[0]
    assert alone["voice"] == "mine" and patches.plan_for([alone]).voices["mine"][0].slots[-1].name == "mixer"
    units = PLAIN.replace('"blend"', '"noise", "blend"')
    assert patches.read(VOICE.format(units=units, wires=wires), "shared.toml")[0]["voice"] == "analog"


def test_two_patches_of_one_name_keep_each_its_own_voice() -> None:
    wires = '"amplifier.signal" = "svf.filtered"'
    first = patches.read(VOICE.format(units=PLAIN, wires=wires), "twin.toml")[0]
    units = PLAIN.replace('"svf"', '"one_pole"')
    other = patches.read(VOICE.format(units=units, wires='"amplifier.signal" = "one_pole.filtered"'), "twin.toml")[0]
    named = patches.read(VOICE.format(units=units.replace('"pitch", ', '"lfo", "pitch", '),
                                      wires='"amplifier.signal" = "one_pole.filtered"'), "analog.toml")[0]  # fmt: skip
    assert len({first["voice"], other["voice"], named["voice"], "analog"}) == 4
