"""What synthetic years of the old form (UF-250, 2003 to 2016) are made of, under its own names and codes."""

import numpy as np
import pandas as pd
from drawn_variable import AGES, DURATIONS, NULL, OBSERVED, WEIGHTS, Variable, band, chain

STOP_BOXES = ("cs_objcs", "cs_descr", "cs_casng", "cs_lkout", "cs_cloth", "cs_drgtr", "cs_furtv", "cs_vcrim",
              "cs_bulge", "cs_other")  # fmt: skip
CIRCUMSTANCES = ("ac_rept", "ac_inves", "ac_proxm", "ac_evasv", "ac_assoc", "ac_cgdir", "ac_incid", "ac_time",
                 "ac_stsnd", "ac_other")  # fmt: skip
FRISK_BOXES = ("rf_vcrim", "rf_attir", "rf_vcact", "rf_rfcmp", "rf_verbl", "rf_knowl", "rf_furt", "rf_bulg",
               "rf_othsw")  # fmt: skip
SEARCH_BOXES = ("sb_hdobj", "sb_outln", "sb_admis", "sb_other")
FORCE = ("pf_hands", "pf_wall", "pf_grnd", "pf_drwep", "pf_ptwep", "pf_baton", "pf_hcuff", "pf_pepsp", "pf_other")
WEAPONS = {"pistol": "P", "riflshot": "R", "asltweap": "A", "knifcuti": "K", "machgun": "M", "othrweap": "O"}
SIGNS = ("offshld", "offverb", "officrid")
FLAGS = ("explnstp", "othpers", "arstmade", "sumissue", "offunif", "frisked", "searched", "contrabn", "radio")

CONTEXT = ("year", "radio", "detailcm", "patrol_borough", "hour_band", "offunif", "trhsloc", "inout")
AT_STOP = (*CONTEXT, "perobs_band", "othpers", *STOP_BOXES, *CIRCUMSTANCES, "sex", "race", "age_band")
_DURING = ("frisked", "searched", "contrabn", "weapon", "weapon_kinds", "force", *FORCE[:7])

VARIABLES: tuple[Variable, ...] = (
    Variable("radio", ("year", "patrol_borough")),
    Variable("hour", ("year", "radio", "patrol_borough")),
    Variable("detailcm", ("year", "radio", "patrol_borough", "hour_band")),
    Variable("trhsloc", ("year", "detailcm", "precinct", "hour_band")),
    Variable("inout", ("year", "trhsloc", "detailcm", "radio", "patrol_borough")),
    Variable("offunif", ("year", "radio", "detailcm", "trhsloc", "hour_band", "precinct")),
    *chain(SIGNS, ("year", "patrol_borough"), when={"offunif": ["N"]}),
    Variable("command_kind", ("year", "trhsloc", "offunif", "patrol_borough")),
    Variable("supervised_by_own_command", ("year", "command_kind")),
    Variable("perobs_band", ("year", "radio", "detailcm", "offunif")),
    Variable("othpers", ("year", "grouped", "detailcm", "radio")),
    *chain((*STOP_BOXES, *CIRCUMSTANCES), CONTEXT),
    Variable("sex", ("year", "radio", "detailcm", "patrol_borough")),
    Variable("race", ("year", "precinct", "detailcm", "sex", "radio")),
    Variable("age_band", ("year", "detailcm", "sex", "race", "radio", "hour_band", "othpers")),
    Variable("height", ("year", "sex", "age_band", "race")),
    Variable("weight_band", ("year", "sex", "age_band", "height")),
    Variable("build", ("year", "weight_band", "age_band", "sex")),
    Variable("haircolr", ("year", "race", "sex", "age_band", "build")),
    Variable("eyecolor", ("year", "race", "sex", "age_band")),
    Variable("typeofid", ("year", "detailcm", "radio", "age_band", "patrol_borough")),
    Variable("explnstp", ("year", "offunif", "othpers")),
    Variable("frisked", (*AT_STOP, "precinct", "radio*detailcm", "cs_bulge*detailcm")),
    *chain(FRISK_BOXES, (*CONTEXT, *STOP_BOXES, "sex"), when={"frisked": ["Y"]}),
    Variable("searched", (*AT_STOP, "frisked", "precinct", "frisked*detailcm")),
    Variable("contrabn", (*AT_STOP, "frisked", "searched", "frisked*searched")),
    Variable("weapon", (*AT_STOP, "frisked", "searched", "contrabn", "frisked*searched")),
    Variable("weapon_kinds", ("year", "detailcm", "radio", "searched"), when={"weapon": ["Y"]}, otherwise=""),
    Variable("force", (*AT_STOP, "frisked", "searched", "contrabn", "weapon")),
    *chain(FORCE, (*CONTEXT, "frisked", "searched", "weapon"), when={"force": ["Y"]}),
    Variable("forceuse", ("year", "detailcm", "searched", *FORCE[:7]), when={"year": ["2014", "2015"], "force": ["Y"]}),
    Variable("perstop_band", (*AT_STOP, *_DURING)),
    Variable(
        "arstmade",
        (*AT_STOP, *_DURING, "perstop_band", "precinct", "searched*weapon", "searched*contrabn", "searched*detailcm"),
    ),
    *chain(SEARCH_BOXES, (*CONTEXT, "frisked", "contrabn", "weapon", "arstmade"), when={"searched": ["Y"]}),
    Variable("sumissue", (*AT_STOP, *_DURING, "perstop_band", "arstmade", "contrabn*detailcm")),
    Variable("recstat", ("year", "precinct", "arstmade")),
)  # fmt: skip
"""Every variable in drawing order."""

