"""The engine on which forests are fitted: this machine, or a Dask or Ray cluster that is already there.

Every tree of a forest draws from a random state of its own, made before any tree is grown; where a tree is grown
does not matter then, and the model is the same to the last bit. That needs the same releases of NumPy and
scikit-learn on every worker, so they are compared before the first fit. Gradient boosting runs its threads
inside one process and stays on this machine whatever the engine.
"""

import importlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from sqf_pipeline.errors import SqfError

Engine = Literal["local", "dask", "ray"]

CONNECT_SECONDS = 15
PACKAGES_THAT_MATTER = ("joblib", "numpy", "scipy", "scikit-learn")

logger = logging.getLogger(__name__)


@contextmanager
def compute_engine(engine: Engine, address: str | None = None) -> Iterator[None]:
    """Fit with joblib on an engine as long as the context lasts.

    `local` changes nothing. `dask` and `ray` hand the work to a running cluster, which is left running: its address is
    `tcp://host:8786` of a Dask scheduler, `ray://host:10001` or `host:6379` of a Ray head. Raises SqfError when the
    engine's package is not installed, the cluster does not answer or has no worker, or a worker has other releases of
    the packages that make the model.
    """
    if engine == "local":
        yield
    elif engine == "dask":
        with _dask(_required(engine, address)):
            yield
    else:
        with _ray(_required(engine, address)):
            yield


def installed_versions() -> dict[str, str]:
    """Return the releases, in this process, of the packages on which a model depends."""
    return _question()()


def _question() -> Callable[[], dict[str, str]]:
    """Return a function that travels to a worker whole, so that workers need not have this package."""
    names = PACKAGES_THAT_MATTER

    def ask() -> dict[str, str]:
        from importlib import metadata

        found = {}
        for name in names:
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                found[name] = "missing"
        return found

    return ask


@contextmanager
def _dask(address: str) -> Iterator[None]:
    distributed = _import("distributed", "dask")
    import joblib

    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False, name="sqf")
    except (OSError, TimeoutError, ValueError) as error:
        raise _unreachable("Dask scheduler", address, error) from error
    try:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            raise _unreachable("worker of the Dask scheduler", address, error) from error
        _refuse_other_versions({str(worker): found for worker, found in client.run(_question()).items()})
        workers = sum(client.nthreads().values())
        logger.info("fitting on %d threads of the Dask cluster at %s", workers, address)
        with joblib.parallel_config(backend="dask", client=client):
            yield
    finally:
        client.close()


@contextmanager
def _ray(address: str) -> Iterator[None]:
    ray = _import("ray", "ray")
    import joblib
    from ray.util.joblib import register_ray

    if ray.is_initialized():
        raise SqfError(
            "Ray is already in use in this process; expected to connect to the cluster of SQF_COMPUTE_ADDRESS."
        )
    try:
        ray.init(address=address, logging_level=logging.WARNING, log_to_driver=False)
    except (ConnectionError, TimeoutError, ValueError, RuntimeError) as error:
        hint = "A cluster that asks for a token needs RAY_AUTH_MODE=token, and the token as Ray's manual says. "
        raise _unreachable("Ray head", address, error, hint=hint) from error
    try:
        nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
        _refuse_other_versions(_versions_on_ray(ray, nodes))
        register_ray()
        logger.info("fitting on %d nodes of the Ray cluster at %s", len(nodes), address)
        with joblib.parallel_config(backend="ray"):
            yield
    finally:
        ray.shutdown()


def _versions_on_ray(ray: Any, nodes: list[str]) -> dict[str, dict[str, str]]:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    ask = ray.remote(_question())
    asked = {
        node: ask.options(num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote()
        for node in nodes
    }
    return {node: ray.get(answer) for node, answer in asked.items()}


def _refuse_other_versions(found: dict[str, dict[str, str]]) -> None:
    """Raise SqfError when a worker would not make the same model."""
    expected = installed_versions()
    differing = [
        f"{worker}: {name} {versions[name]} instead of {expected[name]}"
        for worker, versions in sorted(found.items())
        for name in PACKAGES_THAT_MATTER
        if versions[name] != expected[name]
    ]
    if differing:
        raise SqfError(
            "The cluster would not make the same model, because its releases differ from those here:\n  "
            + "\n  ".join(differing[:10])
            + "\nInstall the releases of constraints.txt on every worker."
        )


def _required(engine: str, address: str | None) -> str:
    if not address:
        raise SqfError(
            f"SQF_COMPUTE={engine} needs the address of a running cluster, and SQF_COMPUTE_ADDRESS is empty. "
            "Expected tcp://host:8786 for Dask, ray://host:10001 for Ray; SQF_COMPUTE=local needs none."
        )
    return address


def _import(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise SqfError(
            f"SQF_COMPUTE={extra} needs the package {module}, which is not installed. "
            f"Run: .venv/bin/pip install --constraint constraints.txt --editable '.[{extra}]'"
        ) from error


def _unreachable(what: str, address: str, error: Exception, *, hint: str = "") -> SqfError:
    return SqfError(
        f"No {what} at {address} answered within {CONNECT_SECONDS} seconds ({type(error).__name__}). "
        f"Check SQF_COMPUTE_ADDRESS and that the cluster runs. {hint}SQF_COMPUTE=local fits on this machine."
    )
