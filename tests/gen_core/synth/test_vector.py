"""Sixteen numbers at once say the same as numpy; curves say the same as the mathematics; chains as their links."""

import math

import numpy as np
import pytest

from gen_core.synth import vector
from gen_core.synth.curves import exponential, sine, tangent_of_twice
from gen_core.synth.jit import chained, jit
from gen_core.synth.layout import aligned
from gen_core.synth.vector import (
    WIDE,
    floor,
    larger,
    largest,
    load,
    look_up,
    magnitude,
    smaller,
    splat,
    store,
    turned,
    turned_back,
)

RNG = np.random.default_rng(5)
X, Y = (RNG.uniform(-3, 3, 40).astype(np.float32) for _ in range(2))


def plus(x, y, out):
    store(out, 3, load(x, 1) + load(y, 2))


def minus(x, y, out):
    store(out, 0, load(x, 1) - load(y, 2))


def times(x, y, out):
    store(out, 1, load(x, 0) * splat(y[3]))


def bounded(x, y, out):
    store(out, 0, larger(smaller(load(x, 0), load(y, 0)), splat(np.float32(-1.0))))


def whole(x, y, out):
    store(out, 0, floor(load(x, 5)))


def unsigned(x, y, out):
    store(out, 2, magnitude(load(x, 5)))


def loudest(x, y, out):
    out[0] = largest(load(x, 4))


OPERATIONS = (plus, minus, times, bounded, whole, unsigned, loudest)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.__name__)
def test_compiled_vectors_say_what_numpy_says(operation):
    expected, got = np.zeros(24, np.float32), np.zeros(24, np.float32)
    operation(X, Y, expected)
    jit(operation)(X, Y, got)
    assert expected.any()
    np.testing.assert_array_equal(got, expected)


def test_a_vector_in_an_array_of_whole_numbers_loses_what_is_behind_the_point():
    def places(x, out):
        store(out, 0, load(x, 0))

    got = np.zeros(WIDE, np.uint32)
    jit(places)(np.abs(X) * 700, got)
    np.testing.assert_array_equal(got, np.trunc(np.abs(X) * 700)[:WIDE])


def test_sixteen_look_ups_are_straight_lines_between_the_numbers_of_a_table():
    table, places, parts = RNG.normal(size=300).astype(np.float32), RNG.integers(0, 299, 48), RNG.random(48)
    expected = np.interp(places + parts, np.arange(300), table)
    for function in (jit(_looks), look_up):
        out = np.zeros(48, np.float32)
        for at in (0, 16, 32):
            function(table, places.astype(np.uint32), parts.astype(np.float32), at, out)
        np.testing.assert_allclose(out, expected, atol=1e-6)


def _looks(table, places, parts, at, out):
    look_up(table, places, parts, at, out)


def _turns(x, rows, column, out):
    turned(x, rows, column, out)


def test_rows_become_columns_whatever_their_order():
    x, rows = RNG.normal(size=(20, 40)).astype(np.float32), RNG.permutation(20)[:WIDE].astype(np.uint32)
    for function in (jit(_turns), turned):
        out = np.zeros(WIDE * WIDE, np.float32)
        function(x, rows, 7, out)
        np.testing.assert_array_equal(out.reshape(WIDE, WIDE), x[rows, 7 : 7 + WIDE].T)


def _turns_back(x, at, rows, column, out):
    turned_back(x, at, rows, column, out)


def test_columns_become_rows_again():
    x, rows = RNG.normal(size=300).astype(np.float32), RNG.permutation(20)[:WIDE].astype(np.uint32)
    for function in (jit(_turns_back), turned_back):
        out = np.zeros((20, 40), np.float32)
        function(x, 9, rows, 7, out)
        np.testing.assert_array_equal(out[rows, 7 : 7 + WIDE], x[9 : 9 + 256].reshape(WIDE, WIDE).T)
        assert np.count_nonzero(out) == 256


def test_a_row_with_gaps_is_refused_rather_than_misread():
    from numba.core.errors import TypingError

    with pytest.raises(TypingError):
        jit(loudest)(np.zeros((40, 2), np.float32)[:, 0], Y, np.zeros(1, np.float32))


@pytest.mark.parametrize(
    ("curve", "exact", "low", "high"),
    [
        (exponential, math.exp, -39.0, 3.0),
        (sine, lambda x: math.sin(2.0 * math.pi * x), -900.0, 900.0),
        (tangent_of_twice, lambda x: math.tan(2.0 * x), 0.0003, 0.7),
    ],
    ids=["exponential", "sine", "tangent"],
)
def test_curves_are_right_to_a_billionth_of_the_largest(curve, exact, low, high):
    for x in np.linspace(low, high, 997):
        assert abs(curve(x) - exact(x)) <= 1e-9 * max(abs(exact(x)), 1.0)


def test_what_has_died_away_is_zero():
    assert exponential(-41.0) == 0.0 and exponential(-1e9) == 0.0


@jit
def _double(x, by):
    for n in range(x.size):
        x[n] *= by


@jit
def _shift(x, by):
    for n in range(x.size):
        x[n] += by[0]


def test_a_chain_does_what_its_links_do_in_their_order_on_the_arrays_as_they_are_now():
    x, by = np.ones(3), np.ones(1)
    run = chained([(_double, (x, 3.0)), (_shift, (x, by))])
    run()
    by[0] = 10.0
    run()
    np.testing.assert_array_equal(x, (1.0 * 3 + 1) * 3 + 10)


@pytest.mark.parametrize("shape", [3, (2, 5), (7, 64)])
def test_lent_arrays_begin_where_a_cache_line_does(shape):
    for kind in (np.float32, np.float64, np.uint32):
        array = aligned(shape, kind)
        assert array.ctypes.data % 64 == 0 and array.dtype == kind and array.shape == np.zeros(shape).shape
        assert not array.any() and array.flags.c_contiguous and array.flags.writeable


def test_every_vector_function_is_compiled():
    from gen_core.synth import vector_code

    written = {value for name, value in vars(vector).items() if callable(value) and not name.startswith("_")}
    assert written == {row[0] for row in vector_code._CODE if row[0] in written}
