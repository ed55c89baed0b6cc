"""The house rules of docs/design.md, read from the source itself, so that they hold for files not yet written."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("gen_core", "targets", "export", "host_tools")  # each imports only what stands before it
BOARD_ROOMS = (
    *(f"gen_core.{room}" for room in ("spec", "theory", "sequence", "director", "synth", "playback")),
    *(f"targets.{room}" for room in ("boards", "protocol", "runtime")),
)
BOARD_LIBRARIES = {"numpy", "onnxruntime", "serial", "cbor2", "cryptography"}
ROOM_LIBRARIES: dict[str, set[str]] = {
    "gen_core.spec": set(),
    "gen_core.theory": set(),
    "gen_core.sequence": {"numpy"},
    "gen_core.director": {"numpy"},
    "gen_core.synth": {"numpy"},
    "gen_core.playback": {"numpy", "onnxruntime"},
    "targets.boards": set(),
}
MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_DATA_BYTES = 400, 60, 20_000_000


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def sources(*folders: str) -> list[Path]:
    return sorted(p for folder in folders for p in (ROOT / folder).rglob("*.py"))


def imported(path: Path, top_level_only: bool = False) -> Iterator[tuple[str, int]]:
    """Every module that a file imports (`from a import b` gives a and a.b), with its line."""
    nodes = module_level(tree(path)) if top_level_only else ast.walk(tree(path))
    package = module_name(path).split(".")[: None if path.name == "__init__.py" else -1]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            yield name, node.lineno
            yield from ((f"{name}.{alias.name}", node.lineno) for alias in node.names)


def module_level(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when the module is imported: everything but the bodies of functions and `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from module_level(child)


def inside(name: str, room: str) -> bool:
    return name == room or name.startswith(room + ".")


def third_party(name: str) -> bool:
    top = name.split(".")[0]
    return top not in sys.stdlib_module_names and top not in PACKAGES


def test_there_is_a_house_to_look_at():
    assert all((ROOT / package / "__init__.py").exists() for package in PACKAGES)
    assert len(sources("gen_core")) > 5 and len(sources("host_tools")) > 5


def test_every_package_folder_says_what_it_is():
    folders = {path.parent for path in sources(*PACKAGES)}
    dumb = [f for f in folders if not (f / "__init__.py").exists() or not ast.get_docstring(tree(f / "__init__.py"))]
    assert not dumb, f"give these an __init__.py with one docstring line: {sorted(map(str, dumb))}"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_stands_before_it(package):
    later = PACKAGES[PACKAGES.index(package) + 1 :] + ("tests",)
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(package)
        for name, line in imported(path)
        if name.split(".")[0] in later
    ]
    assert not wrong


def test_the_host_reaches_the_board_only_over_the_cable():
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sources("host_tools", "export")
        for name, line in imported(path)
        if inside(name, "targets.runtime")
    ]
    assert not wrong


@pytest.mark.parametrize("room", BOARD_ROOMS)
def test_a_board_room_imports_only_board_rooms_and_board_libraries(room):
    wrong = []
    for path in sources(room.replace(".", "/")):
        for name, line in imported(path, top_level_only=True):
            ours = name.split(".")[0] in PACKAGES and name.count(".") >= 1
            stranger = third_party(name) and name.split(".")[0] not in ROOM_LIBRARIES.get(room, BOARD_LIBRARIES)
            if stranger or (ours and not any(inside(name, board_room) for board_room in BOARD_ROOMS)):
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert not wrong


IMPORT_BARE = """
import sys, importlib, importlib.abc
allowed = set(sys.stdlib_module_names) | {"gen_core", "targets"} | {
    "numpy", "onnxruntime", "serial", "cbor2", "_cbor2", "cryptography",
    "cffi", "_cffi_backend", "pycparser", "flatbuffers", "google", "packaging"}  # the last five are theirs
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in allowed:
            raise ModuleNotFoundError(f"not on a board: {name}", name=name)
