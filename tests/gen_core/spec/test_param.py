"""A parameter keeps its range, speaks its unit, and turns it to 0..1 and back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gen_core.spec.errors import UsageError, VerificationError
from gen_core.spec.param import Param, find

CUTOFF = Param(id="cutoff", low=20, high=18000, default=1000, unit="Hz", curve="exponential")
LEVEL = Param(id="level.bass", low=0, high=2, default=1)
KEY = Param(id="key", low=0, high=2, default=0, kind="choice", choices=("any", "c", "d"))
STEPS = Param(id="steps", low=0, high=9, default=3, kind="int")


@pytest.mark.parametrize("param", [CUTOFF, LEVEL])
@given(position=st.floats(0, 1))
def test_a_position_survives_the_way_to_its_unit_and_back(param, position):
    assert param.to_unit(param.from_unit(position)) == pytest.approx(position, abs=1e-9)


def test_an_exponential_middle_is_the_geometric_mean():
    assert CUTOFF.from_unit(0.5) == pytest.approx(math.sqrt(20 * 18000))


@pytest.mark.parametrize("param", [CUTOFF, LEVEL, KEY, STEPS])
def test_a_declaration_survives_the_wire(param):
    assert Param.from_dict(param.to_dict() | {"key of a later version": 1}) == param


@pytest.mark.parametrize("value", [-0.1, 2.01, math.nan, math.inf, -math.inf])
def test_what_is_out_of_range_or_no_number_is_refused_with_the_range(value):
    with pytest.raises(UsageError, match="0 to 2"):
        LEVEL.check(value)


def test_a_stream_is_clamped_but_never_takes_nan():
    assert (LEVEL.clamp(7), LEVEL.clamp(-math.inf)) == (2, 0)
    with pytest.raises(UsageError):
        LEVEL.clamp(math.nan)


@pytest.mark.parametrize(
    ("param", "text", "value"), [(KEY, "d", 2), (KEY, "1", 1), (CUTOFF, "440", 440), (STEPS, "4.4", 4)]
)
def test_a_person_may_type_a_number_or_a_choice(param, text, value):
    assert param.parse(text) == value


@pytest.mark.parametrize(("param", "text"), [(KEY, "h"), (KEY, "7"), (CUTOFF, "loud"), (CUTOFF, "nan"), (CUTOFF, "1")])
def test_what_a_person_mistypes_is_answered_with_what_to_give(param, text):
    with pytest.raises(UsageError) as caught:
        param.parse(text)
    assert caught.value.next_step.startswith("give ")


@pytest.mark.parametrize("change", [{"curve": "spline"}, {"low": None}, {"default": 9.0}, {"kind": "vector"}])
def test_a_declaration_that_cannot_be_read_is_refused_by_name(change):
    with pytest.raises(VerificationError, match="level"):
        Param.from_dict(LEVEL.to_dict() | change)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match=r"level\.bass"):
        find({param.id: param for param in (LEVEL, CUTOFF)}, "level.base")
