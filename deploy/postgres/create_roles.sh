#!/bin/sh
# Run once by the postgres image, when its data folder is empty: one database and one role for the pipeline's tables, one of
# each for Dagster's history. Neither role can reach the other's database; `sqf` may make roles, for people who read
# the tables (`sqf db grant-reader`). Passwords are read from the environment by psql itself (\getenv), so that none
# appears in a list of processes.
set -eu
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv sqf_password SQF_DATABASE_PASSWORD
\getenv dagster_password SQF_DAGSTER_PASSWORD
CREATE ROLE sqf LOGIN CREATEROLE PASSWORD :'sqf_password';
CREATE ROLE dagster LOGIN PASSWORD :'dagster_password';
CREATE DATABASE sqf OWNER sqf;
CREATE DATABASE dagster OWNER dagster;
REVOKE ALL ON DATABASE sqf, dagster, postgres, template1 FROM PUBLIC;
SQL
