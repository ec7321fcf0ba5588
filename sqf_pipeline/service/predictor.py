"""Answers of one exported model: fields in, probability, class and its record in the test year out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sqf_pipeline.memory import return_memory
from sqf_pipeline.modelling.mean_over_draws import mean_over_draws
from sqf_pipeline.registry.outcomes import Outcome, Tier
from sqf_pipeline.service.bundle import Bundle, BundleError
from sqf_pipeline.service.drawn_fields import GapFiller
from sqf_pipeline.service.encoding import RowEncoder, Value
from sqf_pipeline.service.manifest import LARGEST_DIFFERENCE, ModelEntry, ReliabilityBin

if TYPE_CHECKING:
    import onnxruntime


MOST_REASONS = 5  # most fields that are named as having moved an answer
LEAST_CHANGE = 0.001  # least change of the probability, a tenth of a point, for which a field is named
_STOPS_AT_ONCE = 50  # stops whose reasons are asked for in one go, which bounds the memory that a long list takes


@dataclass(frozen=True)
class Reason:
    """A field that moved an answer.

    `without` is the probability that the model gives when this field alone is not given; `change` is what giving it
    changed: the probability less `without`.
    """

    field: str
    without: float
    change: float


@dataclass(frozen=True)
class Prediction:
    """The answer for one stop.

    `positive` is the class at the threshold asked for; `record` says how often such a probability was right in
    the test year; `why` has the fields that moved it most, the strongest first.
    """

    probability: float
    positive: bool
    record: ReliabilityBin
    why: tuple[Reason, ...] = ()


class Predictor:
    """One exported model, ready to answer; safe to share between threads."""

    def __init__(self, entry: ModelEntry, onnx_bytes: bytes) -> None:
        self.entry = entry
        self._session = _open_session(onnx_bytes)
        self._input = self._session.get_inputs()[0].name
        self._encoder = RowEncoder(entry.encoding)
        self._filler = GapFiller(entry.drawn) if entry.drawn else None

    def scores(self, encoded: np.ndarray) -> np.ndarray:
        """Return the uncalibrated scores, float64 of shape (stops,), of an encoded float32 matrix."""
        return np.asarray(self._session.run(None, {self._input: encoded})[0], dtype=np.float64)[:, 0]

    def probabilities(self, stops: Sequence[Mapping[str, Value]]) -> np.ndarray:
        """Return the calibrated probabilities, float64 of shape (stops,).

        Where the model's gaps are drawn, the score is the mean over every way to fill them.
        """
        if not stops:
            return np.empty(0)
        if self._filler is None:
            return self.entry.calibration.apply(self.scores(self._encoder.encode(stops)))
        rows, place, weight = self._filler.spread(stops)
        scores = self.scores(self._encoder.encode(rows))
        return self.entry.calibration.apply(mean_over_draws(scores, place, weight, len(stops)))

    def predict(
        self, stops: Sequence[Mapping[str, Value]], threshold: str | None = None, *, why: bool = False
    ) -> list[Prediction]:
        """Return an answer for each stop, classified at a named threshold (the model's own without a name).

        With `why`, each is asked again without each field that was given, one at a time. Raises KeyError when the model
        has no threshold of that name.
        """
        limit = self.entry.thresholds[threshold or self.entry.default_threshold].value
        found = []
        for start in range(0, len(stops), _STOPS_AT_ONCE):
            found += self._explain(stops[start : start + _STOPS_AT_ONCE], why=why)
        return [
            Prediction(probability, probability >= limit, find_bin(self.entry.reliability, probability), reasons)
            for probability, reasons in found
        ]

    def _explain(self, stops: Sequence[Mapping[str, Value]], *, why: bool) -> list[tuple[float, tuple[Reason, ...]]]:
        """Return the probability of each stop and what moved it, from one run of the model."""
        names = [spec.name for spec in self.entry.fields if why]
        given = [{name: stop[name] for name in names if stop.get(name) is not None} for stop in stops]
        less = [{**stop, name: None} for stop in given for name in stop]
        found = self.probabilities([*stops, *less]).tolist()
        without = iter(found[len(stops) :])
        explained = []
        for probability, stop in zip(found, given, strict=False):
            reasons = [Reason(name, other, probability - other) for name, other in zip(stop, without, strict=False)]
            told = sorted((one for one in reasons if abs(one.change) >= LEAST_CHANGE), key=lambda one: -abs(one.change))
            explained.append((probability, tuple(told[:MOST_REASONS])))
        return explained


def find_bin(table: Sequence[ReliabilityBin], probability: float) -> ReliabilityBin:
    """Return the bin of a probability; a probability on an edge belongs to the upper bin."""
    return next((entry for entry in table if probability < entry.high), table[-1])


def load_predictors(bundle: Bundle) -> dict[tuple[Outcome, Tier], Predictor]:
    """Return the predictors of a verified export by (outcome, tier).

    Each first answers the invented stops that the export holds: a runtime that answers them otherwise than the
    exporter's machine did is refused with a BundleError.
    """
    predictors: dict[tuple[Outcome, Tier], Predictor] = {}
    for entry in sorted(bundle.manifest.models, key=lambda entry: -len(bundle.contents[entry.onnx_file])):
        predictor = Predictor(entry, bundle.contents[entry.onnx_file])
        found = predictor.probabilities([probe.stop for probe in entry.probes])
        wanted = np.array([probe.probability for probe in entry.probes])
        difference = float(np.max(np.abs(found - wanted)))
        if not difference <= LARGEST_DIFFERENCE:
            raise BundleError(
                f"The model {entry.name} answers its {len(wanted)} test questions up to {difference:.2g} away from "
                f"what was stored with it (at most {LARGEST_DIFFERENCE:g} is allowed). Install the onnxruntime of "
                f"the export ({bundle.manifest.packages.get('onnxruntime')}), or export again here."
            )
        predictors[entry.outcome, entry.tier] = predictor
        # Reading a model takes about three times what holding it does: with six forests of 120 trees the process stood
        # at 456 MB, and stands at 276 MB with this. The largest model is read first.
        return_memory()
    return predictors


def _open_session(onnx_bytes: bytes) -> "onnxruntime.InferenceSession":
    """Open a session without threads or memory pools of its own.

    One stop takes about ten microseconds, far less than waking a thread does; and a process that is forked by a
    server must not own threads.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # one node: nothing to win
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(onnx_bytes, options, providers=["CPUExecutionProvider"])
