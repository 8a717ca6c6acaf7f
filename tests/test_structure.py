"""The walls of the house: what may import what, and how large a file may grow."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted([*ROOT.glob("*.py"), *(ROOT / "pages").rglob("*.py"), *(ROOT / "tlcore").rglob("*.py")])
HEAVY = {"torch", "torchvision", "timm", "captum", "peft"}

# From the top down. A room may import itself and the rooms below it.
ORDER = [
    "__main__",
    "cli",
    "bench",
    "diagnosis",
    "figures",
    "advice",
    "compare",
    "engine",
    "explain",
    "forgetting",
    "analysis",
    "training",
    "source_probes",
    "models",
    "data",
    "assets",
    "runs",
    "spec",
    "strategies",
    "groups",
    "settings",
    "shelf",
    "made_with",
    "progress",
    "files",
    "errors",
]


def imports(file: Path) -> set[str]:
    """The dotted names that a file imports, at its top or inside its functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} if node.module == "tlcore" else {node.module}
    return names


def room(dotted: str) -> str:
    """`training` for `tlcore.training.fit`."""
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def short(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("file", [f for f in SOURCES if "tlcore" in f.parts], ids=short)
def test_the_library_never_imports_streamlit_or_the_pages(file: Path) -> None:
    assert not {name.split(".")[0] for name in imports(file)} & {"streamlit", "pages", "parts"}


@pytest.mark.parametrize("file", [f for f in SOURCES if "tlcore" not in f.parts], ids=short)
def test_the_pages_never_import_torch(file: Path) -> None:
    assert not {name.split(".")[0] for name in imports(file)} & HEAVY


@pytest.mark.parametrize("file", [f for f in SOURCES if "tlcore" in f.parts and f.parent != ROOT / "tlcore"], ids=short)
def test_imports_point_down(file: Path) -> None:
    here = file.relative_to(ROOT / "tlcore").parts[0].removesuffix(".py")
    below = ORDER[ORDER.index(here) :]
    for name in imports(file):
        if name.startswith("tlcore"):
            assert room(name) in [*below, "__init__", "__version__"], f"{short(file)} imports {name}, which stands above it"


def test_the_fact_files_import_only_what_is_below_them() -> None:
    for file in (ROOT / "tlcore").glob("*.py"):
        if file.stem in ("__init__", "__main__"):
            continue
        below = ORDER[ORDER.index(file.stem) :]
        for name in imports(file):
            if name.startswith("tlcore"):
                assert room(name) in [*below, "__init__", "__version__"], f"{short(file)} imports {name}, which stands above it"


def test_the_map_names_every_room_in_order() -> None:
    drawn = (ROOT / "tlcore" / "README.md").read_text().split("```")[1].partition("tlcore/")[2]
    named = [name for name in re.findall(r"(\w+)(?:/|\.py)", drawn) if name != "cli"]
    assert named == [name for name in ORDER if name != "cli"]
    rooms = {path.stem for path in (ROOT / "tlcore").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms - {"__init__"} <= set(ORDER)


def test_there_is_no_drawer_for_everything() -> None:
    assert not [short(f) for f in SOURCES if re.search(r"util|helper|common|misc", f.name)]


def test_files_stay_one_idea_long() -> None:
    long = {short(f): n for f in SOURCES if (n := len(f.read_text().splitlines())) > 320}
    assert not long


LIGHT = [
    "tlcore",
    "tlcore.spec",
    "tlcore.runs",
    "tlcore.assets",
    "tlcore.strategies",
    "tlcore.models.catalogue",
    "tlcore.data.catalogue",
    "tlcore.source_probes.catalogue",
    "tlcore.engine",
    "tlcore.figures",
    "tlcore.diagnosis",
    "tlcore.compare.expand",
]


def test_catalogues_and_the_engine_load_without_torch() -> None:
    """What a page imports must not bring torch along; one process imports all of it and looks."""
    script = (
        f"import importlib, sys; [importlib.import_module(n) for n in {LIGHT!r}]; print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


def test_the_project_speaks_of_itself_alone() -> None:
    """No path of a developer's machine in anything that is tracked."""
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    forbidden = re.compile(r"/(?:root|home/[a-z]+|work/[a-z]+)/")
    kinds = (".py", ".md", ".toml", ".txt", ".json", ".js", ".css")
    texts = [ROOT / name for name in listed.stdout.splitlines() if name.endswith(kinds)]
    others = [text for text in texts if text.is_file() and text != Path(__file__)]
    assert not [short(text) for text in others if forbidden.search(text.read_text())]
