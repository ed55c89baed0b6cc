"""Blends and ends are told in whole seats and classes."""

import pytest

from gen_core.sequence.layout import KINDS, STYLE_SEATS, TRUNK, left_class, offsets, style_seats
from gen_core.sequence.styles import STYLES

NOBODY = KINDS["style"] - 1


@pytest.mark.parametrize(
    ("weights", "seats"),
    [
        ({}, {NOBODY: 8}),
        ({"game": 1.0}, {STYLES.index("game"): 8}),
        ({"game": 0.3, "chorale": 0.3}, {STYLES.index("game"): 4, STYLES.index("chorale"): 4}),
        ({"quartet": 2.0, "song": 1.0}, {STYLES.index("quartet"): 5, STYLES.index("song"): 3}),
        ({name: 1.0 for name in STYLES}, {number: 1 for number in range(8)}),
    ],
)
def test_a_blend_is_dealt_to_eight_seats_by_weight(weights, seats):
    dealt = style_seats(weights)
    assert len(dealt) == STYLE_SEATS
    assert {style: dealt.count(style) for style in set(dealt)} == seats


def test_the_end_is_told_exactly_when_near_and_coarsely_when_far():
    classes = [left_class(bars) for bars in (1, 2, 3, 4, 5, 6, 7, 9, 13, 17, 500)]
    assert classes == [0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 8]
    assert left_class(0) == KINDS["left"] - 1, "no end in sight"


def test_every_section_has_room_for_each_of_its_classes():
    starts, rows = offsets(TRUNK)
    for start, (_, kind) in zip(starts, TRUNK, strict=True):
        assert start + KINDS[kind] <= rows
