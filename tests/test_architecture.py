"""The house keeps its rules: sizes, docstrings, labels in one table, nothing of one machine in the tree."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("shared/letterlock", "server/letterlock_server", "client/letterlock_client")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
TRACKED = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()
]  # fmt: skip
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_is_one_thing_of_at_most_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_module_says_what_it_is(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring
    assert docstring.split("\n")[0].endswith((".", "::"))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, FUNCTION):
            assert (node.end_lineno or node.lineno) - node.lineno < 50, node.name


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_no_file_is_named_after_nothing(path: Path) -> None:
    assert path.stem not in {
        "manager",
        "helper",
        "helpers",
        "utils",
        "util",
        "core",
        "base",
        "common",
        "misc",
    }


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_an_init_holds_a_docstring_and_nothing_else(path: Path) -> None:
    if path.name == "__init__.py":
        assert len(ast.parse(path.read_text()).body) == 1


def test_every_label_stands_in_the_one_table() -> None:
    table = ROOT / "shared/letterlock/primitives/derivation.py"
    for path in (ROOT / "shared/letterlock").rglob("*.py"):
        if path != table:
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, bytes):
                    assert not node.value.lower().startswith(b"letterlock"), (name(path), node.value)


def test_the_top_level_is_what_was_agreed() -> None:
    top = {path.relative_to(ROOT).parts[0] for path in TRACKED if path.exists()}
    visible = {each for each in top if not each.startswith(".")}
    assert visible <= {
        "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md",
        "server", "client", "shared", "tests", "scripts",
    }  # fmt: skip


def test_types_are_checked_of_all_that_is_no_test() -> None:
    checked = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["packages"]
    packages = {Path(room).name for room in ROOMS}
    folders = {path.relative_to(ROOT).parts[0] for path in TRACKED if path.suffix == ".py"}
    assert set(checked) == packages | (folders - {"shared", "server", "client", "tests"})


def test_nothing_in_the_tree_belongs_to_one_machine() -> None:
    machine = re.compile(r"/(work|root|home/[a-z]+)/|(pypi|pythonhosted|npmjs)[.](org|com)|fonts[.]g|cdnjs")
    for path in TRACKED:
        if path.exists() and path.suffix not in {".png", ".db", ".bin"} and path != Path(__file__):
            found = machine.search(path.read_text(errors="replace"))
            assert not found, (name(path), found and found.group())


def test_no_source_promises_to_be_finished_later() -> None:
    later = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError")
    for path in SOURCES:
        found = later.search(path.read_text())
        assert not found, (name(path), found and found.group())
