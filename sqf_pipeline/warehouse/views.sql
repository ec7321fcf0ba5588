-- Views that stand alone; those by group are made in `views.py`. Plain SQL with unqualified names: `schema.py` runs it with
-- the schema as search path, and again whenever the text changes. A share is of the stops whose outcome is known.

CREATE OR REPLACE VIEW latest_metrics AS
SELECT m.outcome, m.feature_set, m.estimator, m.resampling, m.calibration, k.*
FROM model_metrics k
JOIN models m USING (test_year, model)
WHERE k.test_year = (SELECT max(newest.test_year) FROM model_metrics newest WHERE newest.model = k.model);
COMMENT ON VIEW latest_metrics IS
    'Metrics of each model on its newest test year, with its description; columns as in models and model_metrics.';
