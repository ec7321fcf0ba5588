"""The data package in the words of Croissant 1.1, with those of its vocabulary for responsible use."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqf_pipeline.export.packaged_tables import (
    STOPS,
    PackagedTable,
    PackageFacts,
    WrittenFile,
    packaged_json,
    statement,
)
from sqf_pipeline.export.table_fields import croissant_field

PARQUET = "application/x-parquet"


def croissant(tables: Sequence[PackagedTable], files: Sequence[WrittenFile], facts: PackageFacts) -> dict[str, Any]:
    """Return the Croissant description: every file, a record set for each table, collection, biases and use.

    Record sets are read from the Parquet files; where a table has files by year, from all of them.
    """
    said = statement()
    dated = {"datePublished": facts.published} if facts.published else {}
    distribution = [_file_object(file) for file in files]
    record_sets = []
    for table in tables:
        frames = [file for file in files if file.table == table.name and file.path.endswith(".parquet")]
        source: dict[str, Any] = {"fileObject": {"@id": frames[0].path}} if frames else {}
        if table.by_year and frames:
            distribution.append(_file_set(table))
            source = {"fileSet": {"@id": f"{table.name}-files"}}
        if frames:
            record_sets.append(_record_set(table, source, facts))
    return {
        "@context": packaged_json("croissant_context.json"),
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": facts.name,
        "alternateName": facts.title,
        "description": facts.description,
        "url": said["homepage"],
        "version": facts.version,
        **dated,
        "license": [licence["path"] for licence in said["licences"]],
        "citeAs": " ".join(said["citation"]),
        "keywords": facts.descriptor()["keywords"],
        "creator": {"@type": "sc:Organization", "name": said["maintainers"]},
        **_responsible_use(tables, facts),
        "distribution": distribution,
        "recordSet": record_sets,
    }


def _responsible_use(tables: Sequence[PackagedTable], facts: PackageFacts) -> dict[str, Any]:
    said = statement()
    years = next(table.years for table in tables if table.name == STOPS)
    return {
        "rai:dataCollection": said["synthetic_collection" if facts.synthetic else "collection"],
        "rai:dataCollectionType": ["Synthetic"] if facts.synthetic else said["collection_type"],
        "rai:dataCollectionTimeframe": [f"{years[0]}-01-01", f"{years[-1]}-12-31"],
        "rai:dataCollectionMissingData": said["missing"],
        "rai:dataPreprocessingProtocol": said["preprocessing"],
        "rai:dataBiases": said["biases"],
        "rai:dataUseCases": [f"Intended: {use}" for use in said["intended"]],
        "rai:dataLimitations": [*said["limitations"], *(f"Not to be used for: {use}" for use in said["forbidden"])],
        "rai:personalSensitiveInformation": said["sensitive"],
        "rai:dataSocialImpact": said["social_impact"],
        "rai:dataReleaseMaintenancePlan": said["maintenance"],
    }


def _file_object(file: WrittenFile) -> dict[str, Any]:
    compressed = file.path.endswith(".gz")
    return {
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": file.path,
        "contentUrl": file.path,
        "contentSize": f"{file.size} B",
        "encodingFormat": PARQUET
        if file.path.endswith(".parquet")
        else "application/gzip"
        if compressed
        else "text/csv",
        "sha256": file.sha256,
    }


def _file_set(table: PackagedTable) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": f"{table.name}-files",
        "name": f"{table.name}-files",
        "description": f"The Parquet files of {table.name}, one for each {table.key[0].replace('_', ' ')}.",
        "encodingFormat": PARQUET,
        "includes": f"{table.name}/*.parquet",
    }


def _record_set(table: PackagedTable, source: Mapping[str, Any], facts: PackageFacts) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": table.name,
        "name": table.name,
        "description": f"{statement()['synthetic']} {table.comment}" if facts.synthetic else table.comment,
        "key": [f"{table.name}/{name}" for name in table.key],
        "field": [croissant_field(column, table.name, source) for column in table.columns],
    }
