"""Broken kernels, which the emulated tests must notice: (file, kernel, what it says, what instead).

Only faults that stay within their arrays: what reads or writes beyond them is for the sanitizers.
"""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """A replacement of text in a .cu file, and the kernel whose cases must fail then."""

    file: str
    kernel: str
    old: str
    new: str

    @property
    def name(self) -> str:
        """What the mutant does, for the list of tests."""
        return f"{self.file}, {self.kernel}: {self.old} -> {self.new or 'nothing'}"

    def apply(self, text: str) -> str:
        """The kernel's text with the fault, once."""
        if self.old not in text:
            raise ValueError(f"{self.file}.cu has no {self.old!r} any more; renew the mutant")
        return text.replace(self.old, self.new, 1)


BARRIER = "__syncthreads();"
SECOND = "parts[warp] = x;\n  __syncthreads();"
LINE = "parts[threadIdx.y][threadIdx.x] = x;\n  __syncthreads();"
FIRST_BARRIER = "__syncthreads();  // every thread has read the parts of the previous sum\n"

MUTANTS = [
    # Barriers, masks and lanes
    Mutant("common", "penalty_epilogue", "0xffffffffu", "0x0000ffffu"),
    Mutant("common", "penalty_epilogue", "lanes = WARP / 2", "lanes = WARP / 4"),
    Mutant("common", "softmax_loss_forward", "x != x ? x : y", "false ? x : y"),
    Mutant("common", "entropy_hinge", FIRST_BARRIER + "  if (lane", "if (lane"),
    Mutant("common", "gradient_penalty", SECOND, SECOND.replace(BARRIER, "")),
    Mutant("common", "gradient_penalty", SECOND, SECOND.replace(BARRIER, "__syncwarp();")),
    Mutant("common", "squared_error", "? parts[lane] : (real)0", "? parts[lane] : parts[lane]"),
    Mutant("common", "critic_epilogue", FIRST_BARRIER + "  parts", "parts"),
    Mutant("common", "activation_gradient", LINE, LINE.replace(BARRIER, "")),
    Mutant("common", "activation_gradient", "line < LINES", "line < LINES - 1"),
    Mutant(
        "critic", "critic_epilogue", "    fake_score = lines", "    if (i < n) fake_score = lines"
    ),
    Mutant(
        "critic",
        "critic_epilogue",
        "const real share",
        "if (first >= units) return; const real share",
    ),
    Mutant(
        "softmax", "log_softmax_entropy", "if (i >= rows)", "if (i >= rows || threadIdx.x >= c)"
    ),
    Mutant("router", "route_rows", "__shfl_xor_sync(FULL, b.index, lanes)", "b.index"),
    # Sums over blocks, places and strides
    Mutant("adam", "adam_update", "i = packs * PACK + first", "i = packs * PACK"),
    Mutant("activation", "activation_gradient", "i = blockIdx.x * STRIP + ", "i = "),
    Mutant("activation", "activation_gradient", "(long long)blockIdx.x * columns + j", "j"),
    Mutant(
        "activation",
        "bias_activation",
        "i += rows_at_once) {\n        pack",
        "i += 1) {\n        pack",
    ),
    Mutant("critic", "critic_epilogue", "blockIdx.x * 2 * n + i]", "0 * 2 * n + i]"),
    Mutant("confidence", "confidence_score", "((int)blockIdx.x + 1) * STRIP", "rows"),
    Mutant("distance", "negative_distances", "i += gridDim.y * LINES", "i += LINES"),
    Mutant("rows", "gather_rows", "i < n; i += gridDim.y * LINES", "i < n; i += n"),
    Mutant("adam", "adam_update", "i < packs; i += stride", "i < packs; i += packs"),
    Mutant("reduce", "critic_epilogue", "i += LINES", "i += 1"),
    Mutant("rows", "gather_rows", "x + rows[i] * d", "x + (i % 8) * d"),
    Mutant("rows", "segment_sum", "r * m + i", "r * c + i"),
    # Values
    Mutant("adam", "adam_update", "is_finite(pi)", "pi == pi"),
    Mutant("router", "route_rows", "h < delta_low ?", "h <= delta_low ?"),
    Mutant("router", "route_rows", "h > delta_high ?", "h >= delta_high ?"),
    Mutant("hinge", "entropy_hinge", "gap > 0 ?", "gap >= 0 ?"),
    Mutant("activation", "activation_gradient", "y[at] > 0", "!(y[at] <= 0)"),
    Mutant("adam", "adam_update", "rest2 * (gi * gi)", "rest1 * (gi * gi)"),
    Mutant("adam", "adam_update", "finite = finite && is_finite(pi)", "finite = finite"),
    Mutant("adam", "adam_update", "atomicCAS(bad, 0, step)", "*bad = step"),
    Mutant("activation", "bias_activation", "phi(*place + b[j])", "phi(*place)"),
    Mutant("activation", "activation_gradient", "y[at] > 0", "y[at] >= 0"),
    Mutant("critic", "critic_epilogue", "mixed > 0", "genuine > 0"),
    Mutant("critic", "critic_epilogue", "out[n + i] = -share", "out[n + i] = share"),
    Mutant("critic", "gradient_penalty", "length > 0 ?", "true ?"),
    Mutant("critic", "penalty_epilogue", "+ i] > 0 ? x : slope * x", "+ i] > 0 ? x : x"),
    Mutant("softmax", "softmax_loss_forward", "s.u = warp_sum(s.u);", ""),
    Mutant(
        "softmax",
        "softmax_loss_backward",
        "(logits[at] - top[i]) - log_t[i]",
        "logits[at] - (top[i] + log_t[i])",
    ),
    Mutant("softmax", "softmax_loss_backward", "j == label ? d - own : d", "d"),
    Mutant("confidence", "confidence_score", "!(marginal[j] <= 0)", "true"),
    Mutant("confidence", "confidence_score", "weights[i] * REAL(exp)", "REAL(exp)"),
    Mutant("router", "route_rows", "other.index < b.index", "other.index > b.index"),
    Mutant("router", "route_rows", "skip + chosen.index", "chosen.index"),
    Mutant("router", "route_rows", "h < delta_low ? 0", "h <= delta_high ? 0"),
    Mutant("router", "soft_route_rows", "s.t = warp_sum(s.t);", ""),
    Mutant("router", "soft_route_rows", "all + seen;", "all;"),
    Mutant("router", "soft_route_rows", "seen + nearest.index", "nearest.index"),
    Mutant("router", "soft_route_rows", "theta < 0 ? theta : -theta", "-theta"),
    Mutant(
        "router",
        "soft_route_rows",
        "real seen = theta < 0 ? smaller_part",
        "real seen = theta < 0 ? larger_part",
    ),
    Mutant(
        "router",
        "soft_route_rows",
        "real unseen = theta < 0 ? larger_part",
        "real unseen = theta < 0 ? smaller_part",
    ),
    Mutant("router", "soft_route_rows", "of_seen >= of_unseen", "of_seen > of_unseen"),
    Mutant("router", "soft_route_rows", "c.entropy * per_nat", "c.entropy"),
    Mutant("router", "soft_route_rows", "is_seen ? of_seen : of_unseen", "of_seen"),
    Mutant("router", "learned_route_rows", "return warp_max(top);", "return top;"),
    Mutant("router", "learned_route_rows", "top = larger(top, row[j])", "top = row[j]"),
    Mutant("router", "learned_route_rows", "return warp_sum(t);", "return t;"),
    Mutant("router", "learned_route_rows", "others = scores + seen", "others = scores"),
    Mutant("router", "learned_route_rows", "row_max(scores, seen)", "row_max(scores, all)"),
    Mutant("router", "learned_route_rows", "slope * c.entropy", "c.entropy"),
    Mutant("router", "learned_route_rows", "of_gap * (best_seen", "(best_seen"),
    Mutant("router", "learned_route_rows", "best_seen - nearest.value", "best_seen"),
    Mutant("router", "learned_route_rows", "+ rest[i] + bias", "+ bias"),
    Mutant("router", "learned_route_rows", "+ rest[i] + bias", "+ rest[0] + bias"),
    Mutant("router", "learned_route_rows", "+ rest[i] + bias", "+ rest[i]"),
    Mutant("router", "learned_route_rows", "theta >= REAL(log)(c.t)", "theta > REAL(log)(c.t)"),
    Mutant("router", "learned_route_rows", "theta >= REAL(log)(c.t) -", "theta >= -"),
    Mutant("router", "learned_route_rows", "(c.t) - REAL(log)(t_unseen)", "(c.t)"),
    Mutant("router", "learned_route_rows", "by.seen / c.t : by.unseen", "by.seen / c.t : by.seen"),
    Mutant("hinge", "entropy_hinge", "gap > 0 ?", "gap < 0 ?"),
    Mutant("hinge", "entropy_hinge", "of_seen += i < seen", "of_seen += i <= seen"),
    Mutant("squared", "squared_error", "dx[i] = twice * difference", "dx[i] = difference"),
    Mutant("reduce", "squared_error", "= scale * sum;", "= sum;"),
    Mutant("philox", "philox_words", "round < 10", "round < 9"),
    Mutant("philox", "philox_integers", "* high >> 32", "* high >> 31"),
    Mutant("philox", "philox_normal", "radius * sine", "radius * cosine"),
    Mutant("philox", "philox_uniform", "word >> 8", "word >> 9"),
    Mutant("scale", "scale_rows", "atomicCAS(bad, 0, 1)", "bad[0] = 0"),
    Mutant("scale", "scale_rows", "!unit_rows || !(length > 0)", "!unit_rows"),
    Mutant("scale", "scale_rows", "square += result * result", "square += value * value"),
    Mutant("distance", "negative_distances", "square < 0 ?", "square < -9 ?"),
    Mutant("distance", "centered_rows", "square += difference * difference", "square = difference"),
]
