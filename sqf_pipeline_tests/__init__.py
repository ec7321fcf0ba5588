"""Tests of sqf_pipeline; they mirror the package."""

import os

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Every core has a worker: threads of libraries would wait for each other's cores, at the processor's full speed."""

os.environ.update({name: os.environ.get(name, threads) for name, threads in ONE_THREAD.items()})
