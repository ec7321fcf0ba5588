"""Reports as files: a folder for each asset and year.

What belongs here: writing the texts and pictures of an asset where people find them. What does not: what they say.
"""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from sqf_pipeline.orchestration.io_managers import written_atomically


class ReportIOManager(dg.IOManager):
    """Files of an asset in `<directory>/<partition>/<asset>/`, by name; each is whole or as it was."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def _folder(self, asset_key: dg.AssetKey, partition_key: str) -> Path:
        return self.directory.joinpath(partition_key, *asset_key.path)

    def handle_output(self, context: dg.OutputContext, obj: Mapping[str, bytes]) -> None:
        """Write the files."""
        folder = self._folder(context.asset_key, context.partition_key)
        for name, content in obj.items():
            with written_atomically(folder / name) as temporary:
                temporary.write_bytes(content)
        context.add_output_metadata({"files": dg.MetadataValue.path(str(folder.resolve()))})

    def load_input(self, context: dg.InputContext) -> dict[str, bytes]:
        """Return every file of the asset and year by name."""
        folder = self._folder(context.asset_key, context.partition_key)
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if not path.name.startswith(".")}


__all__ = ["ReportIOManager"]
