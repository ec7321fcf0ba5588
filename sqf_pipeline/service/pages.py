"""The pages for people."""

import csv
import hashlib
import io
import re
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

from flask import Blueprint, Flask, Response, abort, render_template, request, url_for
from pydantic_core import to_json

from sqf_pipeline.display import TEXT_FORMATS, markdown_to_html, metric_text
from sqf_pipeline.registry.metric_definitions import metrics_in
from sqf_pipeline.registry.outcomes import OUTCOME_WORDS, STUDY_OUTCOMES, TIER_ENTRIES, Outcome, model_order
from sqf_pipeline.registry.year_and_month_words import year_words
from sqf_pipeline.service.analysis_table import AnalysisTable
from sqf_pipeline.service.forms import read_form, start_form
from sqf_pipeline.service.loaded_bundle import Service
from sqf_pipeline.service.openapi import build_document, operations_of
from sqf_pipeline.service.places import PLACE_FIELDS, PLACES_TABLE, places_of

SECTIONS = {"stops": "The stops", "models": "The models", "people": "Groups of people", "study": "The study of 2021"}
MOST_ROWS = 200
"""Most rows of a table on a page; a download holds all."""
_ALIGNMENTS = {"left": "text-start", "center": "text-center", "right": "number"}
_LONG = "public, max-age=31536000, immutable"
_HERE = Path(__file__).parent


@cache
def asset_files() -> dict[str, tuple[Path, str]]:
    """Return the files that pages load, by the name they are served under, with their content type.

    Bootstrap comes from the package Bootstrap-Flask and D3 from mpld3; both are found without being imported.
    """
    bootstrap = _package_folder("flask_bootstrap") / "static" / "bootstrap5"
    return {
        "bootstrap.min.css": (bootstrap / "css" / "bootstrap.min.css", "text/css; charset=utf-8"),
        "bootstrap.min.js": (bootstrap / "js" / "bootstrap.min.js", "text/javascript; charset=utf-8"),
        "d3.min.js": (_package_folder("mpld3") / "js" / "d3.v5.min.js", "text/javascript; charset=utf-8"),
        **{
            f"{name}.js": (_HERE / "static" / f"{name}.js", "text/javascript; charset=utf-8")
            for name in ("theme", "charts", "precincts", "place_map")
        },
        "site.css": (_HERE / "static" / "site.css", "text/css; charset=utf-8"),
        "icon.svg": (_HERE / "static" / "icon.svg", "image/svg+xml"),
    }


def _package_folder(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"the package {name}, whose files the pages need, is not installed")
    return Path(spec.origin).parent


@cache
def _asset(name: str) -> tuple[bytes, str, str]:
    path, kind = asset_files()[name]
    data = path.read_bytes()
    return data, kind, hashlib.sha256(data).hexdigest()[:12]


def asset_url(name: str) -> str:
    """Return the address of a file with a mark of its content, so that browsers may keep it for good."""
    return url_for("pages.asset", name=name, v=_asset(name)[2])


def register_pages(app: Flask, service: Service) -> None:
    """Add every page to an application."""
    blueprint = Blueprint("pages", __name__)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["metric_text"] = metric_text
    app.context_processor(
        lambda: {
            "asset_url": asset_url, "manifest": service.manifest, "outcome_words": OUTCOME_WORDS,
            "tier_entries": TIER_ENTRIES, "is_sample": service.manifest.source == "sample",
            "endpoints_present": app.view_functions, "most_rows": MOST_ROWS,
            "text_formats": TEXT_FORMATS, "place_fields": PLACE_FIELDS,
            "training_words": year_words(sorted(service.manifest.training_years)),
            "has_places": PLACES_TABLE in service.analysis,
            "outcome_pages": [(name, OUTCOME_WORDS[name]["title"]) for name in STUDY_OUTCOMES],
        }
    )  # fmt: skip
    for name in asset_files():
        _asset(name)  # a missing file is found at the start, not by a visitor
    _add_home(blueprint, service)
    _add_forms(blueprint, service)
    _add_analysis(blueprint, service)
    _add_reading(blueprint, service)
    app.register_blueprint(blueprint)


def _add_home(blueprint: Blueprint, service: Service) -> None:
    @blueprint.get("/")
    def home() -> str:
        results = sorted(service.manifest.models, key=lambda entry: model_order(entry.outcome, entry.tier))
        counts = sorted({len(entry.fields) for entry in results})
        return render_template("home.html", results=results, metrics=metrics_in("home"), field_counts=counts)

    @blueprint.get("/assets/<name>")
    def asset(name: str) -> Response:
        if name not in asset_files():
            abort(404)
        data, kind, mark = _asset(name)
        caching = {"Cache-Control": _LONG if request.args.get("v") == mark else "public, max-age=300"}
        return Response(data, content_type=kind, headers=caching)

    @blueprint.get("/favicon.ico")
    def favicon() -> Response:
        return asset("icon.svg")


