"""Reports as files: a folder for each asset and year."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import dagster as dg

from sqf_pipeline.files import writable, written_whole
from sqf_pipeline.orchestration.io_managers import NotMadeYetError, one_writer


class ReportIOManager(dg.IOManager):
    """Files of an asset in `<directory>/<partition>/<asset>/`, by name; each is whole or as it was.

    Writers and readers of one folder take turns, so that no card is read with half of another.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def _folder(self, asset_key: dg.AssetKey, partition_key: str) -> Path:
        return self.directory.joinpath(partition_key, *asset_key.path)

    def handle_output(self, context: dg.OutputContext, obj: Mapping[str, bytes]) -> None:
        """Write the files."""
        folder = self._folder(context.asset_key, context.partition_key)
        with self._turn(folder):
            for name, content in obj.items():
                with writable(folder / name), written_whole(folder / name) as temporary:
                    temporary.write_bytes(content)
        context.add_output_metadata({"files": dg.MetadataValue.path(str(folder.resolve()))})

    def load_input(self, context: dg.InputContext) -> dict[str, bytes]:
        """Return every file of the asset and year by name."""
        folder = self._folder(context.asset_key, context.partition_key)
        if not folder.is_dir():
            raise NotMadeYetError(context.asset_key, context.partition_key, folder)
        with self._turn(folder):
            return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if not path.name.startswith(".")}

    @staticmethod
    def _turn(folder: Path) -> AbstractContextManager[None]:
        return one_writer(folder, f"{folder.name} of {folder.parent.name}")
