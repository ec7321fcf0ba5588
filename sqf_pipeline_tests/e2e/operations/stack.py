"""The services of docker-compose.yml as processes of this machine, for where there is no Docker engine.

What belongs here: what Docker would do: the environment of the image and of the service, mounted files, the entry
point of the postgres image, health checks, order of start and stop. Commands and checks are those of the file; only
host names, ports and paths are exchanged for local ones. What does not: what the services are asked (the test).
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqf_pipeline.warehouse.postgres_programs import Programs, programs_for
from sqf_pipeline.warehouse.server_account import Account, account_for
from sqf_pipeline_tests.compose import REPOSITORY, image_environment, load_compose
from sqf_pipeline_tests.pipeline_support import FEW_TREES
from sqf_pipeline_tests.waiting import PATIENCE

PORTS = ("5432", "4000", "3000", "8000")
HOSTS = ("postgres", "code-server")
# What `cap_drop: [ALL]` and `no-new-privileges` do: then even root writes only where permissions let it.
WITHOUT_CAPABILITIES = (
    ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--"]
    if os.geteuid() == 0 and shutil.which("setpriv")
    else []
)
HEALTH_SECONDS = PATIENCE


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 on which nobody listens."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _as_docker_starts() -> None:
    """Let an interrupt do what it does by default.

    Of tests that run in the background SIGINT is ignored, and Dagster's code server then ignores SIGTERM with it.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass
