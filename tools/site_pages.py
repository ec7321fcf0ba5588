"""Pages of the site that are made from the code when it is built: the tables with their comments, and the commands."""

from collections.abc import Iterator

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from sqf_pipeline.cli import main
from sqf_pipeline.display import markdown_code, markdown_table
from sqf_pipeline.registry.declared_tables import declared_columns, declared_tables


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages; MkDocs calls this."""
    for name, text in {"tables.md": tables_page(), "commands.md": commands_page()}.items():
        files.append(File.generated(config, name, content=text))
    return files


def tables_page() -> str:
    """Return every table with its key, what it refers to, and its columns with type, limits and meaning."""
    parts = [
        "# Tables",
        "In PostgreSQL (schema `sqf`, or `sqf_sample` for synthetic stops) and in the data package. The columns of "
        "`stops` are in the [data dictionary](data_dictionary.md).",
    ]
    for name, row in declared_tables().items():
        parts += [f"## {name}", row["comment"], f"Key: {', '.join(map(markdown_code, row['key'].split()))}."]
        if row["refers"]:
            parts.append(f"Refers to {', '.join(map(markdown_code, row['refers'].split()))}.")
        if name != "stops":
            rows = [
                (
                    markdown_code(one["column"]),
                    one["kind"],
                    one["rule"],
                    "yes" if one["null"] == "yes" else "",
                    one["comment"],
                )
                for one in declared_columns(name)
            ]
            parts.append(markdown_table(("Column", "Kind", "Limits", "May be null", "Meaning"), rows))
    return "\n\n".join(parts) + "\n"


def commands_page() -> str:
    """Return what every command says of itself."""
    parts = [
        "# Commands",
        "What `--help` says; a setting that an option takes the place of is in [settings](settings.md).",
    ]
    for names, command in _commands((), main):
        context = click.Context(command, info_name=" ".join(("sqf", *names)))
        parts += [f"## sqf {' '.join(names)}".rstrip(), f"```text\n{command.get_help(context)}\n```"]
    return "\n\n".join(parts) + "\n"


def _commands(names: tuple[str, ...], command: click.Command) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield names, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _commands((*names, name), inner)
