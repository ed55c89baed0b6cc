"""Every unit by name. One file in units/, one line here."""

from gen_core.synth.unit import Unit
from gen_core.synth.units.amplifier import AMPLIFIER
from gen_core.synth.units.arpeggio import ARPEGGIO
from gen_core.synth.units.blend import BLEND
from gen_core.synth.units.chorus import CHORUS
from gen_core.synth.units.clap import CLAP
from gen_core.synth.units.compressor import COMPRESSOR
from gen_core.synth.units.cymbal import CYMBAL
from gen_core.synth.units.drive import DRIVE
from gen_core.synth.units.echo import ECHO
from gen_core.synth.units.envelope import ENVELOPE
from gen_core.synth.units.equalizer import EQUALIZER
from gen_core.synth.units.formant import FORMANT
from gen_core.synth.units.hat import HAT
from gen_core.synth.units.kick import KICK
from gen_core.synth.units.lfo import LFO
from gen_core.synth.units.limiter import LIMITER
from gen_core.synth.units.mixer import MIXER
from gen_core.synth.units.modal import MODAL
from gen_core.synth.units.motion import MOTION
from gen_core.synth.units.noise import NOISE
from gen_core.synth.units.one_pole import ONE_POLE
from gen_core.synth.units.oscillator import OSCILLATOR
from gen_core.synth.units.phase_modulation import PHASE_MODULATION
from gen_core.synth.units.pipe import PIPE
from gen_core.synth.units.pitch import PITCH
from gen_core.synth.units.reverb import REVERB
from gen_core.synth.units.snare import SNARE
from gen_core.synth.units.stages import STAGES
from gen_core.synth.units.string import STRING
from gen_core.synth.units.sum import SUM
from gen_core.synth.units.svf import SVF
from gen_core.synth.units.tom import TOM

UNITS: tuple[Unit, ...] = (
    # how a note moves
    ENVELOPE,
    STAGES,
    LFO,
    MOTION,
    PITCH,
    ARPEGGIO,
    # what sounds
    OSCILLATOR,
    PIPE,
    PHASE_MODULATION,
    FORMANT,
    NOISE,
    BLEND,
    SUM,
    # what is struck or plucked
    MODAL,
    STRING,
    TOM,
    CYMBAL,
    # what is struck
    KICK,
    SNARE,
    HAT,
    CLAP,
    # what shapes it
    SVF,
    ONE_POLE,
    AMPLIFIER,
    MIXER,
    # what all share
    DRIVE,
    CHORUS,
    ECHO,
    REVERB,
    EQUALIZER,
    COMPRESSOR,
    LIMITER,
)
BY_NAME = {unit.name: unit for unit in UNITS}
