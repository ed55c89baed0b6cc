"""Every unit, in the order in which a voice runs through them. One file in units/, one line here."""

from gen_core.synth.unit import Unit
from gen_core.synth.units.blend import BLEND
from gen_core.synth.units.envelope import ENVELOPE
from gen_core.synth.units.limiter import LIMITER
from gen_core.synth.units.mixer import MIXER
from gen_core.synth.units.noise import NOISE
from gen_core.synth.units.oscillator import OSCILLATOR
from gen_core.synth.units.reverb import REVERB
from gen_core.synth.units.svf import SVF

UNITS: tuple[Unit, ...] = (
    ENVELOPE,
    OSCILLATOR,
    NOISE,
    BLEND,
    SVF,
    MIXER,
    REVERB,
    LIMITER,
)
