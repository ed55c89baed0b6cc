"""How notes are played: legato, humanising, the five knobs, and what is never heard: clicks, offsets, endless tails."""

import numpy as np
import pytest
from scipy import signal

from gen_core.playback.instrument import Instrument
from gen_core.playback.synth import Synth
from gen_core.spec.errors import UsageError
from gen_core.synth import patches
from gen_core.synth.kernel_engine import KernelEngine
from gen_core.synth.knobs import KNOBS

LEAD = """
[oscillator_1]
wave = "saw"
level = 0.6
[amp]
attack_s = 0.01
release_s = 0.1
[filter]
cutoff_hz = 2000.0
[mix]
velocity_db = 24.0
"""
MONO = LEAD + '[play]\nmono = "on"\nglide_s = 0.05\n'
LATE = LEAD + "[play]\nhumanise_ms = 30.0\nhumanise_db = 6.0\n"
ROWS = [row for name, text in (("lead", LEAD), ("mono", MONO), ("late", LATE)) for row in patches.read(text, name)]
RATE, BLOCK = 48000, 512


def synth(instrument: str, seed: int = 0) -> Synth:
    made = Synth(KernelEngine(patches.plan_for(ROWS)), [Instrument(row) for row in ROWS], seed=seed)
    made.assign(0, instrument)
    return made


def blocks(played: Synth, count: int) -> np.ndarray:
    return np.concatenate([played.render_block() for _ in range(count)])


