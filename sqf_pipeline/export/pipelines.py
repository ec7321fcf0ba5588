"""The scikit-learn pipelines of an export, for checks offline."""

import hashlib
from importlib import metadata
from pathlib import Path
from typing import Any

from sqf_pipeline.service.bundle import BundleError, changed, open_bundle

UNPICKLING_PACKAGES = ("scikit-learn", "joblib", "numpy")
"""Packages that must be the same as at the export before a pipeline is unpickled."""


def load_pipelines(path: Path) -> dict[str, Any]:
    """Verify an export and return its models as scikit-learn objects by name.

    Each is a `modelling.calibrated_model.CalibratedModel`: a frame of clean stops in, the service's probabilities out.

    Raises BundleError as `open_bundle` does, and when scikit-learn, joblib or numpy is not of the version that
    made the export, before a byte is unpickled.
    """
    import io

    import joblib

    bundle = open_bundle(path)
    for package in UNPICKLING_PACKAGES:
        found, wanted = metadata.version(package), bundle.manifest.packages.get(package)
        if found != wanted:
            raise BundleError(
                f"The pipelines in {bundle.folder} were made with {package} {wanted} and {found} is installed. "
                f"Install {package}=={wanted}, or export again; the service itself does not need them."
            )
    pipelines = {}
    for model in bundle.manifest.models:
        data = (bundle.folder / model.joblib_file).read_bytes()
        entry = next(entry for entry in bundle.manifest.files if entry.name == model.joblib_file)
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise changed(bundle.folder, entry.name, "it changed while it was being read")
        pipelines[model.name] = joblib.load(io.BytesIO(data))
    return pipelines
