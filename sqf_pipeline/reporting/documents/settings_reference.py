"""The reference of settings: every `SQF_*` variable."""

import types
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from sqf_pipeline.display import markdown_code, markdown_table
from sqf_pipeline.settings import Settings

INTRODUCTION = """\
# Settings

Made by `make docs` from `sqf_pipeline/settings.py`; change that, not this page. Every setting is an environment
variable or a line in a file `.env` in the folder where the command runs; the environment wins. A value that cannot be
used is refused at the start, by name. Nothing needs to be set for `make run`."""


def settings_reference() -> str:
    """Return the reference of settings as Markdown."""
    prefix = str(Settings.model_config["env_prefix"])
    rows = []
    for name, field in Settings.model_fields.items():
        named = markdown_code(f"{prefix}{name}".upper())
        rows.append((named, _type_in_words(field.annotation), _default_in_words(field), field.description or ""))
    return f"{INTRODUCTION}\n\n{markdown_table(('Variable', 'Value', 'Default', 'Meaning'), rows)}\n"


def _type_in_words(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return ", ".join(markdown_code(str(value)) for value in get_args(annotation))
    if get_origin(annotation) in (Union, types.UnionType):
        return " or ".join(_type_in_words(part) for part in get_args(annotation) if part is not type(None))
    words = {
        "Path": "path", "str": "text", "SecretStr": "secret text", "int": "whole number", "float": "number",
        "bool": "`true` or `false`",
    }  # fmt: skip
    name = getattr(annotation, "__name__", str(annotation))
    if name not in words:
        raise ValueError(f"no words for the type {name} of a setting; add them here")
    return words[name]


def _default_in_words(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        raise ValueError("every setting has a fixed default, so that nothing needs to be set")
    return "none" if field.default is None else markdown_code(str(field.default))
