"""MIDI ports of this machine, the learned map, and the loop that joins a board to them."""

import time

import mido
import pytest

from gen_core.spec.errors import BoardTimeoutError, UsageError
from host_tools import bridging, midi_ports
from targets.protocol import midi_map, osc
from targets.protocol.midi_bridge import Bridge, Ways
from tests.fixtures import fake_midi
from tests.fixtures.some_params import PARAMS


@pytest.fixture(autouse=True)
def backend(monkeypatch):
    monkeypatch.setattr(mido, "backend", mido.backend)
    mido.set_backend("tests.fixtures.fake_midi")
    fake_midi.sent.clear(), fake_midi.waiting.clear()
    yield
    mido.set_backend()


class FakeBoard:
    """What the loop asks of a device: it tells of one note, and answers where it is."""

    def __init__(self):
        self.told, self.answers, self.link, self.topics = [], [osc.Message("/note", (0, 0, 60, 1, 90))], self, ()

    def subscribe(self, *topics):
        self.topics = topics

    def tell(self, message):
        self.told.append(message)
        if message.address == "/sync":
            self.answers.append(osc.Message("/sync", (*message.args, 0, 0.0, 480 * 8, 120.0)))

    def heard(self, timeout_s):
        time.sleep(timeout_s)
        answers, self.answers = self.answers, []
        return answers


def test_a_port_is_found_by_the_beginning_of_its_name():
    assert midi_ports.listed() == {"in": fake_midi.NAMES, "out": fake_midi.NAMES}
    assert midi_ports.open_input("knobs").name == "Knobs 20:0"
    assert midi_ports.open_output(None).name == "Limonaire"


def test_a_port_that_is_not_there_is_said_in_one_line_with_those_that_are():
    with pytest.raises(UsageError, match=r"no MIDI port 'Knbs 20:0'.*did you mean Knobs 20:0"):
        midi_ports.open_input("Knbs 20:0")


def test_messages_go_both_ways_and_sounding_notes_end():
    board, bridge = FakeBoard(), Bridge(PARAMS, midi_map.standard(PARAMS), Ways(clock_out=True))
    source, sink = midi_ports.open_input("Knobs"), midi_ports.open_output("Keys")
    fake_midi.waiting["Knobs 20:0"] = [mido.Message("control_change", control=1, value=127)]
    counts = bridging.run(board, bridge, source, sink, seconds=0.2)
    assert board.topics == ("ack", "notes")
    assert osc.Message("/param/energy", (1.0,)) in board.told
    kinds = [message.type for message in fake_midi.sent["Keys 24:0"]]
    assert kinds[0] == "note_on" and "note_off" in kinds
    assert "start" in kinds and "clock" in kinds
    assert counts == {"from_midi": 1, "to_midi": len(kinds)}


def test_a_learned_controller_is_kept_and_takes_the_place_of_the_one_before(tmp_path):
    file = tmp_path / "new" / "midi.toml"
    midi_ports.learn(midi_map.Controller("cc", 20, 2), "energy", file)
    midi_ports.learn(midi_map.Controller("nrpn", 300), "level.lead", file)
    midi_ports.learn(midi_map.Controller("cc", 21, 2), "energy", file)
    learned = midi_ports.load_map(file, PARAMS)
    assert learned[midi_map.Controller("cc", 21, 2)] == "energy"
    assert learned[midi_map.Controller("nrpn", 300)] == "level.lead"
    assert midi_map.Controller("cc", 20, 2) not in learned


@pytest.mark.parametrize(
    "text, says",
    [("[map", "is no map"), ('[map]\n"cc 999" = "energy"', "no MIDI controller"), ("map = 3", "is no map")],
)
def test_a_map_that_cannot_be_read_says_what_is_wrong(tmp_path, text, says):
    file = tmp_path / "midi.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=says):
        midi_ports.load_map(file, PARAMS)


def test_learning_waits_for_a_controller_and_not_for_ever():
    source = midi_ports.open_input("Knobs")
    fake_midi.waiting["Knobs 20:0"] = [
        mido.Message("note_on", note=60),
        mido.Message("control_change", control=20, value=3, channel=2),
    ]
    assert bridging.next_controller(source, 5.0) == midi_map.Controller("cc", 20, 2)
    with pytest.raises(BoardTimeoutError, match="no controller was moved"):
        bridging.next_controller(source, 0.01)
