"""Every unit by name. One file in units/, one line here."""

from gen_core.synth.unit import Unit
from gen_core.synth.units.amplifier import AMPLIFIER
from gen_core.synth.units.blend import BLEND
from gen_core.synth.units.clap import CLAP
from gen_core.synth.units.envelope import ENVELOPE
from gen_core.synth.units.hat import HAT
from gen_core.synth.units.kick import KICK
from gen_core.synth.units.limiter import LIMITER
from gen_core.synth.units.mixer import MIXER
from gen_core.synth.units.noise import NOISE
from gen_core.synth.units.oscillator import OSCILLATOR
from gen_core.synth.units.pitch import PITCH
from gen_core.synth.units.reverb import REVERB
from gen_core.synth.units.snare import SNARE
from gen_core.synth.units.svf import SVF

UNITS: tuple[Unit, ...] = (
    # how a note moves
    ENVELOPE,
    PITCH,
    # what sounds
    OSCILLATOR,
    NOISE,
    BLEND,
    # what is struck
    KICK,
    SNARE,
    HAT,
    CLAP,
    # what shapes it
    SVF,
    AMPLIFIER,
    MIXER,
    # what all share
    REVERB,
    LIMITER,
)
BY_NAME = {unit.name: unit for unit in UNITS}
