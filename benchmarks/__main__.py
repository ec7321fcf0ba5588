"""`make bench`: compare with the plain script, and write the report into the docs."""

import sys

from benchmarks.compare_with_plain_script import main

main(["--write", "docs/benchmark.md", *sys.argv[1:]])
