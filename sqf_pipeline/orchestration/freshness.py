"""Whether the newest year has arrived when it should have.

Dagster's newer FreshnessPolicy asks when an asset was last made, not whether the newest year is among what was made;
so the older kind of check is used here, and its deprecation warning is silenced.
"""

import warnings
from collections.abc import Sequence

import dagster as dg

DEADLINE = "0 0 1 6 *"
"""The first of June: NYPD publishes a year around the end of the following March, some years later."""
TIME_ZONE = "America/New_York"


def build_freshness_checks() -> Sequence[dg.AssetChecksDefinition]:
    """Return the check that stops of last year are in by the deadline; it warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dg.build_time_partition_freshness_checks(
            assets=["stops"], deadline_cron=DEADLINE, timezone=TIME_ZONE, severity=dg.AssetCheckSeverity.WARN
        )


def build_freshness_sensor(checks: Sequence[dg.AssetChecksDefinition], *, running: bool = False) -> dg.SensorDefinition:
    """Return the sensor that asks the check once a day; `running` turns it on where the daemon finds it new."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dg.build_sensor_for_freshness_checks(
            freshness_checks=checks,
            name="newest_year_arrived",
            minimum_interval_seconds=24 * 60 * 60,
            default_status=dg.DefaultSensorStatus.RUNNING if running else dg.DefaultSensorStatus.STOPPED,
        )
