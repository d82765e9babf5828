"""The whole choice of an algorithm: which one is the fastest for which problem.

The times beside the constants are from `tests/benchmarks/engine.py --parts algorithms growth` and from runs like it
with one number changed: float32, two cores with AVX-512, milliseconds. Where two algorithms are within a tenth of each
other, the simpler one is chosen.
"""

from __future__ import annotations

from math import prod

from convcli.engine.algorithms.native_layouts import suits_planes
from convcli.engine.algorithms.problem import Problem

# Transforms are allowed from this tolerance on. Relative to the largest value, Fourier's tiles are off by 2e-7 and
# Winograd's of 2 × 2 outputs by 6e-7. Those of 4 × 4, off by 2e-6, have a limit of their own in `winograd`.
LEAST_TOLERANCE = 2e-6

# To prepare Winograd's weights takes 7e-8 s for each filter and channel, and saves 3e-12 s a multiplication: it pays
# from so many windows on, over all samples (56² once, 14² over 14 samples).
PREPARED_WINDOWS = 2700

# Winograd's tiles gain on patches from 64 channels on (56² 128 → 128: 3.8 instead of 5.1; 28² 128: 1.7 instead of 1.9),
# but lose on less (56² 32: 1.05 instead of 0.86; 28² 64: 0.80 instead of 0.73). The measure is windows times channels.
WINOGRAD_CHANNELS, WINOGRAD_CELLS = 64, 50_000
WINOGRAD_FEWER_CHANNELS, WINOGRAD_MORE_CELLS = 32, 400_000

# One channel: the banded matrix takes 32 for 4096² by 3 × 3 and 170 by 15 × 15. Squares of cells as channels take 100
# for any filter up to 17 × 17. Fourier's tiles take 125, and hardly more for larger filters (1024² by 33 × 33: 26).
LARGE_FILTER, LARGEST_SQUARES, LARGE_IMAGE = 9, 17, 1 << 16
LONG_FILTER = 64  # along one axis; 1,000,000 by 1025: 4 by Fourier's tiles, 90 by sums of products

# Windows along one axis are computed sample by sample. With fewer of them, patches of all samples at once are faster.
MANY_WINDOWS = 256

# With few channels and filters, the banded matrix has enough columns and that of patches too few (3 → 3: 110 instead of
# 250). But it holds zeros in the holes of a window, which may be this many times as long as its cells.
FEW = 4
MOST_HOLES = 3

# Of a group: the native core computes blocks of 32 filters (of 16 in float64), and leaves places empty for fewer.
FEWEST_FILTERS = 8
GROUPED_CHANNELS = 16  # in all groups, for the core's kernel of small groups: a vector of float32
MOST_PHASES = 64  # of a transposed convolution: each is an operation of the core

# The core's tiles take half the time of its sums of products (one thread, 224² 64 → 64: 8.8 instead of 16.2; 56² 64:
# 0.51 instead of 1.06; 112² 16: 0.37 instead of 0.43). On small maps the transformed weights, four times as large, take
# as long to read as the products that are saved (14²).
NATIVE_CHANNELS, NATIVE_OUTPUTS = 16, 400

# With few channels and filters, neighbours in a row fill the core's vectors. One thread takes 10 for 4096² by 3 × 3 and
# 44 by 15 × 15, so that Fourier's tiles are faster from about 40 × 40 on, and along one axis from about 256.
LARGEST_PLANES, LONGEST_PLANES = 40, 256

FEWEST_GROUPS = 8  # of one channel each, for all channels at once to be faster than patches


