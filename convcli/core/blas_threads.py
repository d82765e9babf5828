"""The number of threads that BLAS uses for a matrix product.

BLAS threads and the threads of a `ThreadPool` slow each other down, up to tenfold. So the command line starts BLAS with
one thread. A program that imports convcli may have started BLAS with more; there, matrix products are left to BLAS.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

# The usual BLAS builds read their thread count from these when they are loaded. The first that is set counts.
THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "OMP_NUM_THREADS",
)


def limit_blas_to_one_thread(environment: MutableMapping[str, str]) -> None:
    """Make BLAS start with one thread, unless the user has set a thread count.

    Call it before NumPy is imported, and only in a program of our own: two Python threads that share out blocks are
    faster than the two threads of BLAS.
    """
    if not any(name in environment for name in THREAD_VARIABLES):
        environment.update(dict.fromkeys(THREAD_VARIABLES, "1"))


def blas_has_one_thread(environment: Mapping[str, str]) -> bool:
    """Return True if the environment tells BLAS to use one thread."""
    return next((environment[name] for name in THREAD_VARIABLES if name in environment), None) == "1"
