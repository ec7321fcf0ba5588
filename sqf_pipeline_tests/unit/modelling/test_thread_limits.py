"""A limit holds for what is loaded within it, too: gradient boosting on two threads waits at every split."""

import os
import subprocess
import sys

from sqf_pipeline_tests import ONE_THREAD

SCRIPT = """
from sqf_pipeline.modelling.side_by_side import one_thread
from threadpoolctl import threadpool_info
with one_thread():
    import sklearn.ensemble
    print({pool["user_api"]: pool["num_threads"] for pool in threadpool_info()})
"""


def test_openmp_that_is_first_loaded_within_the_limit_is_limited() -> None:
    two = {**os.environ, **dict.fromkeys(ONE_THREAD, "2")}
    told = subprocess.run([sys.executable, "-c", SCRIPT], env=two, capture_output=True, text=True, check=True).stdout
    assert "'openmp': 1" in told
    assert "'blas': 1" in told
