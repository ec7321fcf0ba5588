"""Write the documents that are made from the code: `python -m sqf_pipeline.reporting.documents [--check] [FOLDER]`."""

from collections.abc import Callable, Mapping
from pathlib import Path

import click

from sqf_pipeline.reporting.documents.data_dictionary import data_dictionary
from sqf_pipeline.reporting.documents.settings_reference import settings_reference

DOCUMENTS: Mapping[str, Callable[[], str]] = {"data_dictionary.md": data_dictionary, "settings.md": settings_reference}


def stale_documents(folder: Path) -> list[str]:
    """Return the names of documents in `folder` that are missing or not what the code gives."""
    return [
        name
        for name, make in DOCUMENTS.items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != make()
    ]


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail when a document is not what the code gives.")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("docs"))
def main(folder: Path, *, check: bool) -> None:
    """Write the documents that are made from the code into FOLDER (docs)."""
    stale = stale_documents(folder)
    if check and stale:
        raise click.ClickException(f"Out of date in {folder}: {', '.join(stale)}. Run: make docs")
    for name in stale:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(DOCUMENTS[name](), encoding="utf-8")
        click.echo(f"Wrote {folder / name}")
    if not stale:
        click.echo(f"Up to date: {', '.join(DOCUMENTS)}")


if __name__ == "__main__":
    main()
