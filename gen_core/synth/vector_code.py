"""What the functions of `vector.py` compile to: one row of `_CODE` each, and a function that builds it.

LLVM's own language: https://llvm.org/docs/LangRef.html, "Vector Operations". Numba is told by `teach`.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import operator
from typing import Any

from gen_core.synth import vector
from gen_core.synth.vector import WIDE


class _Pencil:
    """What builds the code of one call: `kinds` and `given` are the types and the values of its arguments."""

    def __init__(self, context: Any, builder: Any, signature: Any, given: Any) -> None:
        from llvmlite import ir

        self.ir, self.context, self.builder = ir, context, builder
        self.kinds, self.given, self.returns = signature.args, given, signature.return_type
        self.single, self.integer, self.double = ir.FloatType(), ir.IntType(32), ir.IntType(64)

    def several(self, kind: Any, count: int = WIDE) -> Any:
        """The type of a vector."""
        return self.ir.VectorType(kind, count)

    def index(self, argument: int) -> Any:
        """An argument that is a whole number, as wide as a pointer."""
        from numba.core import types

        return self.context.cast(self.builder, self.given[argument], self.kinds[argument], types.intp)

    def array(self, argument: int) -> Any:
        """An argument that is an array: its `data` and `strides`."""
        return self.context.make_array(self.kinds[argument])(self.context, self.builder, self.given[argument])

    def at(self, pointer: Any, index: Any) -> Any:
        """The element that is so many elements further."""
        return self.builder.gep(pointer, [self.integer(index) if isinstance(index, int) else index])

    def load(self, pointer: Any, kind: Any) -> Any:
        """Of any type, wherever it lies."""
        return self.builder.load(self.builder.bitcast(pointer, kind.as_pointer()), align=4)

    def store(self, pointer: Any, value: Any) -> None:
        self.builder.store(value, self.builder.bitcast(pointer, value.type.as_pointer()), align=4)

    def mixed(self, a: Any, b: Any, *places: int) -> Any:
        """The numbers at these places of a and b end to end."""
        mask = self.ir.Constant(self.several(self.integer, len(places)), list(places))
        return self.builder.shuffle_vector(a, b, mask)


def _load(p):
    return p.load(p.at(p.array(0).data, p.index(1)), p.several(p.single))


def _store(p):
    from numba.core import types

    whole = p.kinds[0].dtype == types.uint32
    value = p.builder.fptosi(p.given[2], p.several(p.integer)) if whole else p.given[2]
    p.store(p.at(p.array(0).data, p.index(1)), value)
    return p.context.get_dummy_value()


def _splat(p):
    from numba.core import types

    number = p.context.cast(p.builder, p.given[0], p.kinds[0], types.float32)
    nothing = p.ir.Constant(p.several(p.single), p.ir.Undefined)
    first = p.builder.insert_element(nothing, number, p.integer(0))
    return p.mixed(first, first, *[0] * WIDE)


def _calculated(name):
    return lambda p: getattr(p.builder, name)(*p.given, flags=("contract",))


def _called(name):
    """An intrinsic of LLVM."""

    def build(p):
        from numba.core import cgutils

        kind = p.ir.FunctionType(p.given[0].type, [p.given[0].type])
        function = cgutils.get_or_insert_function(p.builder.module, kind, f"llvm.{name}.v{WIDE}f32")
        return p.builder.call(function, p.given)

    return build


def _chosen(sign):
    return lambda p: p.builder.select(p.builder.fcmp_ordered(sign, *p.given), *p.given)


def _largest(p):
    """Each against the one half a vector further, then a quarter, …"""
    numbers, half = p.given[0], WIDE // 2
    while half:
        other = p.mixed(numbers, numbers, *[(n + half) % WIDE for n in range(WIDE)])
        numbers, half = p.builder.select(p.builder.fcmp_ordered(">", numbers, other), numbers, other), half // 2
    return p.builder.extract_element(numbers, p.integer(0))


def _look_up(p):
    """Four at a time: two places are one load, and x[p] and x[p + 1] another."""
    table, names, at = p.array(0).data, p.at(p.array(1).data, p.index(3)), p.index(3)
    parts, out = p.at(p.array(2).data, at), p.at(p.array(4).data, at)
    for first in range(0, WIDE, 4):
        halves = []
        for two in (first, first + 2):
            both = p.load(p.at(names, two), p.double)
            places = p.builder.zext(p.builder.trunc(both, p.integer), p.double), p.builder.lshr(both, p.double(32))
            pair = [p.load(p.at(table, place), p.several(p.single, 2)) for place in places]
            halves.append(p.mixed(*pair, 0, 1, 2, 3))
        low, high = p.mixed(*halves, 0, 2, 4, 6), p.mixed(*halves, 1, 3, 5, 7)
        part = p.load(p.at(parts, first), p.several(p.single, 4))
        way = p.builder.fmul(part, p.builder.fsub(high, low, flags=("contract",)), flags=("contract",))
        p.store(p.at(out, first), p.builder.fadd(low, way, flags=("contract",)))
    return p.context.get_dummy_value()


def _rows(p, array, rows, column):
    """Pointers to sixteen rows of an array, named in another, from a column on."""
    from numba.core import cgutils

    stride = p.builder.sdiv(cgutils.unpack_tuple(p.builder, array.strides)[0], column.type(4))
    names = [p.builder.zext(p.builder.load(p.at(rows.data, n)), column.type) for n in range(WIDE)]
    return [p.at(array.data, p.builder.add(p.builder.mul(name, stride), column)) for name in names]


def _turn(p, source, target):
    """Sixteen rows become columns, by pointers. Eight rows of eight: halves are woven into one another three times."""
    half, weaves = WIDE // 2, ((0, 8, 1, 9, 2, 10, 3, 11), (4, 12, 5, 13, 6, 14, 7, 15))
    for low in range(0, WIDE, half):
        for first in range(0, WIDE, half):
            block = [p.load(p.at(source[low + k], first), p.several(p.single, half)) for k in range(half)]
            for _ in range(3):
                pairs = zip(block[: half // 2], block[half // 2 :], strict=True)
                block = [p.mixed(a, b, *weave) for a, b in pairs for weave in weaves]
            for k in range(half):
                p.store(p.at(target[first + k], low), block[k])
    return p.context.get_dummy_value()


def _turned(p):
    tile = p.array(3).data
    return _turn(p, _rows(p, p.array(0), p.array(1), p.index(2)), [p.at(tile, n * WIDE) for n in range(WIDE)])


def _turned_back(p):
    tile = p.at(p.array(0).data, p.index(1))
    return _turn(p, [p.at(tile, n * WIDE) for n in range(WIDE)], _rows(p, p.array(4), p.array(2), p.index(3)))


# function, what it gives, what it takes, how it is built
_CODE = (
    (vector.load, "vector", ("array", "whole"), _load),
    (vector.store, "none", ("array", "whole", "vector"), _store),
    (vector.splat, "vector", ("number",), _splat),
    (operator.add, "vector", ("vector", "vector"), _calculated("fadd")),
    (operator.sub, "vector", ("vector", "vector"), _calculated("fsub")),
    (operator.mul, "vector", ("vector", "vector"), _calculated("fmul")),
    (vector.floor, "vector", ("vector",), _called("floor")),
    (vector.magnitude, "vector", ("vector",), _called("fabs")),
    (vector.smaller, "vector", ("vector", "vector"), _chosen("<")),
    (vector.larger, "vector", ("vector", "vector"), _chosen(">")),
    (vector.largest, "single", ("vector",), _largest),
    (vector.look_up, "none", ("array", "array", "array", "whole", "array"), _look_up),
    (vector.turned, "none", ("array", "array", "whole", "array"), _turned),
    (vector.turned_back, "none", ("array", "whole", "array", "whole", "array"), _turned_back),
)


def teach() -> None:
    """Tell Numba all of it. Once a process, before the first kernel."""
    from llvmlite import ir
    from numba.core import types
    from numba.extending import lower_builtin, models, register_model

    class Vector(types.Type):
        """The type of a vector."""

        def __init__(self) -> None:
            super().__init__(name="Vector")

    @register_model(Vector)
    class _Model(models.PrimitiveModel):
        def __init__(self, manager: Any, kind: Any) -> None:
            super().__init__(manager, kind, ir.VectorType(ir.FloatType(), WIDE))

    kinds = {"array": types.Array, "whole": types.Integer, "number": types.Float, "vector": Vector}
    results = {"vector": Vector(), "single": types.float32, "none": types.none}
    for function, result, takes, build in _CODE:
        wanted = tuple(kinds[name] for name in takes)
        _give_type(function, results[result], wanted)
        lower_builtin(function, *wanted)(lambda *call, build=build: build(_Pencil(*call)))


def _give_type(function: Any, result: Any, wanted: tuple[Any, ...]) -> None:
    """What a call gives where its arguments are of the wanted types; arrays must be contiguous."""
    from numba.core import types
    from numba.core.typing.templates import AbstractTemplate, infer_global, signature

    @infer_global(function)
    class _Typed(AbstractTemplate):
        def generic(self, given: Any, _named: Any) -> Any:
            fits = len(given) == len(wanted) and all(map(isinstance, given, wanted))
            fits = fits and all(one.layout == "C" for one in given if isinstance(one, types.Array))
            return signature(result, *given) if fits else None
