"""A service in the design of the 2021 study, to hold ours against.

What belongs here: Flask, a forest loaded by joblib, a DataFrame made for every request, nothing checked: the design as
the study had it, on the same server (waitress) and as many threads as ours, so that the design alone is compared.
What does not: the study's models and figures (`sqf_pipeline.study_2021.replication`).
"""

import sys
from pathlib import Path
from typing import Any


def create_app(model_file: Path, names: list[str], fields: dict[str, str]) -> Any:
    """Return the application; `fields` maps what clients send to the columns `names` of the model."""
    import joblib
    import pandas as pd
    from flask import Flask, jsonify, request

    app = Flask(__name__)
    model = joblib.load(model_file)

    @app.route("/api/generate_arrest_prediction", methods=["POST"])
    def predict() -> Any:
        sent = request.get_json(force=True)
        row = {fields[field]: [float(value)] for field, value in sent.items()}
        return jsonify([str(int(answer)) for answer in model.predict(pd.DataFrame(row)[names])])

    @app.route("/readyz")
    def ready() -> Any:
        return jsonify(status="ok")

    return app


def main() -> None:
    """Serve: model file, port."""
    import waitress

    from sqf_pipeline.registry.outcomes import STUDY_FIELDS
    from sqf_pipeline.service.server import THREADS

    fields = STUDY_FIELDS["arrest"]
    app = create_app(Path(sys.argv[1]), list(fields.values()), fields)
    waitress.serve(app, host="127.0.0.1", port=int(sys.argv[2]), threads=THREADS)


if __name__ == "__main__":
    main()
