"""The compose file as Docker Compose resolves it, and the parts of the Dockerfile that a process needs.

What belongs here: variables, files of variables, and what the image sets. What does not: starting anything, and what
should hold of the files.
"""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[1]
VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?:(?P<operator>:?[-?])(?P<word>[^}]*))?\}|(?P<bare>[A-Za-z_]\w*))")


class MissingVariableError(Exception):
    """A variable that the compose file requires is not set."""


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Return a text with `${A}`, `${A:-default}` and `${A:?message}` replaced as Compose does; `$$` is a dollar."""

    def value(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        name = found["name"] or found["bare"]
        operator, word = found["operator"] or "", found["word"] or ""
        given = variables.get(name)
        absent = given is None or (operator.startswith(":") and given == "")
        if absent and operator.endswith("?"):
            raise MissingVariableError(f"{name}: {word}")
        if absent and operator.endswith("-"):
            return word
        return given or ""

    return VARIABLE.sub(value, text)


def read_env_file(path: Path) -> dict[str, str]:
    """Return the variables of an environment file: NAME=value a line, # for remarks."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in pairs}


def load_compose(variables: Mapping[str, str], path: Path = REPOSITORY / "docker-compose.yml") -> dict[str, Any]:
    """Return the compose file with every variable replaced; a variable without a value (`NAME:`) is passed on if set.

    Raises MissingVariableError when one that is required is not set.
    """

    def resolve(node: Any) -> Any:
        if isinstance(node, str):
            return interpolate(node, variables)
        if isinstance(node, list):
            return [resolve(item) for item in node]
        if isinstance(node, dict):
            return {key: resolve(value) for key, value in node.items()}
        return node

    resolved = resolve(yaml.safe_load(path.read_text(encoding="utf-8")))
    for service in resolved["services"].values():
        given = service.get("environment") or {}
        passed_on = {name: variables[name] for name, value in given.items() if value is None and name in variables}
        service["environment"] = {name: value for name, value in given.items() if value is not None} | passed_on
    return resolved


def dockerfile_instructions(path: Path = REPOSITORY / "Dockerfile") -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage as (name, rest), lines continued by a backslash joined."""
    text = "\n".join(line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    stages: list[list[tuple[str, str]]] = []
    for line in lines:
        name, _, rest = line.partition(" ")
        if name == "FROM":
            stages.append([])
        stages[-1].append((name, rest.strip()))
    return stages


def image_environment() -> dict[str, str]:
    """Return what ENV sets in the last stage of the Dockerfile."""
    parts = [part for name, rest in dockerfile_instructions()[-1] if name == "ENV" for part in shlex.split(rest)]
    return {name: value for name, _, value in (part.partition("=") for part in parts)}


__all__ = [
    "REPOSITORY", "MissingVariableError", "dockerfile_instructions", "image_environment", "interpolate",
    "load_compose", "read_env_file",
]  # fmt: skip