def _add_forms(blueprint: Blueprint, service: Service) -> None:
    places = places_of(service.analysis.get(PLACES_TABLE))

    def add(outcome: Outcome) -> None:
        tiers = tuple(reversed(service.tiers(outcome)))  # what is known first

        @blueprint.route(f"/{outcome}", endpoint=outcome, methods=["GET", "POST"])
        def form() -> Response:
            tier = next((name for name in tiers if name == request.values.get("tier")), tiers[0])
            predictor = service.predictors[outcome, tier]
            sent = request.method == "POST"
            state = read_form(predictor, request.form, places) if sent else start_form(predictor, places)
            page = render_template(
                "form.html", outcome=outcome, tier=tier, tiers=tiers, entry=predictor.entry, form=state
            )
            return Response(page, status=422 if state.errors else 200, content_type="text/html; charset=utf-8")

    for outcome in STUDY_OUTCOMES:
        if service.tiers(outcome):
            add(outcome)


def _add_analysis(blueprint: Blueprint, service: Service) -> None:
    def tables_of(section: str) -> list[AnalysisTable]:
        return [table for table in service.analysis.values() if table.section == section]

    @blueprint.get("/analysis")
    def analysis() -> str:
        tables = {section: tables_of(section) for section in SECTIONS}
        return render_template("analysis.html", sections=SECTIONS, tables=tables)

    def of_section(section: str) -> str:
        return render_template(f"{section}.html", tables=tables_of(section))

    for section in ("faults", "treatment"):
        blueprint.add_url_rule(f"/{section}", section, partial(of_section, section))

    @blueprint.get("/analysis/<name>.<extension>")
    def download(name: str, extension: str) -> Response:
        table = service.analysis.get(name)
        if table is None or extension not in ("csv", "json"):
            abort(404)
        if extension == "json":
            return Response(table.model_dump_json(), content_type="application/json")
        disposition = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return Response(table_to_csv(table), content_type="text/csv; charset=utf-8", headers=disposition)


def table_to_csv(table: AnalysisTable) -> str:
    """Return a table as CSV with its column names; text that a spreadsheet would run as a formula is disarmed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    for row in table.rows:
        writer.writerow(
            [f"'{cell}" if isinstance(cell, str) and cell[:1] in "=+-@\t" and cell else cell for cell in row]
        )
    return out.getvalue()


def render_card(markdown: str) -> str:
    """Return a model card as HTML; HTML inside its Markdown is shown as text, never obeyed.

    Alignment becomes a class, because the policy refuses styles in attributes; a wide table scrolls by itself and
    can be reached by keyboard; links lead to other pages only by http, https or within the page.
    """
    frame = '<div class="table-responsive" tabindex="0" role="region" aria-label="Table {}">'
    table = '<table class="table table-sm">'
    html = markdown_to_html(markdown, opening=frame + table, closing="</table></div>", strikethrough=True)
    html = re.sub(r' style="text-align:(left|center|right)"', lambda found: f' class="{_ALIGNMENTS[found[1]]}"', html)
    return _with_contents(html)


def _with_contents(html: str) -> str:
    """Give every second-level heading a name, and put a list of them before the first."""
    titles: list[str] = []

    def name_heading(found: re.Match[str]) -> str:
        titles.append(found[1])
        return f'<h2 id="part-{len(titles)}">{found[1]}</h2>'

    named = re.sub(r"<h2>(.*?)</h2>", name_heading, html)
    if len(titles) < 3:
        return named
    links = "".join(f'<li><a href="#part-{place}">{title}</a></li>' for place, title in enumerate(titles, start=1))
    contents = f'<nav aria-label="Parts of the card"><ol class="contents">{links}</ol></nav>'
    start = named.index("<h2 ")
    return named[:start] + contents + named[start:]


def _add_reading(blueprint: Blueprint, service: Service) -> None:
    document = build_document(service)
    openapi = to_json(document)
    card = None if service.model_card is None else render_card(service.model_card)

    @blueprint.get("/model-card")
    def model_card() -> str:
        return render_template("model_card.html", card=card)

    @blueprint.get("/model-card.md")
    def download_card() -> Response:
        if service.model_card is None:
            abort(404)
        headers = {"Content-Disposition": 'attachment; filename="model_card.md"'}
        return Response(service.model_card, content_type="text/markdown; charset=utf-8", headers=headers)

    @blueprint.get("/api", endpoint="api")
    def api_page() -> str:
        return render_template("api.html", operations=operations_of(document), info=document["info"])

    @blueprint.get("/api/openapi.json", endpoint="openapi")
    def openapi_document() -> Response:
        root = request.script_root
        data = to_json(document | {"servers": [{"url": root}]}) if root else openapi
        return Response(data, content_type="application/json")