TEXTS: dict[str, tuple[str, str]] = {
    "crimsusp": ("detailcm", r"[A-Z][A-Z ./]{1,18}"), "arstoffn": ("detailcm", r"[A-Z0-9][A-Z0-9 .()]{1,18}"),
    "sumoffen": ("year", r"[A-Z]{3,8}"), "premname": ("inout", r"[A-Z]{3,9}( [A-Z]{3,9})?"),
    "othfeatr": ("year", r"[A-Z]{3,9}|N/A"),
}  # fmt: skip
"""Free texts: the variable by whose levels common ones are drawn, and their form."""

ODD = "odd"
"""The band of an age or weight that nobody has: codes for unknown, and slips of the pen."""


def _with_odd(text: str, edges: tuple[int, ...], low: int, high: int) -> str:
    found = band(text, edges, low, high)
    return ODD if not found and text.isdigit() else found


def latent_old_year(frame: pd.DataFrame, year: int) -> pd.DataFrame:
    """Return every variable of a year of the old form as text; '' marks what is left out of every fit.

    The frame has the published columns as text, their names in small letters.
    """
    cells = frame.apply(lambda column: column.str.strip())
    out: dict[str, pd.Series] = {"year": pd.Series(str(year), index=frame.index)}

    def mapped(name: str, read: object, *extra: object) -> pd.Series:
        unique = {text: read(text, *extra) for text in cells[name].unique()}  # type: ignore[operator]
        return cells[name].map(unique)

    for name in (*FLAGS, *STOP_BOXES, *CIRCUMSTANCES, *FRISK_BOXES, *SEARCH_BOXES, *FORCE, *WEAPONS, *SIGNS):
        out[name] = mapped(name, lambda text: "Y" if text in {"Y", "1", "I", "V", "S"} else "N")
    for name in ("inout", "sex", "race", "build", "haircolr", "eyecolor", "typeofid", "sector"):
        out[name] = cells[name].replace("", NULL)
    out["trhsloc"], out["recstat"] = cells["trhsloc"].replace("", "P"), cells["recstat"].replace("", "A")
    out["forceuse"] = cells["forceuse"].replace("", NULL) if "forceuse" in cells else NULL
    for name in ("detailcm", "pct", "beat", "post"):
        out[name] = mapped(name, lambda text: text.lstrip("0") or NULL)
    out["precinct"] = out["pct"]
    kinds = pd.DataFrame({name: out[name].map({"Y": letter, "N": ""}) for name, letter in WEAPONS.items()})
    out["weapon_kinds"] = kinds.agg("".join, axis=1)
    out["weapon"] = pd.Series(np.where(out["weapon_kinds"] != "", "Y", "N"), index=frame.index)
    out["force"] = (pd.DataFrame({n: out[n] for n in FORCE}) == "Y").any(axis=1).map({True: "Y", False: "N"})
    own = mapped("repcmd", lambda text: text.lstrip("0")) == out["precinct"]
    out["_command"] = cells["repcmd"]
    numbers = pd.to_numeric(cells["repcmd"], errors="coerce")
    command = np.select([own, numbers <= 123, numbers < 800], ["own", "precinct", "borough"], "eight_hundred")
    out["command_kind"] = pd.Series(command, index=frame.index)
    out["supervised_by_own_command"] = (cells["repcmd"] == cells["revcmd"]).map({True: "Y", False: "N"})
    clock = cells["timestop"].str.zfill(4)
    out["hour"] = clock.str[:2].where(clock < "2400").map(lambda t: "" if pd.isna(t) else str(int(t)))
    out["_minute"] = clock.str[2:].where(clock.str[2:] < "60", "").map(lambda t: t and str(int(t)))
    out["age_band"] = mapped("age", _with_odd, AGES, 10, 80)
    out["weight_band"] = mapped("weight", _with_odd, WEIGHTS, 80, 350)
    minutes = mapped("perobs", lambda text: str(int(float(text) + 0.5)))
    out["perobs_band"] = minutes.map(lambda text: band(text, OBSERVED, 0, 300))
    out["perstop_band"] = mapped("perstop", band, DURATIONS, 0, 240).replace(NULL, "")
    out["height"] = (cells["ht_feet"].astype(int) * 12 + cells["ht_inch"].astype(int)).astype(str)
    out |= {f"_{name}": cells[name] for name in ("age", "weight", "perstop", *TEXTS)}
    dates = pd.to_datetime(cells["datestop"].str.zfill(8), format="%m%d%Y")
    out["_perobs"], out["_month"], out["_weekday"] = minutes, dates.dt.month_name(), dates.dt.day_name()
    out["_date"], out["_time"], out["_x"], out["_y"] = (
        cells[name] for name in ("datestop", "timestop", "xcoord", "ycoord")
    )
    return pd.DataFrame(out)
