"""Sixteen numbers at once, for kernels: what a processor does side by side is written side by side.

A compiler finds such loops by itself only where nothing looks up a table, carries a state from sample to sample, or
changes rows for columns; those are what a voice spends its time on. Here they are spelled out:

    y = load(x, n) * splat(gain) + load(z, n)
    store(out, n, y)

Vectors know + - * among themselves, a product and a sum in one rounding. To the compiler one is LLVM's <16 x float>,
which any processor has, in as many registers as it takes; without the compiler it is an array of numpy.
Rows must be contiguous; nothing is checked.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import operator
from typing import Any

import numpy as np

WIDE = 16


# --- as numpy does it -----------------------------------------------------------------------------------------------
def load(x, at):
    """x[at : at + 16], float32."""
    return x[at : at + WIDE].copy()


def store(x, at, vector):
    """x[at : at + 16] = vector; of uint32, what is behind the point is dropped."""
    x[at : at + WIDE] = vector


def splat(number):
    """Sixteen times the same number."""
    return np.full(WIDE, number, np.float32)


def floor(vector):
    """The largest whole numbers that are not larger."""
    return np.floor(vector)


def magnitude(vector):
    """Without signs."""
    return np.abs(vector)


def smaller(a, b):
    """The smaller of each two."""
    return np.minimum(a, b)


def larger(a, b):
    """The larger of each two."""
    return np.maximum(a, b)


def largest(vector):
    """The largest of the sixteen."""
    return vector.max()


def pairs(x, places, at):
    """(x[p], x[p + 1]) for the sixteen numbers p in places[at :], uint32."""
    these = places[at : at + WIDE]
    return x[these], x[these + np.uint32(1)]


def turned(x, rows, column, out):
    """Rows for columns: out[16 n + v] = x[rows[v], column + n] for sixteen rows of x, named in `rows`."""
    out[: WIDE * WIDE] = x[rows[:WIDE], column : column + WIDE].T.reshape(-1)


# --- as LLVM does it ------------------------------------------------------------------------------------------------
def teach() -> None:
    """Tell Numba what the functions above compile to. Once a process, before the first kernel."""
    from llvmlite import ir
    from numba.core import cgutils
    from numba.core.typing.templates import AbstractTemplate, infer_global
    from numba.core.typing.templates import signature as typed
    from numba.extending import lower_builtin, models, register_model, types

    single, wide = ir.FloatType(), ir.VectorType(ir.FloatType(), WIDE)
    integer = ir.IntType(32)

    class Vector(types.Type):
        """The type of a vector."""

        def __init__(self) -> None:
            super().__init__(name="Vector")

    vector = Vector()

    @register_model(Vector)
    class Model(models.PrimitiveModel):
        def __init__(self, manager: Any, kind: Any) -> None:
            super().__init__(manager, kind, wide)

    def compiles(function: Any, result: Any, *arguments: Any) -> Any:
        """Decorator: `function` of these arguments gives `result`, by what the decorated function builds."""

        @infer_global(function)
        class Typed(AbstractTemplate):
            def generic(self, given, _named):
                fits = len(given) == len(arguments) and all(
                    isinstance(one, kind) if isinstance(kind, type) else one == kind
                    for one, kind in zip(given, arguments, strict=True)
                )
                fits = fits and all(one.layout == "C" for one in given if isinstance(one, types.Array))
                return typed(result, *given) if fits else None

        return lower_builtin(function, *arguments)

    def place(context, builder, kind, array, at):
        """Pointer to element `at` of a contiguous row."""
        return builder.gep(context.make_array(kind)(context, builder, array).data, [at])

    def as_index(context, builder, kind, at):
        return context.cast(builder, at, kind, types.intp)

    def loaded(builder, pointer, kind=wide):
        return builder.load(builder.bitcast(pointer, kind.as_pointer()), align=4)

    def stored(builder, pointer, value):
        builder.store(value, builder.bitcast(pointer, value.type.as_pointer()), align=4)

    def mask(*numbers):
        return ir.Constant(ir.VectorType(integer, len(numbers)), list(numbers))

    def called(builder, name, *values):
        """An intrinsic of LLVM, for sixteen."""
        kind = ir.FunctionType(values[0].type, [value.type for value in values])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{WIDE}f32"), values)

    @compiles(load, vector, types.Array, types.Integer)
    def _load(context, builder, signature, given):
        at = as_index(context, builder, signature.args[1], given[1])
        return loaded(builder, place(context, builder, signature.args[0], given[0], at))

    @compiles(store, types.none, types.Array, types.Integer, vector)
    def _store(context, builder, signature, given):
        at = as_index(context, builder, signature.args[1], given[1])
        whole = signature.args[0].dtype == types.uint32
        value = builder.fptosi(given[2], ir.VectorType(integer, WIDE)) if whole else given[2]
        stored(builder, place(context, builder, signature.args[0], given[0], at), value)
        return context.get_dummy_value()

    @compiles(splat, vector, types.Float)
    def _splat(context, builder, signature, given):
        number = context.cast(builder, given[0], signature.args[0], types.float32)
        first = builder.insert_element(ir.Constant(wide, ir.Undefined), number, integer(0))
        return builder.shuffle_vector(first, first, mask(*[0] * WIDE))

    for symbol, build in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):

        @compiles(symbol, vector, vector, vector)
        def _calculate(context, builder, signature, given, build=build):
            return getattr(builder, build)(*given, flags=("contract",))

    for function, name in ((floor, "floor"), (magnitude, "fabs")):

        @compiles(function, vector, vector)
        def _unary(context, builder, signature, given, name=name):
            return called(builder, name, given[0])

    for function, sign in ((smaller, "<"), (larger, ">")):

        @compiles(function, vector, vector, vector)
        def _choose(context, builder, signature, given, sign=sign):
            return builder.select(builder.fcmp_ordered(sign, *given), *given)

    @compiles(largest, types.float32, vector)
    def _largest(context, builder, signature, given):
        vector, half = given[0], WIDE // 2
        while half:
            other = builder.shuffle_vector(vector, vector, mask(*[(lane + half) % WIDE for lane in range(WIDE)]))
            vector, half = builder.select(builder.fcmp_ordered(">", vector, other), vector, other), half // 2
        return builder.extract_element(vector, integer(0))

    @compiles(pairs, types.UniTuple(vector, 2), types.Array, types.Array, types.Integer)
    def _pairs(context, builder, signature, given):
        """Eight bytes a place, the number there and the next; then what is even and what is odd."""
        row, places = signature.args[:2]
        at = as_index(context, builder, signature.args[2], given[2])
        begin, two = place(context, builder, places, given[1], at), ir.IntType(64)
        all_pairs = ir.Constant(ir.VectorType(two, WIDE), ir.Undefined)
        for lane in range(WIDE):
            index = builder.zext(builder.load(builder.gep(begin, [integer(lane)])), two)
            pair = loaded(builder, place(context, builder, row, given[0], index), two)
            all_pairs = builder.insert_element(all_pairs, pair, integer(lane))
        flat = builder.bitcast(all_pairs, ir.VectorType(single, 2 * WIDE))
        both = [builder.shuffle_vector(flat, flat, mask(*range(odd, 2 * WIDE, 2))) for odd in (0, 1)]
        return context.make_tuple(builder, signature.return_type, both)

    @compiles(turned, types.none, types.Array, types.Array, types.Integer, types.Array)
    def _turned(context, builder, signature, given):
        """Pairs of rows are woven into one another, as often as it takes: 8 x 8 numbers at a time."""
        source, rows, _, to = signature.args
        column = as_index(context, builder, signature.args[2], given[2])
        array = context.make_array(source)(context, builder, given[0])
        stride = builder.sdiv(cgutils.unpack_tuple(builder, array.strides)[0], context.get_constant(types.intp, 4))
        names = place(context, builder, rows, given[1], context.get_constant(types.intp, 0))
        begin = []
        for lane in range(WIDE):
            row = builder.zext(builder.load(builder.gep(names, [integer(lane)])), column.type)
            begin.append(builder.gep(array.data, [builder.add(builder.mul(row, stride), column)]))
        out = context.make_array(to)(context, builder, given[3]).data
        few, half = ir.VectorType(single, 8), 8
        for low in range(0, WIDE, half):
            for first in range(0, WIDE, half):
                block = [loaded(builder, builder.gep(begin[low + k], [integer(first)]), few) for k in range(half)]
                for _ in range(3):
                    woven = []
                    for k in range(half // 2):
                        a, b = block[k], block[k + half // 2]
                        woven.append(builder.shuffle_vector(a, b, mask(0, 8, 1, 9, 2, 10, 3, 11)))
                        woven.append(builder.shuffle_vector(a, b, mask(4, 12, 5, 13, 6, 14, 7, 15)))
                    block = woven
                for k in range(half):
                    stored(builder, builder.gep(out, [integer((first + k) * WIDE + low)]), block[k])
        return context.get_dummy_value()
