"""Notes in, blocks out: what the allocation promises, whatever the engine."""

import numpy as np
import pytest

from gen_core.playback.graph_engine import GraphEngine
from gen_core.playback.instrument import Instrument
from gen_core.playback.mixer import PARAMS, PARTS
from gen_core.playback.synth import Synth
from gen_core.spec.errors import UsageError
from gen_core.synth import patches
from gen_core.synth.kernel_engine import KernelEngine
from gen_core.synth.layout import STRETCH_FRAMES

PLAN = patches.plan_for(patches.rows())
INSTRUMENTS = [Instrument(row) for row in patches.rows()]
LANES = sum(lanes for _, lanes in PLAN.voices.values())


@pytest.fixture(scope="module")
def shared() -> Synth:
    return Synth(KernelEngine(PLAN), INSTRUMENTS)


@pytest.fixture
def synth(shared: Synth) -> Synth:
    shared.reset()
    for part in range(16):
        shared.assign(part, "organ")
        shared.set_level(part, 1.0)
    shared.set_volume(1.0)
    shared.render_block()
    return shared


def blocks(synth: Synth, count: int) -> np.ndarray:
    return np.concatenate([synth.render_block() for _ in range(count)])


def loudest(sound: np.ndarray) -> float:
    return float(np.abs(sound).max())


def test_nothing_played_is_nothing_heard(synth: Synth) -> None:
    assert not blocks(synth, 3).any() and synth.active_voices == 0


def test_a_note_sounds_and_ends(synth: Synth) -> None:
    synth.note_on(0, 60, 100)
    assert loudest(blocks(synth, 20)) > 0.01 and synth.active_voices == 1
    synth.note_off(0, 60)
    blocks(synth, 60)
    assert synth.active_voices == 0


@pytest.mark.parametrize("frame", [0, 100, 511])
def test_a_note_begins_at_its_frame(synth: Synth, frame: int) -> None:
    synth.assign(0, "standard")
    synth.note_on(0, 36, 127, frame)
    sound = np.abs(blocks(synth, 3)[32:]).max(axis=1)  # the limiter looks 32 frames ahead
    first = int(np.argmax(sound > 1e-3))
    assert frame - 32 <= first <= frame + 64


def test_the_same_note_sounds_the_same_wherever_it_begins(synth: Synth) -> None:
    played = []
    for frame in (0, STRETCH_FRAMES):  # the grid of cutoffs
        synth.reset()
        synth.assign(0, "deep_bass")
        synth.note_on(0, 40, 100, frame)
        played.append(blocks(synth, 8)[frame : frame + 3000])
    np.testing.assert_allclose(played[0], played[1], atol=2e-2)


def test_thirty_notes_too_many_leave_no_click_and_none_waits_for_ever(synth: Synth) -> None:
    synth.assign(0, "flute")
    worst = 0.0
    for step in range(40):
        for note in range(3):
            synth.note_on(0, 40 + (7 * step + note * 5) % 50, 60)
        sound = synth.render_block()
        worst = max(worst, float(np.abs(np.diff(sound, axis=0)).max()))
        assert synth.active_voices <= LANES
    assert synth.dropped_notes == 0 and worst < 0.25


def test_a_flood_of_notes_is_survived_and_counted(synth: Synth) -> None:
    for number in range(1000):
        synth.note_on(number % 16, number % 128, 100)
    assert np.isfinite(blocks(synth, 4)).all()
    assert synth.dropped_notes > 0
    synth.all_notes_off()
    blocks(synth, 300)
    assert synth.active_voices == 0


def test_the_closed_hat_silences_the_open_one(synth: Synth) -> None:
    synth.assign(9, "standard")
    synth.note_on(9, 46, 110)
    blocks(synth, 4)
    synth.note_on(9, 42, 1)
    blocks(synth, 14)
    assert synth.active_voices <= 1
    synth.note_off(9, 46)


def test_a_drum_ignores_its_note_off(synth: Synth) -> None:
    synth.assign(9, "standard")
    synth.note_on(9, 49, 110)
    synth.note_off(9, 49, 10)
    blocks(synth, 20)
    assert synth.active_voices == 1


def test_velocity_zero_lets_go(synth: Synth) -> None:
    synth.note_on(0, 60, 100)
    blocks(synth, 2)
    synth.note_on(0, 60, 0)
    blocks(synth, 60)
    assert synth.active_voices == 0


def test_level_and_volume_glide_to_silence(synth: Synth) -> None:
    synth.note_on(0, 60, 100)
    blocks(synth, 30)
    synth.set_level(0, 0.0)
    gliding = synth.render_block()
    assert float(np.abs(np.diff(gliding, axis=0)).max()) < 0.1
    blocks(synth, 400)  # the room dies as well
    assert loudest(synth.render_block()) < 1e-4


def test_louder_velocity_is_louder_and_brighter(synth: Synth) -> None:
    measured = []
    for velocity in (30, 120):
        synth.reset()
        synth.assign(0, "piano")
        synth.note_on(0, 55, velocity)
        sound = blocks(synth, 30)[:, 0]
        spectrum = np.abs(np.fft.rfft(sound))
        measured.append((np.sqrt((sound**2).mean()), (spectrum * np.arange(spectrum.size)).sum() / spectrum.sum()))
    assert measured[1][0] > 2 * measured[0][0] and measured[1][1] > 1.2 * measured[0][1]


@pytest.mark.parametrize("name", patches.names())
@pytest.mark.parametrize("pitch", [0, 24, 60, 108, 127])
def test_every_instrument_sounds_over_the_whole_keyboard(synth: Synth, name: str, pitch: int) -> None:
    synth.assign(0, name)
    synth.note_on(0, pitch, 100)
    sound = blocks(synth, 12)
    assert np.isfinite(sound).all() and 1e-4 < loudest(sound) < 1.0


def test_an_instrument_that_is_not_there_is_named(synth: Synth) -> None:
    with pytest.raises(UsageError, match="flute"):
        synth.assign(0, "fluet")


def test_the_mixer_declares_a_level_a_mute_and_five_knobs_for_each_part() -> None:
    kinds = ("level", "mute", "brightness", "attack", "decay", "space", "drive")
    assert {param.id for param in PARAMS} == {"volume"} | {f"{kind}.{part}" for kind in kinds for part in PARTS}


def test_one_broken_block_is_silence_and_not_silence_for_ever():
    class Broken:
        """An engine that gives NaN until it is reset."""

        def __init__(self, engine):
            self._engine, self.plan, self.inputs = engine, engine.plan, engine.inputs
            self.load_tables, self.sick = engine.load_tables, True

        def process(self):
            audio = self._engine.process()
            return audio * np.float32(np.nan) if self.sick else audio

        def reset(self):
            self.sick = False
            self._engine.reset()

    from export.synth import synth_graph

    synth = Synth(Broken(GraphEngine(synth_graph(PLAN), PLAN)), INSTRUMENTS)
    synth.note_on(0, 60, 100)
    assert np.all(synth.render_block() == 0) and synth.broken_blocks == 1
    assert np.isfinite(synth.render_block()).all() and synth.broken_blocks == 1