def choose(problem: Problem) -> str:
    """Return the name of the fastest algorithm that suits the problem."""
    windows, sizes = problem.windows, [window.size for window in problem.windows]
    if problem.native and _for_native(problem):
        return "winograd" if _native_tiles_pay(problem, sizes) else "native"
    if not problem.finite_kernel:
        # Infinity times the zeros of padding, and of a stretched input, is undefined: few algorithms meet these zeros.
        return "patches" if problem.unstretched else "plain"
    if not problem.unstretched:
        return "phases" if problem.unit_stride else "plain"
    if problem.groups > 1:
        depthwise = problem.group_channels == 1 and problem.groups >= FEWEST_GROUPS and sizes
        return "channelwise" if depthwise else "patches"
    if problem.window_cells == 1:
        return "patches"
    if _single(problem, 1) and sizes[0] >= LONG_FILTER and problem.positions[0] >= 4 * sizes[0]:
        return "fourier"
    overlapping_little = len(sizes) == 1 and windows[0].dilation == 1 and sizes[0] <= 4 * windows[0].stride
    if overlapping_little and problem.positions[0] >= MANY_WINDOWS:
        return "interleaved"
    if max(problem.filters, problem.channels) <= FEW and windows[-1].extent <= MOST_HOLES * sizes[-1]:
        return _for_few_channels(problem, sizes)
    return "winograd" if _tiles_pay(problem, sizes) else "patches"


def _for_native(problem: Problem) -> bool:
    """Return whether the native core has a kernel that fills its vectors."""
    if suits_planes(problem):
        largest = LONGEST_PLANES if len(problem.windows) == 1 else LARGEST_PLANES
        transforms_pay = _single(problem, len(problem.windows)) and min(problem.positions) >= 4 * largest
        return not transforms_pay or max(window.size for window in problem.windows) <= largest
    grouped = problem.groups > 1 and problem.group_channels <= problem.group_filters
    if not (problem.group_filters >= FEWEST_FILTERS or (grouped and problem.channels >= GROUPED_CHANNELS)):
        return False
    phases = prod(window.upsample for window in problem.windows)
    return problem.unstretched or (problem.unit_stride and problem.finite_kernel and phases <= MOST_PHASES)


def _native_tiles_pay(problem: Problem, sizes: list[int]) -> bool:
    """Return whether Winograd's tiles are faster than sums of products, both by the native core."""
    suitable = sizes in ([3, 3], [3, 3, 3]) and _may_be_approximate(problem) and problem.unstretched
    if not suitable or not problem.finite_kernel:
        return False
    dilated = any(window.dilation > 1 for window in problem.windows[-2:])
    enough = min(problem.channels, problem.filters) >= NATIVE_CHANNELS and problem.groups == 1
    outputs = prod(problem.positions[-2:])
    prepared = prod(problem.positions) * problem.samples >= PREPARED_WINDOWS
    return enough and not dilated and outputs >= NATIVE_OUTPUTS and prepared


def _for_few_channels(problem: Problem, sizes: list[int]) -> str:
    if _single(problem, 2) and min(sizes) >= LARGE_FILTER and prod(problem.positions) >= LARGE_IMAGE:
        return "space_to_depth" if max(sizes) <= LARGEST_SQUARES else "fourier"
    return "banded"


def _tiles_pay(problem: Problem, sizes: list[int]) -> bool:
    """Return whether Winograd's tiles are faster than patches."""
    if sizes not in ([3, 3], [3, 3, 3]) or not _may_be_approximate(problem):
        return False
    windows, channels = prod(problem.positions), min(problem.channels, problem.filters)
    if windows * problem.samples < PREPARED_WINDOWS:
        return False
    enough = ((WINOGRAD_CHANNELS, WINOGRAD_CELLS), (WINOGRAD_FEWER_CHANNELS, WINOGRAD_MORE_CELLS))
    return any(channels >= least and channels * windows >= cells for least, cells in enough)


def _single(problem: Problem, rank: int) -> bool:
    """Return whether there are one channel, one filter and so many axes, all of which a transform may serve."""
    single = problem.channels == problem.filters == 1 and len(problem.windows) == rank
    return single and _may_be_approximate(problem) and all(window.dilation == 1 for window in problem.windows)


def _may_be_approximate(problem: Problem) -> bool:
    return problem.dtype == "float32" and problem.tolerance >= LEAST_TOLERANCE and problem.unit_stride
