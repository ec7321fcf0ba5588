"""Which code and tables of knowledge an asset was made with, so that a change of what they mean makes it stale.

Nothing is listed by hand: an asset's version covers what its function says, the functions of asset modules that it
calls, every module of the package that these import, however far down, and every file of data that such a module
names. What only moves and shows results (`orchestration` outside the assets) is not counted.

Hashed is what a module means: its syntax tree without comments, docstrings, type hints of functions and positions, the
same in every release of Python. A file of data (CSV, JSON, SQL, Jinja, CSS and so on) counts byte by byte.
"""

import ast
import gc
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from itertools import groupby
from operator import methodcaller
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import dagster as dg

_PACKAGE = Path(__file__).resolve().parent.parent
_MACHINERY = "sqf_pipeline.orchestration"
_ASSETS = f"{_MACHINERY}.assets."
_SHOWING = f"{_ASSETS}labels"
_versions: dict[tuple[Any, str], str] = {}
"""Versions by function and name of the asset: a process does not change the code that it has loaded."""
_UNTOLD = {"ctx", "kind", "type_comment", "type_ignores", "type_params", "returns", "annotation"}


def with_code_versions(assets: "Iterable[Any]") -> list[Any]:
    """Return assets with the version of the code behind each."""
    collecting = gc.isenabled()
    gc.disable()  # looking for circles among syntax trees, which have none, takes as long as all the rest
    try:
        return [_versioned(asset) if hasattr(asset, "map_asset_specs") else asset for asset in assets]
    finally:
        if collecting:
            gc.enable()


def _versioned(asset: "dg.AssetsDefinition") -> "dg.AssetsDefinition":
    made_by = (asset.op.compute_fn.decorated_fn, asset.op.name)  # type: ignore[union-attr]
    version = _versions.get(made_by) or _versions.setdefault(made_by, code_version(asset))
    return asset.map_asset_specs(methodcaller("replace_attributes", code_version=version))


def version_of(asset: "dg.AssetsDefinition") -> str:
    """Return the version of code that an asset carries, or that of its code where it carries none."""
    return next(iter(asset.specs)).code_version or code_version(asset)


def code_version(asset: "dg.AssetsDefinition") -> str:
    """Return a digest of what the code and the files of data behind an asset mean, twelve hexadecimal digits."""
    digest = hashlib.sha256()
    functions, files = behind(asset)
    for path, name in sorted(functions):
        digest.update(f"{path.relative_to(_PACKAGE).as_posix()}:{name}\0{_module(path).definitions[name]}\0".encode())
    for path in sorted(files):
        told = _module(path).meaning.encode() if path.suffix == ".py" else path.read_bytes()
        digest.update(f"{path.relative_to(_PACKAGE).as_posix()}\0".encode() + told + b"\0")
    return digest.hexdigest()[:12]


def behind(asset: "dg.AssetsDefinition") -> tuple[set[tuple[Path, str]], set[Path]]:
    """Return what an asset is made with: definitions in asset modules (file, name); modules and data as whole files."""
    function = asset.op.compute_fn.decorated_fn  # type: ignore[union-attr]
    start = _file_of(function.__module__)
    if start is None:
        raise ValueError(f"{function.__module__} is no module of {_PACKAGE}")
    made_by_a_factory = function.__name__ not in _module(start).definitions
    pending = [(start, asset.op.name if made_by_a_factory else function.__name__)]
    found: set[tuple[Path, str]] = set()  # without a name, the whole module
    while pending:
        path, name = pending.pop()
        if (path, name) in found:
            continue
        found.add((path, name))
        for module, used in _module(path).uses(name):
            target, machinery = _file_of(module), name and module.startswith(_MACHINERY)
            counts = not machinery or (module.startswith(_ASSETS) and module != _SHOWING)
            if target is not None and counts:
                pending.append((target, used if machinery else ""))
    modules = {path for path, name in found if not name}
    functions = {(path, name) for path, name in found if name}
    return functions, modules | {file for path in modules for file in _module(path).data}


def _file_of(module: str) -> Path | None:
    """Return the file of a module of the package, None when it is no such module."""
    first, *rest = module.split(".")
    if first != "sqf_pipeline":
        return None
    path = _PACKAGE.joinpath(*rest)
    if path.is_dir():
        return path / "__init__.py"
    return path.with_suffix(".py") if rest and path.with_suffix(".py").is_file() else None


class _Module:
    """What a module says as a whole, imports and reads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text = path.read_text(encoding="utf-8")
        tree = ast.parse(self._text)  # not kept: the trees of a package are what Python's collector walks longest
        met: list[ast.AST] = []
        self.meaning = repr(_told(tree, met))
        texts = {node.value for node in met if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        self.imports = {module for node in met for module, _, _ in _imported_names(node)}
        self.data = {file for text in texts for file in _data_named(text, path.parent)}

    @cached_property
    def _body(self) -> list[ast.stmt]:
        return list(_statements_run(ast.parse(self._text).body))

    @cached_property
    def _top(self) -> dict[str, ast.stmt]:
        return {name: node for node in self._body for name in _names_defined(node)}

    @cached_property
    def definitions(self) -> dict[str, str]:
        """Return what each definition at the top of the module says, a function without its decorators."""
        return {name: repr(_told(_parts_run(node), [])) for name, node in self._top.items()}

    def uses(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield the modules, each with the name used from it, that a definition at the top rests on; '' is for all."""
        if not name:
            yield from ((module, "") for module in self.imports)
            return
        here = ".".join(("sqf_pipeline", *self.path.relative_to(_PACKAGE).with_suffix("").parts))
        brought = {
            alias: (module, original) for node in self._body for module, original, alias in _imported_names(node)
        }
        node = self._top[name]
        own = _names_bound(node)
        for part in _statements_run(_parts_run(node)):
            for inner in _run(part):
                yield from ((module, original) for module, original, _ in _imported_names(inner))
                if isinstance(inner, ast.Name) and inner.id not in own:
                    if inner.id in self._top and inner.id != name:
                        yield here, inner.id
                    elif inner.id in brought:
                        yield brought[inner.id]


