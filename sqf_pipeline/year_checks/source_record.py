"""What is written down about the file or files of a year: a row of the table `source_files`."""

import json

import pandas as pd

from sqf_pipeline.ingest.reader import RawFile
from sqf_pipeline.ingest.source import PublishedFile
from sqf_pipeline.registry.year_and_month_words import month_words
from sqf_pipeline.year_checks.year_review import YearReview


def source_file_row(file: PublishedFile, raw: RawFile, review: YearReview) -> pd.DataFrame:
    """Return the one row of a year; its parts, where it has several, stand in the column `parts` as JSON."""
    return pd.DataFrame(
        {
            "year": [file.year],
            "file_name": [", ".join(part.name for part in raw.parts)],
            "sha256": [raw.sha256],
            "bytes": [raw.bytes],
            "rows": [len(raw.frame)],
            "columns": [len(raw.published_names)],
            "source": [file.source],
            "url": [file.url],
            "etag": [file.etag],
            "last_modified": [file.last_modified],
            "fetched_at": [file.fetched_at],
            "columns_missing": [", ".join(raw.columns_missing) or None],
            "columns_unknown": [", ".join(raw.columns_unknown) or None],
            "coverage": [review.coverage],
            "months": [month_words(review.months)],
            "rows_of_other_years": [sum(raw.other_years.values())],
            "parts": [json.dumps([vars(part) for part in raw.parts]) if len(raw.parts) > 1 else None],
        }
    )