class Stack:
    """Services under way.

    Attributes
    ----------
    variables
        What would stand in `.env`.
    folder
        Where volumes, copies of mounted files and logs are.
    account
        Who runs PostgreSQL, which refuses to be root's.
    """

    variables: dict[str, str]
    folder: Path
    account: Account
    programs: Programs
    ports: dict[str, int] = field(default_factory=lambda: dict(zip(PORTS, free_ports(len(PORTS)), strict=True)))
    processes: dict[str, subprocess.Popen] = field(default_factory=dict)
    seconds_until_healthy: dict[str, float] = field(default_factory=dict)

    @classmethod
    def create(cls, variables: dict[str, str]) -> "Stack":
        """Make the folders that the account can use; nothing is started."""
        account = account_for(None)
        folder = Path(tempfile.mkdtemp(prefix="sqf-containers-"))
        folder.chmod(0o755)
        programs = programs_for(account, folder, None)
        stack = cls(variables, folder, account, programs)
        for name in ("home", "home/exports", "logs", "published", "tmp", "log"):
            (folder / name).mkdir()
        account.give(folder / "tmp")
        shutil.copytree(REPOSITORY / "deploy", folder / "deploy")
        (folder / "dagster").mkdir()
        for name in ("dagster.yaml", "workspace.yaml"):
            text = stack.local((REPOSITORY / "deploy" / name).read_text(encoding="utf-8"))
            (folder / "dagster" / name).write_text(text, encoding="utf-8")
        (folder / "dagster").chmod(0o555)  # in the image, /opt/dagster can be read only
        return stack

    @property
    def services(self) -> dict[str, Any]:
        """The services of the compose file, resolved."""
        return load_compose(self.variables)["services"]

    def local(self, text: str) -> str:
        """Exchange the names, ports and paths of containers for those of this machine."""
        paths = {
            "/var/lib/postgresql/18/docker": self.folder / "postgres",
            "/srv/sqf": self.folder,
            "/opt/dagster": self.folder / "dagster",
            "/opt/sqf/bin": Path(sys.executable).parent,
            "/tmp/matplotlib": self.folder / "tmp",  # noqa: S108 - a path of the image
        }
        for inside, outside in paths.items():
            text = text.replace(inside, str(outside))
        for port, here in self.ports.items():
            text = re.sub(rf"(?<![\w.]){port}(?![\w.])", str(here), text)
        text = re.sub(rf"((?<=@)|(?<=host: )|^)({'|'.join(HOSTS)})(?=:\d|$)", "127.0.0.1", text, flags=re.MULTILINE)
        return text.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - what is exchanged

    def command(self, arguments: list[str]) -> list[str]:
        """Return a command of the compose file with local names; the first word is the program's."""
        return [arguments[0], *(self.local(argument) for argument in arguments[1:])]

    def environment(self, name: str) -> dict[str, str]:
        """Return what a container of the service would see, with local names."""
        image = {} if name == "postgres" else image_environment()
        service = self.services[name]["environment"]
        merged = {key: self.local(value) for key, value in {**image, **service}.items()}
        merged["POSTGRES_USER"] = service.get("POSTGRES_USER", "")  # a role, not a host
        programs = [self.programs.folder / "bin"] if name == "postgres" else [Path(sys.executable).parent]
        return {
            **merged,
            **(FEW_TREES if name == "code-server" else {}),  # runs are its children, and models not what is tried
            "PATH": os.pathsep.join([*map(str, programs), os.defpath]),
            "TMPDIR": str(self.folder / "tmp"),
        }

    def log(self, name: str) -> str:
        """Return what a service has said so far."""
        path = self.folder / "log" / name
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def run(self, name: str, command: list[str], seconds: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """Run a command in the place of a service and wait for its end."""
        return subprocess.run(
            self._found(name, command), env=self.environment(name), capture_output=True, text=True, check=False,
            timeout=seconds, **self._confinement(name),
        )  # fmt: skip

    def _found(self, name: str, command: list[str]) -> list[str]:
        program = shutil.which(command[0], path=self.environment(name)["PATH"])
        assert program, f"{command[0]} of service {name} is not installed"
        return [*([] if name == "postgres" else WITHOUT_CAPABILITIES), program, *command[1:]]

    def _confinement(self, name: str) -> dict[str, Any]:
        """Return who runs a service and where, as arguments of `subprocess`."""
        account = self.account if name == "postgres" else Account("", os.geteuid(), os.getegid(), own=True)
        return {**account.run_arguments(), "cwd": self.folder}

    def start(self, name: str) -> None:
        """Start a service once everything it depends on is healthy."""
        for needed in self.services[name].get("depends_on", {}):
            assert needed in self.seconds_until_healthy, f"{name} is to start after {needed} is healthy"
        is_new = name == "postgres" and not (self.folder / "postgres").exists()
        if is_new:
            self._initdb()
        with (self.folder / "log" / name).open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self._found(name, self.command(self.services[name]["command"])), env=self.environment(name),
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True, **self._confinement(name),
                preexec_fn=_as_docker_starts,  # noqa: PLW1509 - no threads here
            )  # fmt: skip
        if is_new:
            self._make_roles()

    def wait_until_healthy(self, name: str) -> None:
        """Ask the service's own health check until it is content; fails with the service's log."""
        began = time.monotonic()
        check = self.services[name]["healthcheck"]["test"]
        while True:
            asked_at = time.monotonic()
            asked = self.run(name, self.command(check[1:]))
            if asked.returncode == 0:
                break
            ended = self.processes[name].poll()
            assert ended is None, f"{name} ended with {ended}:\n{self.log(name)[-4000:]}"
            waited = time.monotonic() - began
            said = f"{asked.stdout}{asked.stderr}"
            assert waited < HEALTH_SECONDS, f"{name} is not healthy: {said[-1000:]}\n{self.log(name)[-4000:]}"
            # a check may be a start of Python with Dagster, which would take the processor from what it waits for
            time.sleep(max(0.2, time.monotonic() - asked_at))
        self.seconds_until_healthy[name] = time.monotonic() - began

    def stop(self, name: str) -> int:
        """Ask a service to end, as `docker compose stop` does, and return its exit code, -9 when it was killed."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
        number, unit = re.fullmatch(r"(\d+)([sm])", self.services[name]["stop_grace_period"]).groups()
        try:
            return process.wait(int(number) * (60 if unit == "m" else 1))
        except subprocess.TimeoutExpired:  # then Docker kills it too
            os.killpg(process.pid, signal.SIGKILL)
            return process.wait()

    def shell(self, lines: list[str]) -> None:
        """Run lines that an operator would type beside the compose file; the first that fails ends it."""
        for line in lines:
            words = line.split()
            if words[:3] == ["docker", "compose", "stop"]:
                for name in words[3:]:
                    self.stop(name)
            elif words[:3] == ["docker", "compose", "up"]:
                for name in self.services:
                    if name not in self.processes:
                        self.start(name)
                        self.wait_until_healthy(name)
            else:
                self._type(line)

    def _type(self, line: str) -> None:
        """Run one line in a shell; `docker compose exec -T SERVICE` runs the rest in the place of the service."""
        found = re.match(r"docker compose exec -T ([\w-]+) (.*)", line, re.DOTALL)
        name, rest = (found[1], self.local(found[2])) if found else (None, line)
        environment = dict(os.environ) if name is None else {**self.environment(name), "PGHOST": "127.0.0.1"}
        done = subprocess.run(
            ["/bin/sh", "-c", rest], cwd=self.folder, env=environment, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"

    def kill(self) -> None:
        """End whatever still runs, and remove the folder."""
        for process in self.processes.values():
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            process.wait()
        self.processes.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _initdb(self) -> None:
        """Do what the entry point of the postgres image does with an empty volume."""
        environment = self.environment("postgres")
        data = self.folder / "postgres"
        data.mkdir()
        self.account.give(data)
        password = self.folder / "tmp" / "password"
        password.write_text(environment["POSTGRES_PASSWORD"], encoding="utf-8")
        self.account.give(password)
        arguments = environment["POSTGRES_INITDB_ARGS"].split()
        made = self.run(
            "postgres",
            ["initdb", f"--username={environment['POSTGRES_USER']}", f"--pwfile={password}", "--no-sync", *arguments],
        )
        assert made.returncode == 0, made.stderr
        password.unlink()
        # the image's own file says '*'; a process of this machine listens on this machine alone
        with (data / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.write("listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\n")

    def _make_roles(self) -> None:
        """Run the scripts that are mounted where the postgres image looks for them."""
        environment = self.environment("postgres")
        self.wait_until_healthy("postgres")
        for volume in self.services["postgres"]["volumes"]:
            source, target, *_ = volume.split(":")
            if target.startswith("/docker-entrypoint-initdb.d/"):
                done = subprocess.run(
                    ["/bin/sh", str(self.folder / source)], check=False, capture_output=True, text=True,
                    env={**environment, "PGHOST": "127.0.0.1", "PGPASSWORD": environment["POSTGRES_PASSWORD"]},
                )  # fmt: skip
                assert done.returncode == 0, done.stderr


__all__ = ["HOSTS", "PORTS", "Stack", "free_ports"]
