"""A lead sheet is read as it is written, goes on for as long as the music, and says which line is wrong."""

import pytest

from gen_core.spec.errors import UsageError
from gen_core.theory.lead_sheet import parse_key, parse_lead_sheet
from gen_core.theory.meter import Meter

WALTZ = """
# a waltz
meter: 3/4
key: G major      # one sharp

| G | Em | Am D7 | G/B . D7 |   # a line of four
| % | N.C. | F#m7b5/A | . Db7 |
"""


def test_chords_share_their_bar_and_repeat_signs_go_on():
    spans = parse_lead_sheet(WALTZ).harmony(Meter(3, 4)).spans
    assert [(span.start, span.chord.symbol, span.bar) for span in spans] == [
        (0, "G", 1), (72, "Em", 2), (144, "Am", 3), (180, "D7", 3), (216, "G/B", 4), (264, "D7", 4),
        (288, "G/B", 5), (336, "D7", 5), (360, "N.C.", 6), (432, "F#m7b5/A", 7), (504, "F#m7b5/A", 8), (540, "Db7", 8),
    ]  # fmt: skip


def test_the_home_key_passes_between_chords_that_it_holds_and_others_keep_their_own_scale():
    home, spans = set(parse_key("G major")), parse_lead_sheet(WALTZ).harmony(Meter(3, 4)).spans
    for span in spans:
        assert span.passing == (span.chord.scale if span.chord.symbol == "Db7" else home)
        assert span.chord.root < 0 or span.passing >= span.chord.tones


def test_the_chords_begin_again_at_their_end():
    harmony = parse_lead_sheet("| C | F G |").harmony(Meter())
    for turn in range(3):
        heard = [harmony.at(step + 192 * turn).chord.symbol for step in (0, 95, 96, 143, 144, 191)]
        assert heard == ["C", "C", "F", "F", "G", "G"]
    assert [step for step in range(192, 384) if harmony.changes_at(step)] == [192, 288, 336]


@pytest.mark.parametrize("pitch_class", range(12))
def test_a_note_sounds_on_until_a_chord_refuses_it(pitch_class):
    harmony = parse_lead_sheet("| C | F G | D/F# |").harmony(Meter())
    for step in (0, 10, 95, 96, 100, 150, 191, 192, 287, 290):
        later = range(step + 1, step + 600)
        refused = (at for at in later if harmony.changes_at(at) and pitch_class not in harmony.at(at).passing)
        assert harmony.steps_until_refused(step, pitch_class, 600) == next(refused, step + 600) - step


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("| C |\n\n# x\n| Hm7x |", "lead sheet line 4: 'Hm7x' is no chord symbol; did you mean Bm7"),
        ("mter: 3/4\n| C |", "lead sheet line 1: there is no header 'mter'; did you mean meter?"),
        ("meter: 5/3\n| C |", "lead sheet line 1: 5/3 is no metre"),
        ("meter: 25/8\n| C |", "lead sheet line 1: a bar of 25/8 has 300 steps, and the grid holds 192"),
        ("key: G mayor\n| C |", "lead sheet line 1: 'G mayor' is no key; did you mean major"),
        ("| C |\nkey: G major", "lead sheet line 2: key stands behind the first bar"),
        ("| C || D |", "lead sheet line 1: a bar is empty"),
        ("| % |", "lead sheet line 1: '%' has nothing before it to repeat"),
        ("key: C major\n", "the lead sheet has no bars"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(text, says):
    with pytest.raises(UsageError) as refused:
        parse_lead_sheet(text)
    assert says in str(refused.value)


def test_another_metre_than_the_sheets_is_refused():
    with pytest.raises(UsageError, match="4/4 contradicts the lead sheet, which is in 3/4"):
        parse_lead_sheet(WALTZ).harmony(Meter())
