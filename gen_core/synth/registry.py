"""Every unit by name. One file in units/, one line here."""

from gen_core.synth.unit import Unit
from gen_core.synth.units.amplifier import AMPLIFIER
from gen_core.synth.units.blend import BLEND
from gen_core.synth.units.chorus import CHORUS
from gen_core.synth.units.drive import DRIVE
from gen_core.synth.units.echo import ECHO
from gen_core.synth.units.envelope import ENVELOPE
from gen_core.synth.units.limiter import LIMITER
from gen_core.synth.units.mixer import MIXER
from gen_core.synth.units.noise import NOISE
from gen_core.synth.units.oscillator import OSCILLATOR
from gen_core.synth.units.pitch import PITCH
from gen_core.synth.units.reverb import REVERB
from gen_core.synth.units.svf import SVF

UNITS: tuple[Unit, ...] = (
    # how a note moves
    ENVELOPE,
    PITCH,
    # what sounds
    OSCILLATOR,
    NOISE,
    BLEND,
    # what shapes it
    SVF,
    AMPLIFIER,
    MIXER,
    # what all share
    DRIVE,
    CHORUS,
    ECHO,
    REVERB,
    LIMITER,
)
BY_NAME = {unit.name: unit for unit in UNITS}
