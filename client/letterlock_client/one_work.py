"""Makes a process fit for one long work, such as a backup, after which it ends: less is done beside the work.

A tenth of its processor time, all in all. Must not know what the work is, and is not for a process that people chat in.
"""

import ctypes
import gc
import os
import sys
from contextlib import suppress
from functools import cache
from typing import Final

from letterlock_client.one_heap import share_one_heap

_KEPT: Final = {
    -1: 128 * 1024 * 1024,  # M_TRIM_THRESHOLD: so much may lie free at the heap's end
    -2: 8 * 1024 * 1024,  # M_TOP_PAD: it grows by so much
    -3: 32 * 1024 * 1024,  # M_MMAP_THRESHOLD: what is smaller lies in it
}
"""mallopt(3). Else megabytes go back to the system and come again, a page at a time, with each piece of work."""
_GC_THRESHOLD: Final = 50_000
"""Objects made until the collector looks; what a backup makes by the million is free of cycles."""


@cache
def begin() -> None:
    """Ask for it, once; what a system does not know does not happen. Call it when most modules are loaded."""
    share_one_heap()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            for option, value in _KEPT.items():
                ctypes.CDLL(None).mallopt(option, value)
        # Threads that hand over to each other are not to be woken in the middle of each other's work.
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
