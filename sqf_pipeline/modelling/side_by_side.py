"""Independent work on every core: one process a core, one thread each, results in the order of the tasks."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Result = TypeVar("Result")


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


def side_by_side(
    tasks: Iterable[Callable[[], Result]],
    processes: int = 1,
    batch: int = 1,
    *,
    costs: Sequence[float] = (),
    threads: bool = False,
) -> Iterator[Result]:
    """Yield what each task returns, in order, as soon as it and those before it are done.

    Parameters
    ----------
    tasks
        Functions that can be pickled, such as `functools.partial` of a function of a module. What they raise is raised.
    processes
        How many run at a time; with one they run here, one after another.
    batch
        Tasks that are handed over together; what they have in common is then sent once.
    costs
        How long each task takes, in any unit: the longest begin first, so that none is left for one core at the end.
    threads
        Whether threads of this process take the place of processes: for a few short tasks that work in compiled code.
        They begin in the order given: `batch` and `costs` are for processes.
    """
    if threads and processes > 1:
        with one_thread(), ThreadPoolExecutor(processes) as pool:
            yield from pool.map(lambda task: task(), tasks)
        return
    if processes < 2:
        for task in tasks:
            with one_thread():  # as in a process beside others, or the last digit of a sum would tell them apart
                result = task()
            yield result
        return
    from joblib import Parallel, delayed

    workers = Parallel(n_jobs=processes, backend="loky", return_as="generator", pre_dispatch="n_jobs", batch_size=batch)
    if not costs:
        yield from workers(delayed(task)() for task in tasks)
        return
    in_order = list(tasks)
    begun = sorted(range(len(in_order)), key=lambda place: -costs[place])
    ended, waiting = workers(delayed(in_order[place])() for place in begun), iter(begun)
    early: dict[int, Result] = {}
    for place in range(len(in_order)):
        while place not in early:
            early[next(waiting)] = next(ended)
        yield early.pop(place)


def end_processes() -> None:
    """End the processes that joblib keeps for later tasks: left to end by themselves they take more than a second."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor(reuse=True).shutdown(kill_workers=True)
