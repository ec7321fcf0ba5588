"""The version of the code behind an asset follows what is run and read, and nothing else."""

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sqf_pipeline
from sqf_pipeline.orchestration import versions
from sqf_pipeline.orchestration.assets import evaluation, features, models, publication, stops

PACKAGE = Path(sqf_pipeline.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
DATA = sorted(
    path for path in PACKAGE.rglob("*") if path.suffix in {".csv", ".json", ".sql", ".j2", ".css", ".html", ".js"}
)
ASSETS = {
    min(key.to_user_string() for key in asset.keys): asset
    for asset in dg.load_assets_from_modules([stops, features, models, evaluation, publication])
    if isinstance(asset, dg.AssetsDefinition)
}


def meaning(path: Path, text: str, folder: Path) -> str:
    copy = folder / path.name
    copy.write_text(text, encoding="utf-8")
    return versions._Module(copy).meaning


def test_comments_docstrings_and_layout_of_a_module_mean_nothing(tmp_path):
    changed = []
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)  # without comments, line breaks, brackets and quotes
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                if ast.get_docstring(node) is not None:
                    del node.body[0]
                node.body.insert(0, ast.Expr(ast.Constant("Other words.")))
        other = f"# a remark\n\n\n{ast.unparse(tree)}\n# and another\n"
        if meaning(path, other, tmp_path) != versions._module(path).meaning:
            changed.append(path)
    assert changed == []


class _Changed(ast.NodeTransformer):
    """Changes the one node of a tree that has a certain number among those that can be changed."""

    def __init__(self, number: int) -> None:
        self.left = number
        self.changed = ""

    def visit(self, node: ast.AST) -> ast.AST:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        unread = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if docstring or unread or isinstance(node, ast.JoinedStr | ast.arg):
            return node
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        other = self._other(node)
        if other is not None:
            self.left -= 1
            if self.left == -1:
                self.changed = f"{ast.dump(node)} -> {ast.dump(other)}"
                return other
        return self.generic_visit(node)

    @staticmethod
    def _other(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, bool):
            return ast.Constant(not node.value)
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return ast.Constant(node.value + 1)
        if isinstance(node, ast.Attribute):
            return ast.Attribute(node.value, f"{node.attr}_", node.ctx)
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Lt):
            return ast.Compare(node.left, [ast.LtE(), *node.ops[1:]], node.comparators)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return ast.BinOp(node.left, ast.Sub(), node.right)
        return None


@settings(deadline=None, max_examples=100)
@given(path=st.sampled_from(MODULES), number=st.integers(0, 10_000))
def test_any_change_of_a_number_an_operator_or_a_name_means_something(path, number, tmp_path_factory):
    folder = tmp_path_factory.mktemp("changed")
    text = path.read_text(encoding="utf-8")
    counting = _Changed(10**9)
    counting.visit(ast.parse(text))
    changeable = 10**9 - counting.left
    if not changeable:
        return
    change = _Changed(number % changeable)
    changed = ast.unparse(ast.fix_missing_locations(change.visit(ast.parse(text))))
    assert meaning(path, changed, folder) != versions._module(path).meaning, change.changed


IMPORTED = """
import ast, importlib, inspect, json, os, sys
from sqf_pipeline.orchestration.assets import evaluation, features, models, publication, stops

def ours():
    return [n for n in sys.modules if n.startswith("sqf_pipeline") and ".orchestration" not in n]

for number, (name, wanted) in enumerate(json.loads(sys.argv[1])):
    module = importlib.import_module(name)
    if os.fork() == 0:
        for one in ours():
            del sys.modules[one]
        for function in ast.parse(inspect.getsource(module)).body:
            if getattr(function, "name", None) in wanted:
                for node in ast.walk(function):
                    if isinstance(node, (ast.Import, ast.ImportFrom)) and ".orchestration" not in ast.unparse(node):
                        exec(ast.unparse(node))
        print(json.dumps([number, [sys.modules[one].__file__ for one in ours()]]), flush=True)
        os._exit(0)
    assert os.wait()[1] == 0, name
"""


