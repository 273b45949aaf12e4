"""The exponential, the maximum of a row and the test for NaN and inf, in forms that vectorise.

Without Intel's SVML, Numba calls the C library's exp once per number. The float32 version here is a
polynomial, which the compiler inlines; float64 uses the C library's exp.
"""

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from ...runtime.compiled import compiled

LOWEST = np.float32(-87)  # e^x is 0 for x below: the smallest normal float32 is e^-87.3
LOG2_E = np.float32(1.4426950408889634)
# ln 2 in two parts; the first has so few bits that its products with n are exact.
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.1219444e-4)
# Adding 1.5 * 2**23 rounds a number to an integer, which the lowest bits of the sum then hold.
ROUNDER, ROUNDER_BITS = np.float32(12582912), np.int32(0x4B400000)
BIAS, MANTISSA = np.int32(127), np.int32(23)
# e^r = 1 + r (C1 + r (C2 + ...)) for |r| <= ln 2 / 2: the polynomial of degree 5, exact at 0, with
# the smallest maximum relative error, 9e-8, from a weighted fit (Lawson's iteration).
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
    """Map the bits of a float to an integer of the same order; applied again, it maps back."""

    def generate(context, builder, signature, args):
        width = args[0].type.width
        sign = builder.ashr(args[0], ir.Constant(args[0].type, width - 1))
        rest = ir.Constant(args[0].type, 2 ** (width - 1) - 1)
        return builder.xor(args[0], builder.and_(sign, rest))

    return i(i), generate


def magnitude(x):
    """The bits of |x| as an integer, which grows with |x|; for NaN it is above that of inf.

    To sum x * 0 would also find NaN, but some compilers replace x * 0 by 0.
    """
    return abs(x)


@overload(magnitude)
def _magnitude(x):
    rest = np.int32(2**31 - 1) if x == types.float32 else np.int64(2**63 - 1)
    return lambda x: bits(x) & rest


@compiled
def largest(row):
    """The largest element of a row, compared as integers: a maximum of floats doesn't vectorise."""
    top = ordered(bits(row[0]))
    for j in range(row.size):
        key = ordered(bits(row[j]))
        top = key if key > top else top
    return from_bits(ordered(top))


def exp(x):
    """e^x for x <= 88, with a relative error below 3e-7 in float32; NaN stays NaN."""
    return math.exp(x)


# Sums must not be reordered here: that would merge the two parts of ln 2.
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
