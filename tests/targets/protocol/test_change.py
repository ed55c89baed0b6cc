"""What stands behind `/param/<id>`, packed by python-osc: every type of number, words in any order, flipped bits."""

import math
import struct

import pytest
from pythonosc.osc_message_builder import OscMessageBuilder

from gen_core.spec.errors import UsageError
from gen_core.spec.param import Param
from targets.protocol import change, osc
from targets.protocol.change import Change

LEVEL = Param(id="level", low=0, high=2, default=1)
HERTZ = Param(id="hertz", low=100, high=10_000, default=100, curve="exponential")
KEY = Param(id="key", low=0, high=2, default=0, kind="choice", choices=("a", "b", "c"))
SEED = Param(id="seed", low=0, high=2**24 - 1, default=0, kind="int")


def read(param, *typed):
    """Through python-osc's bytes and our decoder; each argument as (type, value)."""
    builder = OscMessageBuilder(f"/param/{param.id}")
    for kind, value in typed:
        builder.add_arg(value, kind)
    (message,) = osc.decode(builder.build().dgram)
    return change.read(param, message.args)


@pytest.mark.parametrize("kind", "ihfd")
def test_a_number_of_any_type_is_the_same_number(kind):
    assert read(LEVEL, (kind, 2)) == Change(2.0)
    assert read(SEED, (kind, 77)) == Change(77.0)


def test_truth_values_are_one_and_nought_and_choices_have_names():
    assert read(LEVEL, ("T", True)) == Change(1.0) and read(LEVEL, ("F", False)) == Change(0.0)
    assert read(KEY, ("s", "b")) == Change(1.0) and read(KEY, ("f", 1.4)) == Change(1.0)


BEHIND = {  # what stands behind the value → (over, quantum)
    "nothing": ((), ("", "")),
    "seconds as a float": ((("f", 2.5),), ("2.5s", "")),
    "seconds as an integer": ((("i", 3),), ("3s", "")),
    "bars": ((("s", "8bars"),), ("8bars", "")),
    "one beat": ((("s", "1beat"),), ("1beats", "")),
    "a quantum alone": ((("s", "phrase"),), ("", "phrase")),
    "both": ((("s", "30s"), ("s", "section")), ("30s", "section")),
}


@pytest.mark.parametrize("name", BEHIND)
def test_what_stands_behind_the_value_is_read_and_written_alike(name):
    args, (over, quantum) = BEHIND[name]
    asked = read(LEVEL, ("f", 0.5), *args)
    assert asked == Change(0.5, over, quantum)
    assert change.read(LEVEL, change.arguments(asked)) == asked


REFUSED = {
    "not a number": (("f", math.nan),),
    "infinite": (("d", math.inf),),
    "a word": (("s", "loud"),),
    "a blob": (("b", b"1234"),),
    "nil": (("N", None),),
    "endless": (("f", 1.0), ("f", math.inf)),
    "over what is no number": (("f", 1.0), ("f", math.nan)),
    "back in time": (("f", 1.0), ("f", -1.0)),
    "over a truth value": (("f", 1.0), ("T", True)),
    "an unknown quantum": (("f", 1.0), ("s", "4beats"), ("s", "verse")),
    "a length behind the quantum": (("f", 1.0), ("s", "bar"), ("s", "4beats")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_change_is_refused(name):
    with pytest.raises(UsageError):
        read(LEVEL, *REFUSED[name])


@pytest.mark.parametrize("param", [LEVEL, HERTZ, KEY, SEED], ids=lambda param: param.id)
@pytest.mark.parametrize("bit", range(32))
def test_no_flipped_bit_leads_out_of_the_range(param, bit):
    for position in (0.0, 0.3, 1.0):
        (bits,) = struct.unpack("!I", struct.pack("!f", param.from_unit(position)))
        (value,) = struct.unpack("!f", struct.pack("!I", bits ^ 1 << bit))
        if math.isfinite(value):
            assert param.low <= read(param, ("f", value)).value <= param.high
        else:
            with pytest.raises(UsageError):
                read(param, ("f", value))
