"""A limit holds for what is loaded within it, too: gradient boosting on two threads waits at every split."""

import subprocess
import sys

SCRIPT = """
from sqf_pipeline.modelling.thread_limits import one_thread
from threadpoolctl import threadpool_info
with one_thread():
    import sklearn.ensemble
    print({pool["user_api"]: pool["num_threads"] for pool in threadpool_info()})
"""


def test_openmp_that_is_first_loaded_within_the_limit_is_limited() -> None:
    told = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
    assert "'openmp': 1" in told
    assert "'blas': 1" in told
