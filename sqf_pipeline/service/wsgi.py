"""The application object that gunicorn and other WSGI servers load: `sqf_pipeline.service.wsgi:app`.

What belongs here: reading the settings at this edge. What does not: the application (`app`).
"""

from pathlib import Path

from flask import Flask

from sqf_pipeline.service.app import create_app
from sqf_pipeline.settings import Settings, schema_for_source


def default_folder(settings: Settings) -> Path:
    """Return the folder of exports to serve: of real stops where there is one, else of the sample."""
    folders = [settings.home / "exports" / schema_for_source(source) for source in ("local", "sample")]
    if settings.source == "sample":
        folders.reverse()
    return next((folder for folder in folders if folder.is_dir()), folders[0])


def make_app() -> Flask:
    """Return the application for the settings in force."""
    settings = Settings()
    return create_app(settings.export_dir or default_folder(settings))


def __getattr__(name: str) -> Flask:
    """Make `app` when a server asks for it, so that importing this module has no effect."""
    if name == "app":
        application = make_app()
        globals()["app"] = application
        return application
    raise AttributeError(name)


__all__ = ["default_folder", "make_app"]
