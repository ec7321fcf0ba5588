"""Everything the service answers from, loaded once at its start."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from sqf_pipeline.registry.outcomes import STUDY_OUTCOMES, Outcome, Tier
from sqf_pipeline.service.analysis_table import AnalysisTable
from sqf_pipeline.service.bundle import open_bundle
from sqf_pipeline.service.manifest import FieldSpec, Manifest
from sqf_pipeline.service.predictor import Predictor, load_predictors
from sqf_pipeline.service.schemas import TIERS, request_adapter


@dataclass(frozen=True)
class Service:
    """A verified export, ready to answer; read-only and so shared by all threads.

    `validators` hold the request models by outcome; an outcome that the export has no model for is absent.
    """

    manifest: Manifest
    predictors: dict[tuple[Outcome, Tier], Predictor]
    validators: dict[Outcome, TypeAdapter[Any]]
    analysis: dict[str, AnalysisTable]
    model_card: str | None = None

    def specs(self, outcome: Outcome, tier: Tier) -> dict[str, FieldSpec]:
        """Return a model's fields by name."""
        return {spec.name: spec for spec in self.predictors[outcome, tier].entry.fields}

    def tiers(self, outcome: Outcome) -> tuple[Tier, ...]:
        """Return the tiers of the API that the export has a model for."""
        return tuple(tier for tier in TIERS if (outcome, tier) in self.predictors)


def load_service(path: Path) -> Service:
    """Verify the export at `path` and load it; raises BundleError when it is refused."""
    bundle = open_bundle(path)
    predictors = load_predictors(bundle)
    entries = {
        outcome: [predictors[outcome, tier].entry for tier in TIERS if (outcome, tier) in predictors]
        for outcome in STUDY_OUTCOMES
    }
    tables = [AnalysisTable.model_validate_json(bundle.contents[name]) for name in bundle.manifest.analysis]
    card = bundle.manifest.model_card
    return Service(
        bundle.manifest,
        predictors,
        {outcome: request_adapter(models) for outcome, models in entries.items() if models},
        {table.name: table for table in tables},
        bundle.contents[card].decode("utf-8") if card else None,
    )
