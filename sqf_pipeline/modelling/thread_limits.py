"""How many threads a fit may use."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep OpenMP and BLAS to one thread.

    Gradient boosting on two threads waits for a busy core at every split: measured here, 40 seconds in place of 1.2
    on a machine with other work. Forests are not touched: joblib spreads their trees.
    """
    import sklearn.utils._openmp_helpers  # noqa: F401 - only what is loaded can be limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield
