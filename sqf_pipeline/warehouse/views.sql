-- Views for the questions people ask. Plain SQL with unqualified names: `schema.py` runs it with the schema as search
-- path, and again whenever this text changes. A share is of the stops whose outcome is known.

CREATE OR REPLACE VIEW latest_metrics AS
SELECT m.outcome, m.feature_set, m.estimator, m.resampling, m.calibration, k.*
FROM model_metrics k
JOIN models m USING (test_year, model)
WHERE k.test_year = (SELECT max(newest.test_year) FROM model_metrics newest WHERE newest.model = k.model);
COMMENT ON VIEW latest_metrics IS
    'Measures of each model on its newest test year, with what the model is; columns as in models and model_metrics.';

CREATE OR REPLACE VIEW outcomes_by_year AS
SELECT
    year,
    count(*) AS stops,
    count(*) FILTER (WHERE arrested) AS arrests,
    count(*) FILTER (WHERE summons_issued) AS summonses,
    round(avg(arrested::int), 4)::double precision AS arrest_share,
    round(avg(summons_issued::int), 4)::double precision AS summons_share
FROM stops
GROUP BY year;
COMMENT ON VIEW outcomes_by_year IS 'Stops, arrests and summonses by year.';
COMMENT ON COLUMN outcomes_by_year.year IS 'Calendar year of the stops.';
COMMENT ON COLUMN outcomes_by_year.stops IS 'Persons stopped.';
COMMENT ON COLUMN outcomes_by_year.arrests IS 'Stops that ended with an arrest.';
COMMENT ON COLUMN outcomes_by_year.summonses IS 'Stops that ended with a summons.';
COMMENT ON COLUMN outcomes_by_year.arrest_share IS 'Arrests as a share of the stops where that is known.';
COMMENT ON COLUMN outcomes_by_year.summons_share IS 'Summonses as a share of the stops where that is known.';

CREATE OR REPLACE VIEW outcomes_by_borough AS
SELECT
    year, borough,
    count(*) AS stops,
    count(*) FILTER (WHERE arrested) AS arrests,
    count(*) FILTER (WHERE summons_issued) AS summonses,
    round(avg(arrested::int), 4)::double precision AS arrest_share,
    round(avg(summons_issued::int), 4)::double precision AS summons_share
FROM stops
GROUP BY year, 2;
COMMENT ON VIEW outcomes_by_borough IS 'Stops, arrests and summonses by year and borough.';
COMMENT ON COLUMN outcomes_by_borough.year IS 'Calendar year of the stops.';
COMMENT ON COLUMN outcomes_by_borough.borough IS 'Borough of the stops; null is unknown.';
COMMENT ON COLUMN outcomes_by_borough.stops IS 'Persons stopped.';
COMMENT ON COLUMN outcomes_by_borough.arrests IS 'Stops that ended with an arrest.';
COMMENT ON COLUMN outcomes_by_borough.summonses IS 'Stops that ended with a summons.';
COMMENT ON COLUMN outcomes_by_borough.arrest_share IS 'Arrests as a share of the stops where that is known.';
COMMENT ON COLUMN outcomes_by_borough.summons_share IS 'Summonses as a share of the stops where that is known.';

CREATE OR REPLACE VIEW outcomes_by_precinct AS
SELECT
    year, precinct,
    count(*) AS stops,
    count(*) FILTER (WHERE arrested) AS arrests,
    count(*) FILTER (WHERE summons_issued) AS summonses,
    round(avg(arrested::int), 4)::double precision AS arrest_share,
    round(avg(summons_issued::int), 4)::double precision AS summons_share
FROM stops
GROUP BY year, 2;
COMMENT ON VIEW outcomes_by_precinct IS 'Stops, arrests and summonses by year and precinct.';
COMMENT ON COLUMN outcomes_by_precinct.year IS 'Calendar year of the stops.';
COMMENT ON COLUMN outcomes_by_precinct.precinct IS 'Police precinct of the stops; null is unknown.';
COMMENT ON COLUMN outcomes_by_precinct.stops IS 'Persons stopped.';
COMMENT ON COLUMN outcomes_by_precinct.arrests IS 'Stops that ended with an arrest.';
COMMENT ON COLUMN outcomes_by_precinct.summonses IS 'Stops that ended with a summons.';
COMMENT ON COLUMN outcomes_by_precinct.arrest_share IS 'Arrests as a share of the stops where that is known.';
COMMENT ON COLUMN outcomes_by_precinct.summons_share IS 'Summonses as a share of the stops where that is known.';

CREATE OR REPLACE VIEW outcomes_by_race AS
SELECT
    year, suspect_race AS race,
    count(*) AS stops,
    count(*) FILTER (WHERE arrested) AS arrests,
    count(*) FILTER (WHERE summons_issued) AS summonses,
    round(avg(arrested::int), 4)::double precision AS arrest_share,
    round(avg(summons_issued::int), 4)::double precision AS summons_share
FROM stops
GROUP BY year, 2;
COMMENT ON VIEW outcomes_by_race IS 'Stops, arrests and summonses by year and recorded race or ethnicity.';
COMMENT ON COLUMN outcomes_by_race.year IS 'Calendar year of the stops.';
COMMENT ON COLUMN outcomes_by_race.race IS 'Race or ethnicity as recorded by the officer; null is unknown.';
COMMENT ON COLUMN outcomes_by_race.stops IS 'Persons stopped.';
COMMENT ON COLUMN outcomes_by_race.arrests IS 'Stops that ended with an arrest.';
COMMENT ON COLUMN outcomes_by_race.summonses IS 'Stops that ended with a summons.';
COMMENT ON COLUMN outcomes_by_race.arrest_share IS 'Arrests as a share of the stops where that is known.';
COMMENT ON COLUMN outcomes_by_race.summons_share IS 'Summonses as a share of the stops where that is known.';

CREATE OR REPLACE VIEW outcomes_by_hour AS
SELECT
    year, stop_time_seconds / 3600 AS hour,
    count(*) AS stops,
    count(*) FILTER (WHERE arrested) AS arrests,
    count(*) FILTER (WHERE summons_issued) AS summonses,
    round(avg(arrested::int), 4)::double precision AS arrest_share,
    round(avg(summons_issued::int), 4)::double precision AS summons_share
FROM stops
GROUP BY year, 2;
COMMENT ON VIEW outcomes_by_hour IS 'Stops, arrests and summonses by year and hour of the day.';
COMMENT ON COLUMN outcomes_by_hour.year IS 'Calendar year of the stops.';
COMMENT ON COLUMN outcomes_by_hour.hour IS 'Hour of the day, 0 to 23; null is unknown.';
COMMENT ON COLUMN outcomes_by_hour.stops IS 'Persons stopped.';
COMMENT ON COLUMN outcomes_by_hour.arrests IS 'Stops that ended with an arrest.';
COMMENT ON COLUMN outcomes_by_hour.summonses IS 'Stops that ended with a summons.';
COMMENT ON COLUMN outcomes_by_hour.arrest_share IS 'Arrests as a share of the stops where that is known.';
COMMENT ON COLUMN outcomes_by_hour.summons_share IS 'Summonses as a share of the stops where that is known.';

CREATE OR REPLACE VIEW outcomes_by_weekday AS
SELECT
    year, weekday,
    count(*) AS stops,
    count(*) FILTER (WHERE arrested) AS arrests,
    count(*) FILTER (WHERE summons_issued) AS summonses,
    round(avg(arrested::int), 4)::double precision AS arrest_share,
    round(avg(summons_issued::int), 4)::double precision AS summons_share
FROM stops
GROUP BY year, 2;
COMMENT ON VIEW outcomes_by_weekday IS 'Stops, arrests and summonses by year and day of the week.';
COMMENT ON COLUMN outcomes_by_weekday.year IS 'Calendar year of the stops.';
COMMENT ON COLUMN outcomes_by_weekday.weekday IS 'Day of the week, Monday is 1; null is unknown.';
COMMENT ON COLUMN outcomes_by_weekday.stops IS 'Persons stopped.';
COMMENT ON COLUMN outcomes_by_weekday.arrests IS 'Stops that ended with an arrest.';
COMMENT ON COLUMN outcomes_by_weekday.summonses IS 'Stops that ended with a summons.';
COMMENT ON COLUMN outcomes_by_weekday.arrest_share IS 'Arrests as a share of the stops where that is known.';
COMMENT ON COLUMN outcomes_by_weekday.summons_share IS 'Summonses as a share of the stops where that is known.';

CREATE OR REPLACE VIEW outcomes_by_month AS
SELECT
    year, month,
    count(*) AS stops,
    count(*) FILTER (WHERE arrested) AS arrests,
    count(*) FILTER (WHERE summons_issued) AS summonses,
    round(avg(arrested::int), 4)::double precision AS arrest_share,
    round(avg(summons_issued::int), 4)::double precision AS summons_share
FROM stops
GROUP BY year, 2;
COMMENT ON VIEW outcomes_by_month IS 'Stops, arrests and summonses by year and month.';
COMMENT ON COLUMN outcomes_by_month.year IS 'Calendar year of the stops.';
COMMENT ON COLUMN outcomes_by_month.month IS 'Month, January is 1; null is unknown.';
COMMENT ON COLUMN outcomes_by_month.stops IS 'Persons stopped.';
COMMENT ON COLUMN outcomes_by_month.arrests IS 'Stops that ended with an arrest.';
COMMENT ON COLUMN outcomes_by_month.summonses IS 'Stops that ended with a summons.';
COMMENT ON COLUMN outcomes_by_month.arrest_share IS 'Arrests as a share of the stops where that is known.';
COMMENT ON COLUMN outcomes_by_month.summons_share IS 'Summonses as a share of the stops where that is known.';

