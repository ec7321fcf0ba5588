"""A clock that is set back or forward changes no result, and hides no newer one."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sqf_pipeline
from sqf_pipeline.warehouse import embedded_server
from sqf_pipeline.warehouse.tables import build_metadata
from sqf_pipeline.warehouse.url import create_engine
from sqf_pipeline_tests.table_fingerprints import table_fingerprint
from sqf_pipeline_tests.waiting import PATIENCE

DAY = 86_400
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
static long offset(void) { const char *text = getenv("CLOCK_OFFSET"); return text ? atol(text) : 0; }
int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int status = real(clock, now);
  if (!status && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += offset();
  return status;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec precise; (void)zone;
  int status = clock_gettime(CLOCK_REALTIME, &precise);
  now->tv_sec = precise.tv_sec; now->tv_usec = precise.tv_nsec / 1000;
  return status;
}
time_t time(time_t *out) {
  struct timespec now; clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
"""
LOAD = """
import datetime, os, sys
import dagster as dg
from sqf_pipeline.definitions import build_defs
from sqf_pipeline.orchestration.instance import open_instance
from sqf_pipeline.settings import Settings
settings = Settings()
job = build_defs(settings).resolve_job_def("yearly_stops")
for offset in sys.argv[1:]:
    os.environ["CLOCK_OFFSET"] = offset  # the library asks for it each time
    with open_instance(settings.home) as instance:
        done = job.execute_in_process(instance=instance, partition_key="2019")
        latest = instance.get_latest_materialization_event(dg.AssetKey("stops"))
        assert latest.run_id == done.run_id, "an older run hides this one"
    print(datetime.datetime.now(datetime.UTC).date(), flush=True)
    assert sys.stdin.readline(), "the tables have been looked at"
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory) -> Path:
    """Build a library that shifts the clock of a process, or skip."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("shifting a process's clock needs Linux and a C compiler")
    folder = tmp_path_factory.mktemp("clock")
    (folder / "clock.c").write_text(SHIM)
    command = [compiler, "-shared", "-fPIC", "-o", "clock.so", "clock.c", "-ldl"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "clock.so"


@pytest.fixture
def home(tmp_path) -> Iterator[Path]:
    yield tmp_path / "home"
    embedded_server.remove(tmp_path / "home" / "postgres")


@pytest.mark.slow
def test_runs_under_a_clock_set_back_and_forward_give_the_same_tables(shim, home):
    embedded_server.ensure_running(home / "postgres")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SQF_", "DAGSTER_"))},
        "SQF_HOME": str(home), "SQF_SOURCE": "sample", "SQF_SAMPLE_ROWS": "200", "LD_PRELOAD": str(shim),
    }  # fmt: skip
    days, digests = [], []
    offsets = (0, -40 * DAY, 400 * DAY)
    with subprocess.Popen(
        [sys.executable, "-c", LOAD, *map(str, offsets)], env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        for _ in offsets:
            day = process.stdout.readline().strip()
            assert day, process.stderr.read()[-3000:]
            days.append(day)
            digests.append(fingerprints(home))
            process.stdin.write("looked at\n")
            process.stdin.flush()
    assert process.returncode == 0
    assert days[1] < days[0] < days[2], "the clock was shifted"
    assert digests[0]["stops"]
    assert digests == digests[:1] * 3


@pytest.mark.slow
def test_no_test_of_schedules_and_years_hangs_on_todays_date(shim):
    """They pass nine years and seven months from now, on the other side of the deadline."""
    tests = [
        f"sqf_pipeline_tests/unit/orchestration/test_{name}.py" for name in ("definitions", "partitions", "schedules")
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests], cwd=Path(__file__).parents[3],
        env={**os.environ, "LD_PRELOAD": str(shim), "CLOCK_OFFSET": str(3_500 * DAY)},
        capture_output=True, text=True, check=False, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]


def fingerprints(home: Path) -> dict[str, str]:
    engine = create_engine(embedded_server.ensure_running(home / "postgres"))
    try:
        metadata = build_metadata("sqf_sample")
        return {
            name: table_fingerprint(engine, metadata.tables[f"sqf_sample.{name}"])
            for name in ("stops", "data_quality", "source_files")
        }
    finally:
        engine.dispose()


def test_waiting_and_timing_use_a_clock_that_nobody_sets():
    """The wall clock may be compared with times of files and publications, but no wait or duration hangs on it."""
    users = set()
    for path in Path(sqf_pipeline.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "time.time":
                users.add(path.name)
    # scraps of killed writers, and exports that nothing points to, are told from others by the age of the file
    assert users <= {"current_export.py", "files.py", "io_managers.py"}
