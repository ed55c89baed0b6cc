"""What users would pick instead, on the same notes: FluidSynth and TinySoundFont against the kernels, all in turns.

Needs libfluidsynth 3 and a General MIDI sound font (Debian: libfluidsynth3, timgm6mb-soundfont): $LIMONAIRE_SOUNDFONT
or where Debian puts it; for the second peer `pip install --no-deps tinysoundfont`. What is missing is left out.
Compared are not like things: the peers read recorded samples, the exact voice is two oscillators and a filter. A held
note may sound as more than one sample there, so the program is one that does not, and the voices that really sound are
counted; ratios are per voice.
"""

import ctypes
import ctypes.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gen_core.synth.kernel_engine import KernelEngine
from tests.benchmarks.frame import Figure, main, medians
from tests.benchmarks.synth import AUDIO_S, LANES, ROUNDS, blocks_of
from tests.benchmarks.synth_plans import DRY, EXACT, MASTERED, alone

RATE, BLOCK = 48000, 512
BLOCKS = round(AUDIO_S * RATE / BLOCK)
PROGRAM = 16  # drawbar organ: one sample a note, looped for ever, so that no voice ends while it is measured
KEYS = range(40, 40 + LANES)
_FONT = Path(os.environ.get("LIMONAIRE_SOUNDFONT", "/usr/share/sounds/sf2/TimGM6mb.sf2"))
Job = tuple[Callable[[], object], int]  # AUDIO_S of sound, and how many voices sound in it


def run() -> list[Figure]:
    """Speeds, and how many times ours that is a voice; or one figure that says why there is nothing."""
    jobs = {**_ours(), **_fluidsynth(), **_tinysoundfont()}
    if len(jobs) == 2:
        return [Figure("skipped", 0, "", f"neither libfluidsynth nor tinysoundfont with {_FONT} is installed")]
    took = medians({name: job for name, (job, _) in jobs.items()}, ROUNDS)
    each = {name: took[name] / voices for name, (_, voices) in jobs.items()}
    figures = []
    for name, (_, voices) in jobs.items():
        note = f"{voices} voices, {1e9 * each[name] / (BLOCKS * BLOCK):.1f} ns a voice and sample"
        figures.append(Figure(name, BLOCKS * BLOCK / RATE / took[name], "x real time", note))
    for name in list(jobs)[2:]:
        ours = "kernels, wet" if "wet" in name else "kernels, dry"
        figures.append(Figure(f"ours / {name}", each[name] / each[ours], "x speed", "a voice"))
    return figures


def _ours() -> dict[str, Job]:
    cases = {"dry": alone(EXACT, "exact", LANES, BLOCK, DRY), "wet": alone(EXACT, "exact", LANES, BLOCK, MASTERED)}
    return {f"kernels, {name}": (blocks_of(case, KernelEngine(case.plan)), LANES) for name, case in cases.items()}


def _fluidsynth() -> dict[str, Job]:
    """Without its effects, and with its reverb and chorus as they come."""
    found = ctypes.util.find_library("fluidsynth")
    if not found or not _FONT.exists():
        return {}
    return {f"fluidsynth, {name}": _fluid_job(ctypes.CDLL(found), wet) for name, wet in (("dry", 0), ("wet", 1))}


def _fluid_job(library: ctypes.CDLL, wet: int) -> Job:
    for name in ("new_fluid_settings", "new_fluid_synth"):
        getattr(library, name).restype = ctypes.c_void_p
    library.fluid_settings_setnum.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_double]
    library.fluid_settings_setint.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    settings = ctypes.c_void_p(library.new_fluid_settings())
    library.fluid_settings_setnum(settings, b"synth.sample-rate", float(RATE))
    for effect in (b"synth.reverb.active", b"synth.chorus.active"):
        library.fluid_settings_setint(settings, effect, wet)
    synth = ctypes.c_void_p(library.new_fluid_synth(settings))
    library.fluid_synth_sfload(synth, str(_FONT).encode(), 1)
    library.fluid_synth_program_change(synth, 0, PROGRAM)
    for key in KEYS:
        library.fluid_synth_noteon(synth, 0, key, 90)
    sides = np.zeros((2, BLOCK), np.float32)

    def play() -> None:
        left, right = (ctypes.c_void_p(side.ctypes.data) for side in sides)
        for _ in range(BLOCKS):
            library.fluid_synth_write_float(synth, BLOCK, left, 0, 1, right, 0, 1)

    play()
    assert sides.any(), "fluidsynth is silent"
    return play, int(library.fluid_synth_get_active_voice_count(synth))


def _tinysoundfont() -> dict[str, Job]:
    """It has no effects."""
    try:
        import tinysoundfont
    except ImportError:
        return {}
    if not _FONT.exists():
        return {}
    synth = tinysoundfont.Synth(samplerate=RATE)
    synth.program_select(0, synth.sfload(str(_FONT)), 0, PROGRAM)
    for key in KEYS:
        synth.noteon(0, key, 90)

    def play() -> None:
        for _ in range(BLOCKS):
            synth.generate(BLOCK)

    play()
    return {"tinysoundfont, dry": (play, _fluid_voices())}


def _fluid_voices() -> int:
    """TinySoundFont does not say how many voices sound; FluidSynth counts them for the same font, program and keys."""
    found = ctypes.util.find_library("fluidsynth")
    return _fluid_job(ctypes.CDLL(found), 0)[1] if found else LANES


if __name__ == "__main__":
    sys.exit(main({"peers": run}))
