"""What a release is made of: one version, every file of data in the wheel, forms that a site can read."""

import re
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import yaml

import sqf_pipeline

ROOT = Path(sqf_pipeline.__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_version_stands_in_one_place_and_elsewhere_as_it_is_there():
    version = PROJECT["project"]["version"]
    assert metadata.version("sqf-pipeline") == version
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"] == version
    assert f"image: sqf-pipeline:{version}\n" in (ROOT / "docker-compose.yml").read_text(encoding="utf-8")


def test_every_file_of_the_package_is_of_a_kind_that_the_wheel_takes():
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "sqf_pipeline"], capture_output=True, text=True, check=True
    )
    packaged = PROJECT["tool"]["setuptools"]["package-data"]["sqf_pipeline"]
    endings = {Path(pattern).suffix or pattern for pattern in packaged} | {".py"}
    others = [name for name in listed.stdout.splitlines() if (Path(name).suffix or Path(name).name) not in endings]
    assert [name for name in others if Path(name).name not in endings] == []


def test_issue_forms_have_what_a_form_needs():
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    for path in forms:
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        if path.stem == "config":
            continue
        assert {"name", "description", "body"} <= set(form), path.name
        fields = [part["id"] for part in form["body"]]
        assert len(fields) == len(set(fields)), path.name
    assert len(forms) == 4


def test_hashed_pins_are_the_pins_and_name_no_index():
    text = (ROOT / "requirements-hashed.txt").read_text(encoding="utf-8")
    hashed = dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^ ;]+)", text, re.MULTILINE))
    pins = re.findall(r"^([^#=]+)==(.+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    pinned = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins}
    other = {
        name: version
        for name, version in hashed.items()
        if pinned.get(re.sub(r"[-_.]+", "-", name).lower(), version) != version
    }
    assert other == {}, "run: make hashes"
    wanted = {
        re.sub(r"[-_.]+", "-", re.split(r"[^A-Za-z0-9._-]", line)[0]).lower()
        for line in PROJECT["project"]["dependencies"]
    }
    assert wanted <= {re.sub(r"[-_.]+", "-", name).lower() for name in hashed}, "run: make hashes"
    assert text.count("--hash=sha256:") > len(hashed) > 50
    assert "://" not in text
