"""What `pip install .` puts on a machine works far away from the checkout, and nothing is missing from it."""

import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from letterlock_client.workshop.processes import free_port

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("shared/letterlock", "server/letterlock_server", "client/letterlock_client")


def run(*words: str | Path, cwd: Path) -> str:
    """Run a command that must succeed, without anything that leads back to the checkout; return what it printed."""
    environment = {**os.environ, "LETTERLOCK_HOME": str(cwd / "home")}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of a fresh environment; only what Letterlock depends on comes from this one."""
    fresh = tmp_path_factory.mktemp("fresh")
    run(sys.executable, "-m", "venv", "--without-pip", fresh / "venv", cwd=fresh)
    python = fresh / "venv/bin/python"
    has_pip = importlib.util.find_spec("pip") is not None
    pip = (sys.executable, "-m", "pip", "--python", python) if has_pip else ("uv", "pip")
    where = () if has_pip else ("--python", python)
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", *where, wheel, cwd=fresh)
    [packages] = (fresh / "venv/lib").glob("python*/site-packages")
    # The path files of the folder named here are not read, and so the checkout is not found through them.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return fresh / "venv/bin"


@pytest.fixture
def relay(installed: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a relay that runs from the fresh environment."""
    listen = f"127.0.0.1:{free_port()}"
    words = ["relay", "--listen", listen, "--store", f"sqlite:{tmp_path / 'relay.db'}", "--json", "--watch"]
    with subprocess.Popen(
        [str(installed / "letterlock"), *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        try:
            assert any(b'"ready"' in line for line in process.stdout)
            yield f"ws://{listen}"
        finally:
            process.kill()


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    tracked = run("git", "ls-files", "--cached", "--others", "--exclude-standard", *PACKAGES, cwd=ROOT)
    wanted = {name.split("/", 1)[1] for name in tracked.splitlines() if (ROOT / name).exists()}
    assert {Path(name).suffix for name in wanted} >= {".py", ".tcss", ".sql", ".typed"}
    with zipfile.ZipFile(wheel) as packed:
        held = {name for name in packed.namelist() if ".dist-info/" not in name}
    assert held == wanted


def test_an_installed_letterlock_registers_and_sends(installed: Path, relay: str, tmp_path: Path) -> None:
    letterlock = installed / "letterlock"
    place = run(
        installed / "python",
        "-c",
        "import letterlock_client; print(letterlock_client.__file__)",
        cwd=tmp_path,
    )
    assert Path(place.strip()).is_relative_to(installed.parent)
    assert "register" in run(letterlock, "--help", cwd=tmp_path)
    for name in ("alice", "bob"):
        run(
            letterlock, "register", name, "--relay", relay, "--profile", name, "--no-passphrase", cwd=tmp_path
        )
    options = ("--profile", "alice", "--no-passphrase", "--json")
    sent = run(letterlock, "send", "bob", "see you at noon", *options, cwd=tmp_path)
    assert json.loads(sent.splitlines()[-1])["accepted"] is True