sys.meta_path.insert(0, Refuse())
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
"""


def test_board_rooms_import_on_a_bare_board():
    rooms = [room.replace(".", "/") for room in BOARD_ROOMS]
    names = [module_name(path) for path in sources(*rooms) if path.name != "__main__.py"]
    assert len(names) >= 5
    command = [sys.executable, "-c", IMPORT_BARE, str(ROOT), *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


REGISTRIES = {  # folder → the file that lists what is in it
    "gen_core/synth/units": ("gen_core/synth/registry.py", "gen_core/synth/units/__init__.py"),
    "targets/boards": ("targets/boards/__init__.py", "targets/boards/registry.py"),
    "targets/runtime/groups": ("targets/runtime/groups/__init__.py", "targets/runtime/groups/registry.py"),
    "host_tools/commands": ("host_tools/main.py",),
}
REGISTRY_HELPERS = {"__init__", "registry", "board", "record", "unit"}  # what an entry is made of is no entry


@pytest.mark.parametrize("folder", REGISTRIES)
def test_every_unit_board_group_and_verb_is_in_its_registry(folder):
    names = {path.stem for path in (ROOT / folder).glob("*.py")} - REGISTRY_HELPERS
    if not names:
        pytest.skip(f"{folder} is still empty")
    registries = [ROOT / file for file in REGISTRIES[folder] if (ROOT / file).exists()]
    listed = set()
    for node in (node for path in registries for node in ast.walk(tree(path))):
        if isinstance(node, ast.alias):
            listed.add(node.name.split(".")[-1])
        elif isinstance(node, ast.ImportFrom) and node.module:
            listed.add(node.module.split(".")[-1])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            listed.add(node.value.split(".")[-1])
    assert names <= listed, f"not in the registry: {sorted(names - listed)}"


def test_a_parameter_is_declared_once():
    """A knob of a unit, or of a part, is named within its file; every other id is one name for the whole house."""
    seen: dict[tuple[str, str], str] = {}
    twice = []
    for path in sources(*PACKAGES):
        scope = str(path) if inside(module_name(path), "gen_core.synth") else ""
        for node in ast.walk(tree(path)):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Param"):
                continue
            given = [keyword.value for keyword in node.keywords if keyword.arg == "id"]
            if given and isinstance(given[0], ast.Constant | ast.JoinedStr):
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                key = (scope, ast.unparse(given[0]))
                twice += [f"{key[1]}: {seen[key]} and {place}"] if key in seen else []
                seen[key] = place
    assert not twice


def test_files_and_functions_stay_readable():
    long = []
    for path in sources(*PACKAGES, "tests"):
        lines = path.read_text(encoding="utf-8").count("\n")
        long += [f"{path.relative_to(ROOT)} has {lines} lines"] if lines > MAX_FILE_LINES else []
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                long += [f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {size} lines"] * (
                    size > MAX_FUNCTION_LINES
                )
    assert not long


def tracked() -> list[Path]:
    """The files of the repository; outside a git checkout, those of the four packages and the tests."""
    try:
        command = ["git", "-C", str(ROOT), "ls-files", "-z"]
        listed = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
        files = [ROOT / name for name in listed if name]
    except (OSError, subprocess.CalledProcessError):
        files = [path for folder in (*PACKAGES, "tests", "docs") for path in (ROOT / folder).rglob("*")]
    return [path for path in files if path.is_file() and "__pycache__" not in path.parts]


FORBIDDEN = re.compile(  # written in pieces, so that this file may be looked at as well
    "|".join(
        [
            r"(?<![\w.])/(?:wo" r"rk|ho" r"me|ro" r"ot)/\w",  # a path of somebody's machine
            r"\b(?:py" r"pi|py" r"thonhosted|ana" r"conda)\.(?:org|com)\b",
            r"--(?:extra-)?index" r"-url",
            r"(?i:\b(?:sub)?ag" r"ents?\b)",
            r"(?i:\bco" r"-authored-by\b)",
        ]
    )
)


def test_nothing_in_the_repository_depends_on_one_machine():
    found = []
    for path in tracked():
        data = path.read_bytes()
        if b"\0" in data[:4096] or path.name.startswith("LICENSE"):
            continue
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            found += [f"{path.relative_to(ROOT)}:{number} {hit.group()!r}" for hit in FORBIDDEN.finditer(line)]
    assert not found


def test_no_file_in_the_repository_is_large():
    assert not [f"{p.relative_to(ROOT)}: {p.stat().st_size}" for p in tracked() if p.stat().st_size > MAX_DATA_BYTES]


def test_the_top_level_stays_small():
    known = {*PACKAGES, "tests", "docs", ".ci", "pyproject.toml", "Makefile", "README.md", ".gitignore"}
    top = {path.relative_to(ROOT).parts[0] for path in tracked()}
    strangers = [name for name in top - known if not re.fullmatch(r"LICENSE.*|constraints.*\.txt", name)]
    assert not strangers


def test_help_is_instant_because_it_loads_nothing_heavy():
    heavy = ("numpy", "onnxruntime", "serial", "cbor2", "cryptography", "rich", "numba", "torch", "symusic", "targets")
    code = (
        "import sys; from host_tools import main; main.main(['--help']); "
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stderr.strip() == "[]" and "bench-board" in done.stdout
