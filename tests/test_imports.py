"""Imports point one way: ground floor -> stages -> commands. A command pays for what it uses."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import cstool

ROOT = Path(cstool.__file__).parent
HEAVY = {
    *("accelerate", "bm25s", "datasets", "fasttext", "ir_datasets", "jinja2"),
    *("matplotlib", "numba", "numpy", "pandas", "tensorboard"),
    *("ranx", "ray", "regex", "rich", "safetensors", "scipy", "sentence_transformers", "Stemmer"),
    *("tokenizers", "torch", "transformers", "yaml"),
}
SLOW = HEAVY - {"regex", "rich"}
GROUND = {"errors", "records", "formats", "files", "console", "settings", "words", "pairs"}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}


def imports(name: str, *, when_loaded: bool) -> set[str]:
    """Name the modules that one imports, in functions as well or only as it is loaded."""
    found: set[str] = set()
    for node in statements(ast.parse(MODULES[name].read_text("utf-8")), when_loaded=when_loaded):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            assert node.module
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (submodules & set(MODULES)) or {node.module}
    return found


def statements(node: ast.AST, *, when_loaded: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        checked_only = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
        later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if not checked_only and not (when_loaded and later):
            yield child
            yield from statements(child, when_loaded=when_loaded)


def loaded_with(name: str) -> set[str]:
    """Name all modules of ours that are loaded when this one is, parents included."""
    seen: set[str] = set()
    todo = {name}
    while todo:
        name = todo.pop()
        seen.add(name)
        parents = {name.rpartition(".")[0]} & set(MODULES)
        todo |= ((imports(name, when_loaded=True) & set(MODULES)) | parents) - seen
    return seen


def roots(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def is_ground(name: str) -> bool:
    return name == "cstool" or name.removeprefix("cstool.") in GROUND


def is_cli(name: str) -> bool:
    return name in ("cstool.cli", "cstool.__main__") or name.startswith("cstool.cli.")


GROUND_MODULES = [name for name in MODULES if is_ground(name)]
STAGES = [name for name in MODULES if not is_ground(name) and not is_cli(name)]


@pytest.mark.parametrize("name", GROUND_MODULES)
def test_the_ground_floor_rests_on_itself(name):
    ours = {other for other in imports(name, when_loaded=False) if other in MODULES}
    assert all(is_ground(other) for other in ours)
    assert not roots(imports(name, when_loaded=False)) & (SLOW | {"typer"})


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_knows_neither_command_nor_console(name):
    found = imports(name, when_loaded=False)
    assert not any(is_cli(other) for other in found)
    assert not found & {"cstool.console"}
    assert not roots(found) & {"typer", "click"}


def test_commands_load_nothing_slow_before_they_run():
    slow = {
        name: roots(imports(name, when_loaded=True)) & SLOW for name in loaded_with("cstool.cli")
    }
    assert {name: found for name, found in slow.items() if found} == {}


def test_the_walk_sees_imports():
    """Else the tests above could not fail."""
    assert {"cstool.cli.codeswitch", "cstool.files", "cstool.errors"} <= loaded_with("cstool.cli")
    assert "cstool.codeswitch" not in loaded_with("cstool.cli")
    assert "cstool.codeswitch" in imports("cstool.cli.codeswitch", when_loaded=False)
    assert "torch" in imports("cstool.crossencoder", when_loaded=True)
    assert "rich.progress" not in imports("cstool.console", when_loaded=True)
    assert "rich.progress" in imports("cstool.console", when_loaded=False)


def test_help_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from cstool.cli import app\n"
        "try:\n"
        "    app(['--help'])\n"
        "except SystemExit:\n"
        "    print(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert "codeswitch" in done.stdout
    loaded = set(done.stderr.split())
    assert "typer" in loaded
    assert not roots(loaded) & HEAVY
