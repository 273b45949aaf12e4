"""The exponential, the maximum of a row and the test for NaN and inf, in forms that vectorise.

Without Intel's SVML Numba calls the C library's exp, one number at a time. The float32 one here is
a polynomial, which inlines; float64 keeps the C library's.
"""

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from ...runtime.compiled import compiled

LOWEST = np.float32(-87)  # e^x of anything below is 0: it would hardly be a normal float32
LOG2_E = np.float32(1.4426950408889634)
# ln 2 in two parts: the first has so few bits that its multiples are exact.
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.1219444e-4)
# 1.5 * 2**23: a number added to it is rounded to an integer, which its lowest bits then hold.
ROUNDER, ROUNDER_BITS = np.float32(12582912), np.int32(0x4B400000)
BIAS, MANTISSA = np.int32(127), np.int32(23)
# e^r = 1 + r (C1 + r (C2 + ...)) for |r| <= ln 2 / 2, with the least largest relative error, 9e-8:
# a weighted fit (Lawson's iteration) of degree 5 that is exact at 0.
C1, C2, C3, C4, C5 = (
    np.float32(c) for c in (0.9999997, 0.49999148, 0.16667639, 0.04189816, 0.0082902723)
)
INTEGERS = {types.float32: types.int32, types.float64: types.int64}
FLOATS = {integer: kind for kind, integer in INTEGERS.items()}


@intrinsic
def bits(typing_context, x):
    """The integer with the bits of x."""
    integer = INTEGERS[x]

    def generate(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(integer))

    return integer(x), generate


@intrinsic
def from_bits(typing_context, i):
    """The float with the bits of i."""
    kind = FLOATS[i]

    def generate(context, builder, signature, args):
        return builder.bitcast(args[0], context.get_value_type(kind))

    return kind(i), generate


@intrinsic
def ordered(typing_context, i):
    """Bits of a float to an integer that sorts as the float does, and back again."""

    def generate(context, builder, signature, args):
        width = args[0].type.width
        sign = builder.ashr(args[0], ir.Constant(args[0].type, width - 1))
        rest = ir.Constant(args[0].type, 2 ** (width - 1) - 1)
        return builder.xor(args[0], builder.and_(sign, rest))

    return i(i), generate


def magnitude(x):
    """The bits of |x| as an integer: it grows with |x|, and is infinity's or more for inf and NaN.

    Sums of x * 0, which NaN would show in, are not safe: some compilers take them for 0.
    """
    return abs(x)


@overload(magnitude)
def _magnitude(x):
    rest = np.int32(2**31 - 1) if x == types.float32 else np.int64(2**63 - 1)
    return lambda x: bits(x) & rest


@compiled
def largest(row):
    """The largest element of a row: a maximum of floats would not vectorise."""
    top = ordered(bits(row[0]))
    for j in range(row.size):
        key = ordered(bits(row[j]))
        top = key if key > top else top
    return from_bits(ordered(top))


def exp(x):
    """e^x for x <= 88, with a relative error below 3e-7 in float32; NaN stays NaN."""
    return math.exp(x)


# Sums may not be reordered here, or the two parts of ln 2 would be put together again.
@overload(exp, jit_options={"fastmath": {"contract"}})
def _exp(x):
    if x != types.float32:
        return lambda x: math.exp(x)

    def exp32(x):
        inside = LOWEST if x < LOWEST else x
        n = np.int32(bits(inside * LOG2_E + ROUNDER) - ROUNDER_BITS)
        r = inside - np.float32(n) * LN2_HIGH - np.float32(n) * LN2_LOW
        p = np.float32(1) + r * (C1 + r * (C2 + r * (C3 + r * (C4 + r * C5))))
        power = from_bits(np.int32((n + BIAS) << MANTISSA))
        return np.float32(0) if x < LOWEST else p * power

    return exp32
