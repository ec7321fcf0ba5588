"""Tables of facts: CSV files that lie beside the modules that read them."""

import csv
from importlib import resources


def read_rows(package: str, name: str) -> list[dict[str, str]]:
    """Return the rows of the table `name` in the folder of `package`, in order, every cell as text."""
    text = resources.files(package).joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
