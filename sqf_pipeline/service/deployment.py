"""How the service stands in a network: its prefix, the proxies before it, its limit, and what browsers may do."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",  # Bootstrap's own icons are data: images
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=(), interest-cohort=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",  # browsers heed it over HTTPS alone
    "Cache-Control": "no-store",
}


def register_security_headers(app: Flask) -> None:
    """Put the policy on every answer of an application."""

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response


API = "/api/"
_PREFIX = re.compile(r"(/(?!\.+(/|$))[A-Za-z0-9._~-]+)*")
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "600",
}


@dataclass(frozen=True)
class Deployment:
    """What is set where the service runs."""

    cors_origins: tuple[str, ...] = ()
    """Origins, `https://host:port`, whose pages may use the interface from a browser; `*` is every one."""
    largest_request: int = 1_048_576
    """Largest request body, in bytes: by default about three times what the longest list of stops needs."""
    prefix: str = ""  # path under which the service is reached, such as `/stops`; empty for the root
    trusted_proxies: int = 0
    """Proxies before the service whose `X-Forwarded-*` headers are believed, the prefix among them."""


DIRECT = Deployment()  # reached directly, at the root, by pages of its own


def believe_proxies(app: Flask, trusted: int) -> None:
    """Let an application take address, scheme, host and prefix from the headers of its trusted proxies.

    A prefix that is no path is passed over: many proxies hand on what a client says of it.
    """
    answer = app.wsgi_app

    def checked(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        prefix = environ["SCRIPT_NAME"].rstrip("/")
        fits = _PREFIX.fullmatch(prefix)
        environ["SCRIPT_NAME"] = prefix if fits else environ["werkzeug.proxy_fix.orig"]["SCRIPT_NAME"]
        return answer(environ, start_response)

    if trusted:
        app.wsgi_app = ProxyFix(checked, trusted, trusted, trusted, trusted, trusted)  # type: ignore[method-assign]


def register_cors(app: Flask, origins: tuple[str, ...]) -> None:
    """Let pages of other origins use the interface: not the pages, and without cookies, of which there are none."""
    if not origins:
        return

    @app.after_request
    def allow(response: Response) -> Response:
        if request.path.startswith(API):
            response.vary.add("Origin")
            origin = request.headers.get("Origin", "")
            if origin and ("*" in origins or origin in origins):
                response.headers["Access-Control-Allow-Origin"] = origin
                response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
                if "Access-Control-Request-Method" in request.headers:
                    response.headers.update(_PREFLIGHT)
        return response
