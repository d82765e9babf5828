"""Write filters.json: the kernels of SciPy, scikit-image and OpenCV, as the layers here would apply them.

Gradient magnitudes, which have no kernel, are stored with an image and what becomes of it.

A function that filters an image is given a unit impulse. A correlation answers with its kernel reversed along every
axis, so the answer is reversed back. A convolution answers with its kernel itself, and a correlation that does the same
has the reverse of that.
"""

from collections.abc import Callable
from math import radians
from typing import Any

import cv2
import numpy as np
import scipy
import skimage
from _store import write_lines
from scipy import ndimage
from skimage import filters

cases: list[dict] = []


def case(name: str, source: str, kernel: np.ndarray, factor: float = 1, normalize: bool = False) -> None:
    """The filter `name` of the bank, normalized if so, is `factor` times this kernel."""
    rows = (np.asarray(kernel, float) + 0.0).tolist()  # no negative zeros
    cases.append({"name": name, "source": source, "factor": factor, "normalize": normalize, "kernel": rows})


def seen(shape: tuple[int, ...], function: Callable[..., np.ndarray], *args: Any, **options: Any) -> np.ndarray:
    """The kernel of this shape that a function correlates with; it takes the image first."""
    space = np.zeros([extent + 4 for extent in shape])
    space[tuple(extent // 2 + 2 for extent in shape)] = 1
    answer = function(space, *args, **options)[tuple(slice(2, extent + 2) for extent in shape)]
    return np.flip(answer)


def whole(rank: int, function: Callable[..., np.ndarray], *args: Any) -> np.ndarray:
    """The kernel of a function that chooses its size itself: all cells that are not 0."""
    space = np.zeros((61,) * rank)
    space[(30,) * rank] = 1
    answer = function(space, *args)
    cells = np.argwhere(answer)
    return np.flip(answer[tuple(map(slice, cells.min(axis=0), cells.max(axis=0) + 1))])


def seen_diagonal(function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The 2×2 kernel of a function, wherever it puts the answer: its two cells that are not 0 are opposite corners."""
    space = np.zeros((8, 8))
    space[4, 4] = 1
    answer = function(space)
    (top, left), (bottom, right) = (edge(np.argwhere(answer), axis=0) for edge in (np.min, np.max))
    return np.flip(answer[top : bottom + 1, left : right + 1])


for name, axis in (("x", 1), ("y", 0)):
    case(f"sobel-{name}", f"ndimage.sobel(axis={axis})", seen((3, 3), ndimage.sobel, axis))
    case(f"prewitt-{name}", f"ndimage.prewitt(axis={axis})", seen((3, 3), ndimage.prewitt, axis))
    for kind in ("sobel", "prewitt", "scharr"):
        kernel = seen((3, 3), getattr(filters, kind), axis=axis)
        case(f"{kind}-{name}", f"skimage.filters.{kind}(axis={axis})", kernel, normalize=True)
    order = (1, 0) if name == "x" else (0, 1)
    kernel = seen((3, 3), cv2.Sobel, cv2.CV_64F, *order, ksize=3)
    case(f"sobel-{name}", f"cv2.Sobel(dx={order[0]}, dy={order[1]}, ksize=3)", kernel)
    kernel = seen((3, 3), cv2.Scharr, cv2.CV_64F, *order)
    case(f"scharr-{name}", f"cv2.Scharr(dx={order[0]}, dy={order[1]})", kernel)
    for kind, size in (("sobel", 3), ("scharr", cv2.FILTER_SCHARR)):
        row, column = (each.ravel() for each in cv2.getDerivKernels(*order, size))
        case(f"{kind}-{name}", f"cv2.getDerivKernels(dx={order[0]}, dy={order[1]}, {kind})", np.outer(column, row))

for axis, name in enumerate(("z", "y:rank=3", "x:rank=3")):
    for kind in ("sobel", "prewitt"):
        case(f"{kind}-{name}", f"ndimage.{kind}(axis={axis})", seen((3, 3, 3), getattr(ndimage, kind), axis))
    for kind in ("sobel", "prewitt", "scharr"):
        kernel = seen((3, 3, 3), getattr(filters, kind), axis=axis)
        case(f"{kind}-{name}", f"skimage.filters.{kind}(axis={axis})", kernel, normalize=True)

case("roberts-x", "skimage.filters.roberts_pos_diag", seen_diagonal(filters.roberts_pos_diag))
case("roberts-y", "skimage.filters.roberts_neg_diag", seen_diagonal(filters.roberts_neg_diag))
case("laplacian-4", "ndimage.laplace", seen((3, 3), ndimage.laplace))
case("laplacian-4", "skimage.filters.laplace", seen((3, 3), filters.laplace), factor=-1)
case("laplacian-4", "cv2.Laplacian(ksize=1)", seen((3, 3), cv2.Laplacian, cv2.CV_64F, ksize=1))
case("derivative", "ndimage.correlate1d of [-1, 0, 1]", seen((3,), ndimage.correlate1d, [-1, 0, 1]), 0.5)
case("identity", "ndimage.gaussian_filter(radius=0)", seen((3, 3), ndimage.gaussian_filter, 1, radius=0))

for size, sigma in ((3, 0.5), (5, 1.0), (5, 1.2), (9, 2.5)):
    given = f"size={size},sigma={sigma:g}"
    row = cv2.getGaussianKernel(size, sigma, cv2.CV_64F).ravel()
    case(f"gaussian:rank=1,{given}", f"cv2.getGaussianKernel({size}, {sigma:g})", row)
    for rank in (1, 2, 3):
        if size**rank < 200:
            kernel = seen((size,) * rank, ndimage.gaussian_filter, sigma, radius=size // 2)
            case(f"gaussian:rank={rank},{given}", f"ndimage.gaussian_filter({sigma:g}, radius={size // 2})", kernel)

for sigmas in ((3.0,), (0.6, 0.6), (0.5, 1.0), (0.3, 0.5, 0.6)):
    given = ",".join(f"{sigma:g}" for sigma in sigmas)
    kernel = whole(len(sigmas), ndimage.gaussian_filter, sigmas)
    case(f"gaussian:rank={len(sigmas)},sigma={given}", f"ndimage.gaussian_filter({given})", kernel)

for size in (3, 5):
    kernel = seen((size, size), cv2.boxFilter, -1, (size, size))
    case(f"box:size={size}", f"cv2.boxFilter({size})", kernel)
    kernel = seen((size,), ndimage.uniform_filter1d, size)
    case(f"moving-average:size={size}", f"ndimage.uniform_filter1d({size})", kernel)

for size, sigma, theta, wavelength, gamma, psi in (
    (9, 2.0, 0.0, 4.0, 0.5, 0.0),
    (9, 3.0, 45.0, 5.0, 0.7, 90.0),
    (7, 1.5, 30.0, 3.5, 1.0, -60.0),
    (11, 4.0, 120.0, 8.0, 0.25, 30.0),
):
    numbers = (radians(theta), wavelength, gamma, radians(psi))
    case(
        f"gabor:size={size},sigma={sigma:g},theta={theta:g},wavelength={wavelength:g},gamma={gamma:g},psi={psi:g}",
        f"cv2.getGaborKernel({size}, {sigma:g}, {theta:g}°, {wavelength:g}, {gamma:g}, {psi:g}°)",
        cv2.getGaborKernel((size, size), sigma, *numbers, cv2.CV_64F),
    )

# SciPy differentiates a Gaussian twice along each axis and corrects no sum: the bank's filter before its mean is taken.
log = seen((9, 9), ndimage.gaussian_laplace, 1.4, radius=4)
case("laplacian-of-gaussian", "ndimage.gaussian_laplace(1.4, radius=4), less its mean", log - log.mean())
for sigmas in ((0.7,), (0.7, 0.7), (0.5, 0.75), (0.3, 0.5, 0.4)):
    log = whole(len(sigmas), ndimage.gaussian_laplace, sigmas)
    given = ",".join(f"{sigma:g}" for sigma in sigmas) + (",rank=1" if len(sigmas) == 1 else "")
    case(f"laplacian-of-gaussian:sigma={given}", f"ndimage.gaussian_laplace({given}), less its mean", log - log.mean())

magnitudes: list[dict] = []


def magnitude(name: str, source: str, output: np.ndarray, factor: float = 1, normalize: bool = False) -> None:
    """The gradient magnitude `name` of the image, mirrored behind its border, is `factor` times this output."""
    settings = {"name": name, "source": source, "factor": factor, "normalize": normalize}
    magnitudes.append({**settings, "image": IMAGES[output.ndim].tolist(), "output": output.tolist()})


draw = np.random.default_rng(8)
IMAGES = {rank: draw.integers(-9, 10, (5, 6, 4)[:rank]).astype(float) for rank in (2, 3)}
for kind in ("sobel", "prewitt"):
    for rank in (2, 3):
        parts = [getattr(ndimage, kind)(IMAGES[rank], axis) for axis in range(rank)]
        name = kind if rank == 2 else f"{kind}:rank=3"
        magnitude(name, f"the root of the sum of squares of ndimage.{kind}", np.sqrt(sum(part**2 for part in parts)))
for kind in ("sobel", "prewitt", "scharr"):
    for rank in (2, 3):  # scikit-image divides the sum by the number of axes
        name = kind if rank == 2 else f"{kind}:rank=3"
        output = getattr(filters, kind)(IMAGES[rank])
        magnitude(name, f"skimage.filters.{kind}, {rank}-D", output, rank**0.5, normalize=True)
for kind, ksize in (("sobel", 3), ("scharr", cv2.FILTER_SCHARR)):
    parts = [
        cv2.Sobel(IMAGES[2], cv2.CV_64F, *order, ksize=ksize, borderType=cv2.BORDER_REFLECT)
        for order in ((1, 0), (0, 1))
    ]
    magnitude(kind, f"cv2.magnitude of cv2.Sobel(ksize={ksize})", cv2.magnitude(*parts))

write_lines(
    "filters",
    {
        "made_with": {m.__name__: m.__version__ for m in (scipy, skimage, cv2, np)},
        "cases": cases,
        "magnitudes": magnitudes,
    },
)
