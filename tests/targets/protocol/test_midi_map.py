"""Controllers and parameters; the messages are made by `mido`, which knows MIDI better than we do."""

import mido
import pytest

from gen_core.spec.errors import UsageError
from targets.protocol import midi_map
from targets.protocol.midi_map import Controller, Move
from tests.fixtures.some_params import PARAMS


def cc(number, value, channel=0):
    return mido.Message("control_change", control=number, value=value, channel=channel).bytes()


def moves(*messages):
    reader = midi_map.Reader()
    return [move for message in messages for move in reader.feed(message)]


@pytest.mark.parametrize(
    "written, controller",
    [
        ("cc 74", Controller("cc", 74)),
        ("cc 74 on 2", Controller("cc", 74, 1)),
        ("NRPN 300 on 16", Controller("nrpn", 300, 15)),
    ],
)
def test_a_controller_is_written_as_it_is_read(written, controller):
    assert midi_map.parse(written) == controller
    assert midi_map.parse(str(controller)) == controller


@pytest.mark.parametrize("written", ["", "cc", "cc 120", "cc 74 on 0", "cc 74 on 17", "nrpn 16384", "note 3", "cc -1"])
def test_what_is_no_controller_is_refused_with_an_example(written):
    with pytest.raises(UsageError, match="write it as cc 74"):
        midi_map.parse(written)


def test_every_parameter_can_be_reached_without_a_map():
    reached = midi_map.standard(PARAMS)
    assert set(reached.values()) == set(PARAMS)
    assert reached[Controller("nrpn", 3)] == "key"
    assert midi_map.target(reached, Controller("nrpn", 3, 11)) == "key"


@pytest.mark.parametrize(
    "number, channel, name",
    [(7, 0, "level.lead"), (7, 9, "level.drums"), (74, 9, "brightness.drums"), (7, 15, "volume"), (1, 4, "energy")],
)
def test_common_controllers_move_what_their_name_says(number, channel, name):
    assert midi_map.target(midi_map.standard(PARAMS), Controller("cc", number, channel)) == name


def test_a_map_of_ones_own_names_controllers_and_parameters():
    assert midi_map.mapped({"cc 20": "bpm"}, PARAMS) == {Controller("cc", 20): "bpm"}
    with pytest.raises(UsageError, match="did you mean energy"):
        midi_map.mapped({"cc 20": "enrgy"}, PARAMS)


def test_plain_controllers_run_from_0_to_1():
    assert moves(cc(74, 0), cc(74, 127, channel=3)) == [
        Move(Controller("cc", 74, 0), 0.0),
        Move(Controller("cc", 74, 3), 1.0),
    ]


def test_an_nrpn_without_fine_data_reaches_the_end_of_the_range():
    assert moves(cc(99, 2), cc(98, 44), cc(6, 127)) == [Move(Controller("nrpn", 300, 0), 1.0)]


def test_an_nrpn_with_fine_data_has_14_bits():
    found = moves(cc(99, 2), cc(98, 44), cc(6, 64), cc(38, 1), cc(6, 127), cc(38, 127))
    assert [round(move.position * 16383) for move in found[1:]] == [64 << 7 | 1, 127 << 7, 16383]


def test_nrpns_of_two_channels_do_not_mix():
    found = moves(cc(99, 0), cc(99, 1, 5), cc(98, 1), cc(98, 2, 5), cc(6, 9), cc(6, 9, 5))
    assert [move.controller for move in found] == [Controller("nrpn", 1, 0), Controller("nrpn", 130, 5)]


@pytest.mark.parametrize(
    "messages",
    [
        [cc(6, 5)],  # nothing selected
        [cc(99, 127), cc(98, 127), cc(6, 5)],  # the number that means none
        [cc(99, 1), cc(98, 1), cc(101, 0), cc(100, 0), cc(6, 5)],  # data of a registered number, the bend range
        [cc(123, 0)],  # all notes off is no knob
        [mido.Message("note_on", note=60).bytes()],
        [mido.Message("pitchwheel", pitch=10).bytes()],
        [[0xB0, 1]],
        [[]],
    ],
)
def test_what_is_not_for_us_moves_nothing(messages):
    assert moves(*messages) == []


def test_steps_go_up_and_down():
    up, down = moves(cc(99, 0), cc(98, 3), cc(96, 0), cc(97, 0))
    assert [midi_map.moved(PARAMS["key"], move, 1.0) for move in (up, down)] == [2.0, 0.0]
    assert midi_map.moved(PARAMS["key"], up, 2.0) == 2.0
    assert midi_map.moved(PARAMS["energy"], down, 0.0) == 0.0


@pytest.mark.parametrize(
    "name, position, value",
    [("bpm", 0.5, 135.0), ("key", 1.0, 2.0), ("seed", 1.0, 2**24 - 1), ("equalizer.low_hz", 0.5, (30 * 800) ** 0.5)],
)
def test_a_position_is_spoken_in_the_parameters_unit(name, position, value):
    moved = midi_map.moved(PARAMS[name], Move(Controller("cc", 1, 0), position), 0.0)
    assert moved == pytest.approx(value)


def test_a_book_with_many_parts_leaves_channel_10_to_the_drums():
    channels = [midi_map.channel_of(part, "drums" if part == 4 else f"part {part}") for part in range(12)]
    assert channels == [0, 1, 2, 3, 9, 5, 6, 7, 8, 10, 11, 12]
