"""Python reads this as it starts: a process with this folder in PYTHONPATH fits few trees, and few kinds of model."""

import importlib.util
import sys
from dataclasses import replace
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec


class FewTrees(MetaPathFinder):
    """Make the models small as soon as the pipeline's definitions are there, and for good."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:  # noqa: ARG002 - as the base class has it
        if fullname != "sqf_pipeline.definitions":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_patch(module: object) -> None:
                load(module)
                from sqf_pipeline.orchestration.assets import models
                from sqf_pipeline_tests.modelling_support import small_models

                FewTrees.patches = small_models()
                FewTrees.patches.__enter__()
                # every kind is fitted in e2e/orchestration/test_full_run.py
                tiers = [
                    replace(one, grid=one.grid[:1])
                    for one in models.tier_experiments()
                    if one.estimator == "tuned_forest" or one.name.endswith("-at_stop-boosting")
                ]
                imbalance = models.imbalance_experiments()[:1]
                models.tier_experiments, models.imbalance_experiments = lambda: tiers, lambda: imbalance

            spec.loader.exec_module = load_and_patch
        return spec


sys.meta_path.insert(0, FewTrees())
