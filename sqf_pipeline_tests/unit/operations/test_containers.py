"""The container set-up keeps its promises: nothing open, nothing default, nothing root, nothing unpinned."""

import fnmatch
import json
import re
import stat
from importlib import metadata

import pytest
import yaml

from sqf_pipeline_tests.compose import (
    REPOSITORY,
    MissingVariableError,
    dockerfile_instructions,
    image_environment,
    interpolate,
    load_compose,
    read_env_file,
)

PASSWORDS = ("SQF_POSTGRES_PASSWORD", "SQF_DATABASE_PASSWORD", "SQF_DAGSTER_PASSWORD")
EXAMPLE = read_env_file(REPOSITORY / "deploy" / "env.example")
FILLED = {**EXAMPLE, **{name: f"{name.lower().replace('_', '')}value" for name in PASSWORDS}}
SERVICES = load_compose(FILLED)["services"]
PIPELINE_SERVICES = sorted(set(SERVICES) - {"postgres"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "a"), ("$A", "a"), ("x${A}y", "xay"), ("${EMPTY:-b}", "b"), ("${EMPTY-b}", ""), ("${NONE:-b}", "b"),
        ("$$A", "$A"), ("${NONE}", ""), ("${A:?no}", "a"),
    ],
)  # fmt: skip
def test_variables_are_replaced_as_compose_does(text, expected):
    assert interpolate(text, {"A": "a", "EMPTY": ""}) == expected


def test_the_services_are_those_of_the_architecture():
    assert list(SERVICES) == ["postgres", "code-server", "webserver", "daemon", "service"]


@pytest.mark.parametrize("name", PASSWORDS)
def test_nothing_starts_without_a_password(name):
    assert EXAMPLE[name] == "", "the example has no password that could stay"
    for variables in ({**FILLED, name: ""}, {key: value for key, value in FILLED.items() if key != name}):
        with pytest.raises(MissingVariableError, match=f"{name}: set it in .env"):
            load_compose(variables)


def test_no_password_is_written_in_a_file():
    for file in ("docker-compose.yml", "Dockerfile", "deploy/dagster.yaml", "deploy/workspace.yaml"):
        text = (REPOSITORY / file).read_text(encoding="utf-8")
        for line in text.splitlines():
            if re.search(r"password", line, re.IGNORECASE) and not line.lstrip().startswith("#"):
                assert "${SQF_" in line or "{env: SQF_" in line, f"{file}: {line}"
    assert ".env" in (REPOSITORY / ".gitignore").read_text(encoding="utf-8").split()


def test_each_service_knows_only_the_passwords_it_needs():
    known = {
        name: {variable for variable in PASSWORDS if FILLED[variable] in json.dumps(service["environment"])}
        for name, service in SERVICES.items()
    }
    assert known == {
        "postgres": set(PASSWORDS),
        "code-server": {"SQF_DATABASE_PASSWORD", "SQF_DAGSTER_PASSWORD"},
        "webserver": {"SQF_DAGSTER_PASSWORD"},
        "daemon": {"SQF_DAGSTER_PASSWORD"},
        "service": set(),
    }


def test_only_the_two_web_ports_are_open_and_only_on_this_machine():
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"webserver": ["127.0.0.1:3000:3000"], "service": ["127.0.0.1:8000:8000"]}
    assert not any("network_mode" in service or "expose" in service for service in SERVICES.values())
    assert {tuple(service["networks"]) for service in SERVICES.values()} == {("inside",)}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_confined(name):
    service = SERVICES[name]
    assert service["user"] not in ("", "root", "0", "0:0")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["restart"] == "unless-stopped"
    assert "docker.sock" not in json.dumps(service)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_a_health_check_of_its_own_command(name):
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert len(check["test"]) > 1
    assert {"interval", "timeout", "start_period", "retries"} <= set(check)
    assert not check.get("disable")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_until_what_it_needs_is_healthy(name):
    needed = SERVICES[name].get("depends_on", {})
    assert all(how == {"condition": "service_healthy"} for how in needed.values())
    assert set(needed) == {
        "postgres": set(), "code-server": {"postgres"}, "webserver": {"postgres", "code-server"},
        "daemon": {"postgres", "code-server", "webserver"}, "service": set(),
    }[name]  # fmt: skip


