"""What a person is asked at a terminal can be left with ctrl+c, at once and with nothing done."""

import asyncio
import fcntl
import os
import pty
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

PATIENCE_S = 60


async def test_one_ctrl_c_at_a_prompt_leaves_it(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    command = ("register", "carol", "--relay", "ws://127.0.0.1:1")
    process = subprocess.Popen(
        [sys.executable, "-m", "letterlock_client.cli", *command],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0) and None,
        env={**os.environ, "LETTERLOCK_HOME": str(tmp_path)},
    )
    os.close(slave)
    os.set_blocking(master, False)
    said = b""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while process.poll() is None:
                with suppress(OSError):
                    said += os.read(master, 4096)
                if b"New passphrase" in said and b"^C" not in said:
                    os.write(master, b"\x03")
                    said += b"^C"
                await asyncio.sleep(0.02)
        with suppress(OSError):
            said += os.read(master, 4096)
    finally:
        os.close(master)
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert b"The same again" not in said
    assert b"Traceback" not in said
    assert said.endswith(b"\n"), said
    assert not (tmp_path / "data" / "profiles").exists()
