"""A process that does one long work is made fit for it, whatever the system knows of that."""

import json
import subprocess
import sys

import pytest

ASKS = """
import ctypes, gc, json, os, sys
if sys.argv[1] == "unknown":
    def none(*_): raise OSError("not here")
    ctypes.CDLL = os.sched_setscheduler = none
from letterlock_client import one_work
one_work.begin()
one_work.begin()
print(json.dumps([gc.get_freeze_count() > 1000, gc.get_threshold()[0], os.sched_getscheduler(0) == os.SCHED_BATCH]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has batch work")
@pytest.mark.parametrize("known", [True, False])
def test_the_collector_and_the_scheduler_know_of_it(known: bool) -> None:
    words = [sys.executable, "-c", ASKS, "known" if known else "unknown"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert json.loads(told) == [True, 50_000, known]