def test_volumes_are_named_and_the_service_cannot_change_an_export():
    declared = set(load_compose(FILLED)["volumes"])
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert {name for name in used if not name.startswith("./")} == declared
    assert SERVICES["service"]["volumes"] == ["exports:/srv/sqf/home/exports:ro"]
    assert SERVICES["webserver"]["volumes"] == ["logs:/srv/sqf/logs:ro"]
    for volume in SERVICES["postgres"]["volumes"]:
        source, *_, last = volume.split(":")
        if source.startswith("./"):
            script = REPOSITORY / source
            assert last == "ro"
            assert script.stat().st_mode & stat.S_IXUSR, "the image runs executable scripts and sources others"


@pytest.mark.parametrize("stage", range(2))
def test_images_are_pinned_to_a_release(stage):
    image = dockerfile_instructions()[stage][0][1].split()[0]
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", image)
    assert re.fullmatch(r"postgres:\d+\.\d+", SERVICES["postgres"]["image"])


def test_the_image_is_of_the_package_version():
    assert {SERVICES[name]["image"] for name in PIPELINE_SERVICES} == {
        f"sqf-pipeline:{metadata.version('sqf-pipeline')}"
    }


def test_the_image_installs_pinned_packages_and_runs_as_nobody_in_particular():
    build, run = dockerfile_instructions()
    installs = [rest for name, rest in build if name == "RUN" and " install " in rest]
    assert installs
    assert all("--constraint constraints.txt" in rest for rest in installs)
    users = [rest for name, rest in run if name == "USER"]
    assert users == ["10001:10001"]
    assert {SERVICES[name]["user"] for name in PIPELINE_SERVICES} == set(users)
    assert [name for name, _ in run].index("USER") > [name for name, _ in run].index("COPY")
    assert any(name == "HEALTHCHECK" for name, _ in run)
    assert not any(name in ("ARG", "ADD") for stage in (build, run) for name, _ in stage)
    assert not [name for name in image_environment() if "PASSWORD" in name or "URL" in name]


def test_what_the_image_copies_is_there_and_is_not_ignored():
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").split("\n")
    allowed = [line[1:] for line in ignored if line.startswith("!")]
    copied = [
        source
        for stage in dockerfile_instructions()
        for name, rest in stage
        if name == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert {"sqf_pipeline", "constraints.txt", "deploy/dagster.yaml"} <= set(copied)
    for source in copied:
        assert (REPOSITORY / source).exists(), source
        assert any(fnmatch.fnmatch(source, pattern) for pattern in allowed), f"{source} is in .dockerignore"
    assert ignored[1] == "*", "everything else stays outside: data, results, .env, history"


def test_folders_of_the_settings_are_volumes():
    environment = image_environment()
    mounted = {volume.split(":")[1] for volume in SERVICES["code-server"]["volumes"]}
    assert {environment["SQF_HOME"], environment["SQF_DATA_DIR"], environment["SQF_DAGSTER_LOGS"]} <= mounted
    assert f"{environment['SQF_HOME']}/exports" in mounted


def test_dagster_keeps_its_history_in_postgres_and_tells_nobody(monkeypatch, tmp_path):
    from dagster import DagsterInstance
    from dagster._core.instance.config import dagster_instance_config

    text = (REPOSITORY / "deploy" / "dagster.yaml").read_text(encoding="utf-8")
    (tmp_path / "dagster.yaml").write_text(text, encoding="utf-8")
    given = {"SQF_DAGSTER_HOST": "h", "SQF_DAGSTER_PORT": "5", "SQF_DAGSTER_PASSWORD": "p", "SQF_DAGSTER_LOGS": "l"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    configuration, _ = dagster_instance_config(str(tmp_path))  # refuses what Dagster does not know
    assert DagsterInstance
    assert configuration["telemetry"] == {"enabled": False}
    assert configuration["concurrency"]["runs"]["max_concurrent_runs"] == 1
    assert configuration["run_monitoring"]["max_runtime_seconds"] > 0
    postgres = configuration["storage"]["custom"]["config"]["postgres_db"]
    assert postgres["scheme"] == "postgresql+psycopg2"
    assert set(re.findall(r"env: (\w+)", text)) <= set(SERVICES["webserver"]["environment"]) | set(image_environment())


def test_the_workspace_is_the_code_server():
    workspace = yaml.safe_load((REPOSITORY / "deploy" / "workspace.yaml").read_text(encoding="utf-8"))
    server = workspace["load_from"][0]["grpc_server"]
    command = SERVICES[server["host"]]["command"]
    assert command[command.index("--port") + 1] == str(server["port"])
