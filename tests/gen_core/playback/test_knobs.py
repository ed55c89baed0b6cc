"""The five knobs mean the same on every instrument: one of each voice is asked, and a drum."""

import numpy as np
import pytest

from gen_core.playback.instrument import Instrument
from gen_core.playback.synth import Synth
from gen_core.synth import patches
from gen_core.synth.kernel_engine import KernelEngine

RATE, BLOCK, VELOCITY = 48000, 512, 90
PLAYERS = {"organ": 60, "horn": 55, "chip_lead": 60, "sweep_pad": 60, "harp": 60, "epiano": 60, "voice": 60}
DRUM = ("electronic", 38)
each = pytest.mark.parametrize(("name", "key"), [*PLAYERS.items(), DRUM])


@pytest.fixture(scope="module")
def band() -> Synth:
    rows = patches.needed([*PLAYERS, DRUM[0]])
    return Synth(KernelEngine(patches.plan_for(rows)), [Instrument(row) for row in rows])


def note(band: Synth, name: str, key: int, seconds: float = 1.0, held_s: float = 0.8, **knobs: float) -> np.ndarray:
    """(frames, 2) of one note with the knobs where they are wanted before it begins."""
    band.reset()
    for knob, at_rest in (("brightness", 0.0), ("attack", 0.0), ("decay", 0.0), ("space", 0.0), ("drive", 0.0)):
        band.set_knob(0, knob, knobs.get(knob, at_rest))
    band.assign(0, name)
    for _ in range(40):
        band.render_block()
    band.note_on(0, key, VELOCITY)
    blocks = []
    for number in range(round(seconds * RATE / BLOCK)):
        if number == round(held_s * RATE / BLOCK):
            band.note_off(0, key)
        blocks.append(band.render_block())
    return np.concatenate(blocks).astype(float)


def centre_hz(sound: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(sound.sum(axis=1))) ** 2
    return float((power * np.fft.rfftfreq(len(sound), 1 / RATE)).sum() / power.sum())


def level(sound: np.ndarray) -> np.ndarray:
    """RMS every 10.7 ms."""
    return np.sqrt((sound.reshape(-1, BLOCK, 2) ** 2).mean(axis=(1, 2)))


@pytest.mark.parametrize(("name", "key"), [pair for pair in (*PLAYERS.items(), DRUM) if pair[0] != "chip_lead"])
def test_brightness_brightens(band: Synth, name: str, key: int) -> None:
    dark, bright = (centre_hz(note(band, name, key, brightness=octaves)) for octaves in (-2.0, 2.0))
    assert bright > 1.08 * dark


@each
def test_attack_makes_the_beginning_longer(band: Synth, name: str, key: int) -> None:
    short, long_ = (level(note(band, name, key, attack=turned)) for turned in (-1.0, 1.0))
    early = slice(0, 1 if (name, key) == DRUM else 4)
    assert (long_[early] / long_.max()).sum() <= (short[early] / short.max()).sum() * 1.001


@each
def test_decay_makes_the_end_longer(band: Synth, name: str, key: int) -> None:
    short, long_ = (level(note(band, name, key, 1.6, 0.5, decay=turned)) for turned in (-1.0, 1.0))
    late = slice(60, None)
    assert (long_[late] ** 2).sum() > 1.3 * (short[late] ** 2).sum()


@each
def test_space_moves_it_away(band: Synth, name: str, key: int) -> None:
    sent = {}
    for turned in (-1.0, 0.0, 1.0):
        note(band, name, key, 0.1, 0.3, space=turned)
        sent[turned] = np.abs(band.engine.bus[2:4]).sum(axis=1)
    assert not sent[-1.0].any() and (sent[1.0] >= 3.9 * sent[0.0]).all() and sent[0.0][0] > 0.0


@each
def test_drive_bends_the_wave(band: Synth, name: str, key: int) -> None:
    clean, driven = (note(band, name, key, drive=turned, space=-1.0) for turned in (0.0, 1.0))
    fitted = (clean * driven).sum() / (clean**2).sum() * clean
    rest = np.sqrt(((driven - fitted) ** 2).mean() / (driven**2).mean())
    assert 0.005 < rest and 0.3 < np.sqrt((driven**2).mean() / (clean**2).mean()) < 3.0
