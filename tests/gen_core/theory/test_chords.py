"""A chord symbol is read as it is spelled, and one that cannot be read is named."""

import pytest

from gen_core.spec.errors import UsageError
from gen_core.theory.chords import _SPELLINGS, KINDS, NO_CHORD, parse_chord
from tests.oracles import constraints as oracle


def classes(names):
    return {oracle.NAMES[name] for name in names.split()}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_the_tones_and_passing_notes_of_its_spelling(kind):
    tones, between = map(classes, oracle.KINDS[kind])
    for root, name in enumerate(("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")):
        chord = parse_chord(name + kind)
        assert (chord.root, chord.kind) == (root, kind)
        assert chord.tones == {(tone + root) % 12 for tone in tones}
        assert chord.scale == {(tone + root) % 12 for tone in tones | between}


READ = {
    "C": "C E G", "Am": "A C E", "F#dim": "F# A C", "Bb7": "Bb D F Ab", "Cmaj7": "C E G B", "CM7": "C E G B",
    "CΔ": "C E G B", "Dm7": "D F A C", "Bm7b5": "B D F A", "Bø": "B D F A", "Cdim7": "C Eb Gb A", "Co7": "C Eb Gb A",
    "Caug": "C E G#", "C+": "C E G#", "Gsus2": "G A D", "Gsus4": "G C D", "F6": "F A C D", "Dm6": "D F A B",
    "G9": "G B D F A", "Cadd9": "C D E G", "C/E": "C E G", "C/D": "C D E G", "E♭-7": "Eb Gb Bb Db",
}  # fmt: skip


@pytest.mark.parametrize("symbol", READ)
def test_a_symbol_is_read_as_players_read_it(symbol):
    assert parse_chord(symbol).tones == classes(READ[symbol])


def test_the_bass_stands_behind_the_slash_and_no_chord_allows_all():
    assert parse_chord("C/E").bass == 4 and parse_chord("C").bass == -1
    assert parse_chord("N.C.") == NO_CHORD and NO_CHORD.tones == set(range(12))


@pytest.mark.parametrize("kind", _SPELLINGS)
def test_every_other_spelling_means_a_kind(kind):
    assert parse_chord("G" + kind).kind == _SPELLINGS[kind] in KINDS


@pytest.mark.parametrize(
    ("symbol", "near"),
    [("Hm7", "Bm7"), ("Cmaj77", "Cmaj7"), ("am", "Am"), ("Gsus5", "Gsus"), ("C/H", "C"), ("", "root")],
)
def test_what_is_no_symbol_is_named_with_the_nearest(symbol, near):
    with pytest.raises(UsageError, match="no chord symbol") as refused:
        parse_chord(symbol)
    assert repr(symbol) in refused.value.cause and near in refused.value.next_step
