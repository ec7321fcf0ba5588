"""Errors to clients as problem details (RFC 9457), and as a page for people."""

import logging
from http import HTTPStatus

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from sqf_pipeline.service.schemas import FieldProblem, Problem

logger = logging.getLogger(__name__)

PROBLEM_TYPE = "application/problem+json"
_MACHINE_PATHS = ("/api/", "/healthz", "/readyz", "/metrics")
DETAILS = {
    404: "No page or endpoint has this address.",
    405: "This address does not take this method.",
    413: "The request is larger than the service takes.",
    415: "Send the document as application/json.",
    500: "The service met an error of its own; it has been recorded.",
}


def problem(status: int, detail: str, errors: list[FieldProblem] | None = None) -> Response:
    """Return a problem document; `errors` are faults in the client's own document."""
    title = HTTPStatus(status).phrase
    body = Problem(type="about:blank", title=title, status=status, detail=detail, errors=errors or [])
    return Response(body.model_dump_json(), status=status, content_type=PROBLEM_TYPE)


def _answer(status: int, detail: str) -> Response:
    if request.path.startswith(_MACHINE_PATHS):
        return problem(status, detail)
    page = render_template("error.html", status=status, title=HTTPStatus(status).phrase, detail=detail)
    return Response(page, status=status, content_type="text/html; charset=utf-8")


def register_error_handlers(app: Flask) -> None:
    """Make the application answer every error in words of ours, never with a stack trace."""

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response | HTTPException:
        status = error.code or 500
        if status < HTTPStatus.BAD_REQUEST:  # a redirect
            return error
        answer = _answer(status, DETAILS.get(status, HTTPStatus(status).phrase + "."))
        allowed = getattr(error, "valid_methods", None)
        if status == HTTPStatus.METHOD_NOT_ALLOWED and allowed:
            answer.headers["Allow"] = ", ".join(sorted(allowed))
        return answer

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        logger.error("a request to %s failed", request.endpoint, exc_info=error)
        return _answer(500, DETAILS[500])
