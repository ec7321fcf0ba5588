"""Imports run one way: a part may use what stands below it, never what stands above; and modules are short."""

import ast
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import sqf_pipeline

PACKAGE = Path(sqf_pipeline.__file__).parent

MAY_USE = {
    "errors": set(),
    "files": {"errors"},
    "memory": set(),
    "settings": {"errors"},
    "registry": {"errors"},
    "display": {"registry"},
    "cleaning": {"errors", "registry"},
    "synthetic": {"errors", "files", "registry"},
    "ingest": {"errors", "files", "memory", "settings", "registry", "cleaning", "synthetic"},
    "year_checks": {"registry", "cleaning", "ingest"},
    "contracts": {"registry", "cleaning"},
    "study_2021": {"registry"},
    "modelling": {"errors", "registry", "study_2021"},
    "evaluation": {"errors", "registry", "study_2021", "modelling"},
    "published_figures": {"errors", "registry", "modelling"},
    "disparity": {"errors", "registry", "modelling", "evaluation"},
    "reporting": {"errors", "settings", "display", "registry", "year_checks", "modelling", "evaluation", "disparity"},
    "warehouse": {"errors", "files", "registry", "year_checks", "evaluation"},
    "service": {"errors", "memory", "display", "registry", "cleaning", "modelling"},
    "export": {"errors", "files", "display", "registry", "modelling", "evaluation", "disparity", "service"},
    "orchestration": {
        *("errors", "files", "memory", "settings", "display", "registry", "cleaning", "ingest", "year_checks"),
        *("contracts", "study_2021", "modelling", "evaluation", "published_figures", "disparity", "reporting"),
        *("warehouse", "service", "export"),
    },
    "definitions": {"memory", "settings", "orchestration"},
}
_DAGSTER_AND_DATABASE = frozenset({"dagster", "sqlalchemy", "psycopg2"})
WITHOUT = {
    **dict.fromkeys(
        ("registry", "cleaning", "synthetic", "ingest", "year_checks"), _DAGSTER_AND_DATABASE | {"sklearn"}
    ),
    **dict.fromkeys(
        ("contracts", "study_2021", "modelling", "evaluation", "published_figures", "disparity", "reporting"),
        _DAGSTER_AND_DATABASE,
    ),
    "warehouse": {"dagster", "sklearn"},
    "service": {*_DAGSTER_AND_DATABASE, "pandera", "sklearn", "pandas", "joblib", "onnx"},
    "export": {*_DAGSTER_AND_DATABASE, "pandera", "flask"},
}


def imports_of(path: Path) -> set[str]:
    """Return every module that a file imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are written in full"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


MODULES = sorted(path for path in PACKAGE.rglob("*.py"))


def test_a_module_uses_only_what_stands_below_it():
    forbidden = {}
    for path in MODULES:
        part = part_of(path)
        if part not in MAY_USE:  # cli, commands and the like stand above everything
            continue
        names = imports_of(path)
        ours = {name.split(".")[1] for name in names if name.startswith("sqf_pipeline.")} - {part}
        others = {name.split(".")[0] for name in names}
        if found := (ours - MAY_USE[part]) | (others & set(WITHOUT.get(part, set()))):
            forbidden[path.relative_to(PACKAGE).as_posix()] = found
    assert forbidden == {}


def test_the_service_knows_of_models_only_what_turns_scores_into_answers():
    used = {name for path in MODULES if part_of(path) == "service" for name in imports_of(path)}
    modules = {name.split(".")[2] for name in used if name.startswith("sqf_pipeline.modelling.")}
    assert modules == {"calibration", "mean_over_draws", "thresholds"}


def test_every_part_stands_behind_a_wall_or_on_top():
    parts = {part_of(path) for path in MODULES}
    assert parts - set(MAY_USE) <= {"__init__", "cli", "commands"}
    assert set(WITHOUT) <= parts


def test_a_forbidden_import_would_be_seen(tmp_path):
    module = tmp_path / "module.py"
    module.write_text("def f():\n    from dagster import asset\n    import sqf_pipeline.orchestration.jobs\n")
    assert {"dagster", "dagster.asset", "sqf_pipeline.orchestration.jobs"} <= imports_of(module)


LONGEST_MODULE, LONGEST_FUNCTION = 300, 60


def functions_of(path: Path) -> dict[str, int]:
    """Return the lines of every function and method of a file; of several of one name, those of the longest."""
    lines: dict[str, int] = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            name = f"{path.relative_to(PACKAGE)}:{node.name}"
            lines[name] = max(lines.get(name, 0), (node.end_lineno or node.lineno) - node.lineno + 1)
    return lines


def test_a_module_and_its_functions_are_short():
    modules = {str(path.relative_to(PACKAGE)): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {name: lines for name, lines in modules.items() if lines > LONGEST_MODULE} == {}
    functions = {name: lines for path in MODULES for name, lines in functions_of(path).items()}
    assert len(functions) > len(MODULES)
    assert {name: lines for name, lines in functions.items() if lines > LONGEST_FUNCTION} == {}


def test_no_two_modules_have_one_name():
    """A name says what is inside; two of one name say that at least one of them does not."""
    counted = Counter(path.stem for path in MODULES if not path.stem.startswith("__"))
    assert {name for name, times in counted.items() if times > 1} == set()


def test_no_two_folders_use_each_other_by_any_way_round():
    uses: dict[str, set[str]] = {}
    for path in MODULES:
        ours = {name.split(".")[1] for name in imports_of(path) if name.startswith("sqf_pipeline.")}
        uses.setdefault(part_of(path), set()).update(ours - {part_of(path), "__version__"})
    TopologicalSorter(uses).prepare()  # raises CycleError, which names the parts of the circle
