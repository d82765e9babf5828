"""Which way is the fastest for which work: the whole of `auto`.

The figures are of `tests/benchmarks/engine.py --parts ways growth` and of runs like it with one number changed, float32
on two cores with AVX-512. Where two ways are within a tenth of each other the simpler one is taken.
"""

from __future__ import annotations

from math import prod

from convcli.engine.algorithms import compiled
from convcli.engine.algorithms.problem import Work

# Transforms are allowed from this tolerance on: Winograd's F(2) errs by some 6e-7 of the largest value (F(4), by 2e-6,
# has a bound of its own), Fourier's tiles by 2e-7.
LEAST_TOLERANCE = 2e-6

# Its weights take 7e-8 s for each filter and channel to prepare, and save 3e-12 s a multiplication: they pay off from
# so many windows on in all (56² once, 14² over 14 samples).
PREPARED_WINDOWS = 2700

# It gains on patches (ms, 56² 128 → 128: 3.8 for 5.1; 28² 128: 1.7 for 1.9) but not on less: 56² 32: 1.05 for 0.86,
# 28² 64: 0.80 for 0.73. The measure is windows times channels.
WINOGRAD_CHANNELS, WINOGRAD_CELLS = 64, 50_000
WINOGRAD_FEWER_CHANNELS, WINOGRAD_MORE_CELLS = 32, 400_000

# One channel: a banded matrix takes 32 ms for 4096² by 3 × 3, 170 ms by 15 × 15; squares of cells as channels take
# 100 ms for any filter up to 17 × 17, Fourier's tiles 125 ms and hardly more for larger ones (1024² by 33 × 33: 26 ms).
# Compiled loops take 8 ms by 3 × 3 and 85 ms by 15 × 15, and grow with the filter (1024² by 33 × 33: 55 ms).
LARGE_FILTER, LARGEST_SQUARES, LARGE_IMAGE = 9, 17, 1 << 16
LONG_FILTER = 64  # along one axis; 1,000,000 by 1025: 4 ms by Fourier's tiles, 90 ms by sums of products

# Windows along one axis, sample by sample: below so many patches of all samples at once are faster.
MANY_WINDOWS = 256

# Few channels and filters: the banded matrix has enough columns, patches too few (3 → 3: 110 ms for 250).
FEW = 4
MOST_HOLES = 3  # times as long as its cells may a window be: the banded matrix holds zeros in its holes


def choose(work: Work) -> str:
    """The name of the fastest way that suits."""
    sizes = [window.size for window in work.windows]
    if work.compiled and compiled.suits(work) and not (_fourier_sides(work, sizes) or _far_overlap(work)):
        return "compiled"
    if not work.unstretched:
        return "phases" if work.one_by_one else "plain"
    if work.groups > 1:
        return "channelwise" if work.seen == 1 and work.groups >= 8 and sizes else "patches"
    if work.taps == 1:
        return "patches"
    if _fourier_length(work, sizes):
        return "fourier"
    long = len(sizes) == 1 and work.windows[0].dilation == 1 and sizes[0] <= 4 * work.windows[0].stride
    if long and work.places[0] >= MANY_WINDOWS:
        return "interleaved"
    if max(work.filters, work.channels) <= FEW and work.windows[-1].extent <= MOST_HOLES * sizes[-1]:
        return _for_few_channels(work, sizes)
    return "winograd" if _tiles_pay_off(work, sizes) else "patches"


def _approximate(work: Work) -> bool:
    return work.dtype == "float32" and work.tolerance >= LEAST_TOLERANCE and work.one_by_one


def _single(work: Work, rank: int) -> bool:
    """One channel and one filter, which a transform may serve."""
    one = work.channels == work.filters == 1 and len(work.windows) == rank
    return one and _approximate(work) and all(window.dilation == 1 for window in work.windows)


def _fourier_length(work: Work, sizes: list[int]) -> bool:
    return _single(work, 1) and sizes[0] >= LONG_FILTER and work.places[0] >= 4 * sizes[0]


def _fourier_sides(work: Work, sizes: list[int]) -> bool:
    return _single(work, 2) and min(sizes) > LARGEST_SQUARES and prod(work.places) >= LARGE_IMAGE


def _far_overlap(work: Work) -> bool:
    """Whether outputs of a transposed convolution add up so many products that blocks would share most of them."""
    return any(window.upsample > 1 and window.extent > 2 * window.upsample for window in work.windows)


def _for_few_channels(work: Work, sizes: list[int]) -> str:
    if _single(work, 2) and min(sizes) >= LARGE_FILTER and prod(work.places) >= LARGE_IMAGE:
        return "space_to_depth" if max(sizes) <= LARGEST_SQUARES else "fourier"
    return "banded"


def _tiles_pay_off(work: Work, sizes: list[int]) -> bool:
    if sizes not in ([3, 3], [3, 3, 3]) or not _approximate(work):
        return False
    windows, channels = prod(work.places), min(work.channels, work.filters)
    if windows * work.samples < PREPARED_WINDOWS:
        return False
    enough = ((WINOGRAD_CHANNELS, WINOGRAD_CELLS), (WINOGRAD_FEWER_CHANNELS, WINOGRAD_MORE_CELLS))
    return any(channels >= least and channels * windows >= cells for least, cells in enough)