def hertz(sound: np.ndarray) -> float:
    """Pitch by the first of the strong peaks of the autocorrelation."""
    x = sound[:, 0].astype(float)
    product = np.fft.irfft(np.abs(np.fft.rfft(x, 2 * x.size)) ** 2)[: x.size // 2]
    peaks, _ = signal.find_peaks(product[:2000], height=0.8 * product[40:2000].max(), distance=20)
    return RATE / int(peaks[0])


def onset(sound: np.ndarray) -> int:
    return int(np.argmax(np.abs(sound).max(axis=1) > 1e-4))


def test_a_legato_line_keeps_one_voice_and_glides_to_its_pitch() -> None:
    played = synth("mono")
    played.note_on(0, 57, 100)
    blocks(played, 20)
    played.note_on(0, 69, 100, 200)
    gliding = blocks(played, 4)
    played.note_off(0, 57)  # the old key comes up late, as it does under a hand
    arrived = blocks(played, 40)[-8 * BLOCK :]
    assert played.active_voices == 1
    assert 220.0 < hertz(gliding) < 440.0 and hertz(arrived) == pytest.approx(440.0, rel=0.01)
    played.note_off(0, 69)
    blocks(played, 60)
    assert played.active_voices == 0


def test_a_late_legato_note_that_was_let_go_early_does_not_hang() -> None:
    rows = patches.read(MONO + "humanise_ms = 30.0\n", "both.toml")
    played = Synth(KernelEngine(patches.plan_for(rows)), [Instrument(row) for row in rows], seed=3)
    for key in (57, 60, 62, 64, 65, 67):
        played.note_on(0, key, 100)
        blocks(played, 1)
        played.note_off(0, key, 100)
    blocks(played, 100)
    assert played.active_voices == 0


def test_a_legato_step_does_not_click() -> None:
    played = synth("mono")
    played.note_on(0, 57, 100)
    before = blocks(played, 20)[-4 * BLOCK :]
    played.note_on(0, 58, 100, 100)
    step = blocks(played, 4)
    assert np.abs(np.diff(step, axis=0)).max() < 1.5 * np.abs(np.diff(before, axis=0)).max()


def test_a_note_after_a_rest_begins_anew() -> None:
    played = synth("mono")
    played.note_on(0, 57, 100)
    blocks(played, 20)
    played.note_off(0, 57)
    blocks(played, 2)
    played.note_on(0, 69, 100)
    assert played.active_voices == 2  # the old one dies away


def test_humanised_notes_are_late_by_chance_that_can_be_rewound() -> None:
    def starts(seed: int) -> list[int]:
        played, found = synth("late", seed), []
        for _ in range(8):
            played.reset()
            played._notes = len(found)
            played.note_on(0, 60, 100)
            found.append(onset(blocks(played, 6)))
        return found

    first = starts(1)
    assert first == starts(1) != starts(2)
    spread = np.ptp(first)
    assert 200 < spread <= 0.03 * RATE + BLOCK


def test_a_late_note_that_is_let_go_early_still_ends() -> None:
    played = synth("late")
    played.note_on(0, 60, 100)
    played.note_off(0, 60, 400)
    assert np.abs(blocks(played, 10)).max() > 1e-3
    blocks(played, 60)
    assert played.active_voices == 0


def test_knobs_move_while_a_note_sounds_and_do_not_click() -> None:
    played = synth("lead")
    played.note_on(0, 45, 100)
    dark = blocks(played, 60)[-20 * BLOCK :]
    for name, value in (("brightness", 2.0), ("space", 1.0), ("drive", 1.0)):
        played.set_knob(0, name, value)
    turning = blocks(played, 30)
    bright = blocks(played, 30)
    high = [np.abs(np.fft.rfft(sound[:, 0]))[sound.shape[0] // 12 :].sum() for sound in (dark, bright)]
    assert high[1] > 2.0 * high[0]
    edges = np.abs(np.diff(turning, n=2, axis=0)).reshape(-1, 2)
    assert edges.max() < 4.0 * np.abs(np.diff(bright, n=2, axis=0)).max()


def test_an_unknown_knob_or_a_value_out_of_range_is_told() -> None:
    played = synth("lead")
    with pytest.raises(UsageError, match="brightness"):
        played.set_knob(0, "brightnes", 0.0)
    with pytest.raises(UsageError, match="-1 to 1"):
        played.set_knob(0, "attack", 3.0)


def test_after_the_last_note_the_whole_synth_comes_to_digital_silence() -> None:
    played = synth("lead")
    for name, value in (("space", 1.0), ("drive", 1.0)):
        played.set_knob(0, name, value)
    played.note_on(0, 60, 127)
    blocks(played, 40)
    played.note_off(0, 60)
    tail = blocks(played, 1500)  # 16 s
    assert not tail[-BLOCK:].any()
    state = played.engine._kernels
    assert not any(step.rings_on() for step in state._sends)


@pytest.mark.parametrize("knobs", [{}, {"drive": 1.0}, {"space": 1.0, "brightness": 2.0}])
def test_there_is_no_offset(knobs: dict[str, float]) -> None:
    played = synth("lead")
    for name, value in knobs.items():
        played.set_knob(0, name, value)
    played.set_level(0, 0.3)  # where the limiter rests: a gain that works makes an offset, see test_mastering
    for key in (45, 52, 61):
        played.note_on(0, key, 100)
    sound = blocks(played, 400)[100 * BLOCK :]
    window = np.blackman(len(sound))[:, None]  # so that a part of a period counts for nothing
    assert np.abs((sound * window).sum(axis=0) / window.sum()).max() < 1e-4  # -80 dBFS


@pytest.mark.parametrize("seed", range(4))
def test_no_setting_of_any_knob_lets_a_true_peak_over_minus_one_decibel(seed: int) -> None:
    rng = np.random.default_rng(seed)
    played = synth("lead")
    for knob in KNOBS:
        played.set_knob(0, knob.id, knob.low if rng.integers(2) else knob.high)
    for name, param in played.desk.params.items():
        played.desk.set(name, (param.low, param.high, param.default)[rng.integers(3)])
    played.set_level(0, 2.0)
    for key in rng.integers(24, 100, 8):
        played.note_on(0, int(key), 127)
    sound = blocks(played, 120)
    peak = np.abs(signal.resample_poly(sound.astype(float), 8, 1, axis=0)).max()
    assert np.isfinite(sound).all() and 20 * np.log10(peak) <= -1.0


WAVE = 'voice = "wave"\n[oscillator_1]\nlevel = 0.5\n[oscillator_2]\nwave = "saw"\nlevel = 0.2\nvelocity_db = 24.0\n'


def test_a_voice_without_a_filter_is_brighter_when_it_is_played_louder_or_its_knob_is_turned() -> None:
    rows = patches.read(WAVE, "wave.toml")

    def share(velocity: int, octaves: float = 0.0) -> float:
        played = Synth(KernelEngine(patches.plan_for(rows)), [Instrument(row) for row in rows])
        played.note_on(0, 57, velocity)
        blocks(played, 4)
        played.set_knob(0, "brightness", octaves)
        spectrum = np.abs(np.fft.rfft(blocks(played, 120)[-40 * BLOCK :, 0])) ** 2
        return float(spectrum[800:].sum() / spectrum.sum())

    assert share(30) < 0.5 * share(96) < 0.25 * share(127) * 2
    assert share(96, -2.0) < 0.7 * share(96) and share(96, 2.0) > 1.4 * share(96)