@cache
def _module(path: Path) -> _Module:
    return _Module(path)


def _statements_run(parts: Iterable[Any]) -> Iterator[Any]:
    """Yield what is run of some parts of a tree: no docstrings and other lone texts, nothing for the type checker."""
    for part in parts:
        if isinstance(part, ast.If) and "TYPE_CHECKING" in (
            getattr(part.test, "id", ""),
            getattr(part.test, "attr", ""),
        ):
            yield from _statements_run(part.orelse)
        elif not (isinstance(part, ast.Pass) or (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))):
            yield part


def _run(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and everything below it that is run."""
    yield node
    for _, value in ast.iter_fields(node):
        for part in _statements_run(value if isinstance(value, list) else [value]):
            if isinstance(part, ast.AST):
                yield from _run(part)


def _told(node: Any, met: list[ast.AST]) -> Any:
    """Return what is run of a tree as nested lists that depend on no release of Python: no positions, nothing empty.

    Imports and constants on the way are added to `met`.
    """
    if isinstance(node, list):
        return [_told(part, met) for part in _statements_run(node)]
    if not isinstance(node, ast.AST):
        return None if node is None else ascii(node)
    if isinstance(node, ast.Constant | ast.Import | ast.ImportFrom):
        met.append(node)
    if isinstance(node, ast.JoinedStr):
        return ["JoinedStr", _joined(node.values, met)]
    # the hint of a class's field may be what a dataclass or a model is made by
    untold = _UNTOLD - {"annotation"} if isinstance(node, ast.AnnAssign) else _UNTOLD
    fields = [[name, _told(getattr(node, name, None), met)] for name in node._fields if name not in untold]
    return [type(node).__name__, *(field for field in fields if field[1] not in (None, []))]


def _joined(values: list[ast.expr], met: list[ast.AST]) -> list[Any]:
    """Return the parts of an f-string, with texts side by side as one, as not every release has them."""
    parts: list[Any] = []
    for are_texts, group in groupby(values, lambda value: isinstance(value, ast.Constant)):
        if are_texts:
            text = "".join(value.value for value in group)  # type: ignore[attr-defined]
            met.append(ast.Constant(text))
            parts += [ascii(text)] if text else []
        else:
            parts += [_told(value, met) for value in group]
    return parts


def _names_defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return []


def _parts_run(node: ast.stmt) -> list[ast.AST]:
    """Return what of a definition makes results; what Dagster is told of an asset stands in decorators and hints."""
    if isinstance(node, ast.FunctionDef):
        return [*node.body, *node.args.defaults, *(default for default in node.args.kw_defaults if default is not None)]
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):  # such as an asset made by a factory
        call = node.value
        return [call.func, *call.args, *(given for given in call.keywords if given.arg != "description")]
    return [node]


def _names_bound(node: ast.stmt) -> set[str]:
    """Return the names that are a function's own: parameters, and what it assigns."""
    if not isinstance(node, ast.FunctionDef):
        return set()
    bound = {inner.arg for inner in ast.walk(node.args) if isinstance(inner, ast.arg)}
    return bound | {
        inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)
    }


def _imported_names(node: ast.AST) -> Iterator[tuple[str, str, str]]:
    """Return module, name in it, and name here of everything that an import statement brings."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name, "", alias.asname or alias.name.split(".")[0]
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        for alias in node.names:
            inner = f"{node.module}.{alias.name}"
            whole = _file_of(inner) is not None
            yield (inner if whole else node.module), ("" if whole else alias.name), alias.asname or alias.name


def _data_named(text: str, folder: Path) -> Iterator[Path]:
    """Return the files of data that a text in a module names, and the files beside those that a table of them names.

    A file is named by its name, or by a folder beside the module.
    """
    files, folders = _data_files()
    for named in files.get(text.rpartition("/")[2], ()):
        yield named
        if named.suffix == ".csv":  # registry/forms/forms.csv names a table for every form
            words = set(re.split(r"[,\n]", named.read_text(encoding="utf-8")))
            yield from (path for path in folders[named.parent] if path.name in words)
    if text.isidentifier():
        yield from folders.get(folder / text, ())


@cache
def _data_files() -> tuple[dict[str, list[Path]], dict[Path, list[Path]]]:
    """Return the package's files of data by name, and by every folder above them."""
    files: dict[str, list[Path]] = defaultdict(list)
    folders: dict[Path, list[Path]] = defaultdict(list)
    for path in sorted(_PACKAGE.rglob("*")):
        if path.is_file() and path.suffix not in {".py", ".pyc", ".typed"}:
            files[path.name].append(path)
            for parent in path.relative_to(_PACKAGE).parents:
                folders[_PACKAGE / parent].append(path)
    return files, folders
