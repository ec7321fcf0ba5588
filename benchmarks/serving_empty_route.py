"""A route that reads JSON, checks nothing and asks no model: what Flask and the server cost by themselves."""

import sys

from flask import Flask, Response, jsonify, request


def create_app() -> Flask:
    """Return the application; `/api/generate_arrest_prediction` answers `["0"]` to everybody."""
    app = Flask(__name__)

    @app.route("/api/generate_arrest_prediction", methods=["POST"])
    def answer() -> Response:
        request.get_json()
        return jsonify(["0"])

    @app.route("/readyz")
    def ready() -> Response:
        return jsonify(status="ok")

    return app


def main() -> None:
    """Serve on the port that is named, as ours is served: as many threads, no line for a request that waits."""
    import logging

    import waitress

    from sqf_pipeline.service.server import THREADS

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    waitress.serve(create_app(), host="127.0.0.1", port=int(sys.argv[1]), threads=THREADS)


if __name__ == "__main__":
    main()