@pytest.mark.slow
def test_every_module_that_python_really_imports_for_an_asset_is_counted():
    """One process has Dagster and forks for each module, which then imports what is ours anew."""
    asked = []
    for name in ("drift", "model_card", "raw_stops", "tier_models", "calibration_bins", "model_export"):
        functions, _ = versions.behind(ASSETS[name])
        for path in sorted({path for path, _ in functions}):
            module = ".".join(("sqf_pipeline", *path.relative_to(PACKAGE).with_suffix("").parts))
            asked.append((name, module, [function for of, function in functions if of == path]))
    command = [sys.executable, "-c", IMPORTED, json.dumps([[module, names] for _, module, names in asked])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded: dict[str, set[Path]] = {name: set() for name, *_ in asked}
    for number, files in map(json.loads, done.stdout.splitlines()):
        loaded[asked[number][0]] |= {Path(file) for file in files}
    for name, paths in loaded.items():
        modules = {path for path in paths if path.name != "__init__.py"}  # those hold one sentence each
        assert modules, "the test sees imports"
        assert modules <= versions.behind(ASSETS[name])[1], name


READ = """
import sys
opened = set()
sys.addaudithook(lambda event, args: opened.add(str(args[0])) if event == "open" else None)
from sqf_pipeline.registry import columns
from sqf_pipeline.registry import spellings
from sqf_pipeline.synthetic import conditional_chain
from sqf_pipeline.export import field_specs
from sqf_pipeline.warehouse import views
from sqf_pipeline.study_2021 import replication
columns.load_columns()
replication.published_figures()
print("\\n".join(sorted(opened)))
"""


def test_every_file_of_data_is_counted_with_the_module_that_reads_it():
    """No file of data is nobody's; and what Python opens when the tables are loaded is what their modules name."""
    claimed = {file for path in MODULES for file in versions._module(path).data}
    served = {PACKAGE / "service" / "templates", PACKAGE / "service" / "static"}  # the service's; no asset shows them
    assert [path for path in DATA if path not in claimed and path.parent not in served] == []
    done = subprocess.run([sys.executable, "-c", READ], capture_output=True, text=True, check=True)
    opened = {Path(line) for line in done.stdout.splitlines()} & set(DATA)
    assert {path.name for path in opened} >= {"columns.csv", "published_figures.csv"}
    for path in opened:
        assert path in claimed


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a copy of the package that versions are taken of, to be changed."""
    folder = shutil.copytree(PACKAGE, tmp_path / "sqf_pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    memory: dict[tuple[Path, bytes], versions._Module] = {}

    def module(path: Path) -> versions._Module:
        key = (path, path.read_bytes())
        return memory.setdefault(key, memory.get(key) or versions._Module(path))

    monkeypatch.setattr(versions, "_PACKAGE", folder)
    monkeypatch.setattr(versions, "_module", module)
    versions._data_files.cache_clear()
    yield folder
    versions._data_files.cache_clear()


def all_versions() -> dict[str, str]:
    return {name: versions.code_version(asset) for name, asset in ASSETS.items()}


@pytest.mark.slow
def test_a_change_of_any_file_behind_an_asset_changes_the_versions_that_rest_on_it(copy):
    counted = {name: versions.behind(asset)[1] for name, asset in ASSETS.items()}
    every = sorted(set().union(*counted.values()))
    assert all(path.is_file() and path.is_relative_to(copy) for path in every)
    assert {path.suffix for path in every} >= {".py", ".csv", ".j2", ".css"}
    before = all_versions()
    resting = {path: min(name for name in ASSETS if path in counted[name]) for path in every}
    for path in every:
        kept = path.read_bytes()
        path.write_bytes(kept + b"\nADDED = 1\n")
        assert versions.code_version(ASSETS[resting[path]]) != before[resting[path]], path
        path.write_bytes(kept)
    assert all_versions() == before
    for path in {asset: path for path, asset in resting.items()}.values():  # one file of each
        kept = path.read_bytes()
        path.write_bytes(kept + b"\nADDED = 1\n")
        after = all_versions()
        assert {name for name in ASSETS if after[name] != before[name]} == {
            name for name in ASSETS if path in counted[name]
        }, path
        path.write_bytes(kept)


def test_what_an_asset_itself_does_is_counted_and_what_is_said_of_it_is_not(copy):
    before = all_versions()
    path = copy / "orchestration" / "assets" / "features.py"
    text = path.read_text()

    path.write_text(text.replace("How the study's columns become numbers", "Another description"))
    assert all_versions() == before

    path.write_text(text.replace("sorted({*features.columns, *_TARGETS})", "sorted(features.columns)"))
    after = all_versions()
    assert {name for name in before if after[name] != before[name]} == {"feature_encoder"}


def test_what_a_factory_is_told_counts_for_the_asset_that_it_makes_and_the_description_does_not(copy):
    before = all_versions()
    path = copy / "orchestration" / "assets" / "models.py"
    text = path.read_text()
    assert len({before[name] for name in ("arrest_model", "summons_model", "tier_models", "served_models")}) == 4

    path.write_text(text.replace("Forests for arrests with", "Another description with"))
    assert all_versions() == before

    path.write_text(text.replace('_of_outcome("arrest")', '_of_outcome("other")'))
    after = all_versions()
    assert {name for name in before if after[name] != before[name]} == {"arrest_model"}


def test_a_module_that_starts_to_be_used_is_counted_without_being_listed(copy):
    (copy / "evaluation" / "new.py").write_text("LIMIT = 1\n")
    drift = copy / "evaluation" / "drift.py"
    drift.write_text(f"from sqf_pipeline.evaluation.new import LIMIT\n{drift.read_text()}\nUSED = LIMIT\n")
    first = all_versions()
    (copy / "evaluation" / "new.py").write_text("LIMIT = 2  # other\n")
    second = all_versions()
    assert first["drift"] != second["drift"]
    assert first["column_loss"] == second["column_loss"], "the stops do not rest on drift"


OTHER_PYTHONS = {
    re.search(r"3\.1[1-9]", str(python))[0]: python
    for python in (*Path.home().glob(".pyenv/versions/3.1[1-9]*/bin/python"), *Path("/usr/bin").glob("python3.1[1-9]"))
}
"""One of each minor version that is on this machine."""
EVERY_MEANING = """
import hashlib, pathlib, sys
sys.path.insert(0, sys.argv[1])
import sqf_pipeline.orchestration.versions as versions
digest = hashlib.sha256()
for path in sorted(pathlib.Path(sys.argv[1], "sqf_pipeline").rglob("*.py")):
    digest.update(versions._Module(path).meaning.encode())
print(digest.hexdigest())
"""


@pytest.mark.slow
def test_another_python_gives_the_same_versions():
    def told_by(python: str | Path) -> str:
        command = [str(python), "-I", "-c", EVERY_MEANING, str(PACKAGE.parent)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    others = [python for version, python in OTHER_PYTHONS.items() if version != f"3.{sys.version_info.minor}"]
    if not others:
        pytest.skip("there is no other Python on this machine")
    assert {told_by(python) for python in others} == {told_by(sys.executable)}
