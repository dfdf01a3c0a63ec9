"""The files that run filehub agree with the Procfile, the settings and each other."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from honcho.environ import parse_procfile

from filehub import env
from local import debian
from tests.support.processes import ROOT
from tests.support.template import source
from uploads.core.conf import Conf
from uploads.worker.heartbeat import MAX_AGE, PROCESSES
from uploads.worker.shutdown import GRACE

COMMANDS = parse_procfile((ROOT / "Procfile").read_text()).processes
DOCKERFILE = (ROOT / "Dockerfile").read_text()
UNITS = ROOT / "deploy" / "systemd"
SERVICE = source(ROOT / "infra" / "service.yaml")
RESOURCES = SERVICE["Resources"]
STOP_TIMEOUT = 30


def seconds(text: str) -> int:
    return int(re.fullmatch(r"(\d+)s?", str(text))[1])  # type: ignore[index]


def test_the_processes_are_those_of_the_procfile() -> None:
    assert set(COMMANDS) == {"web", *PROCESSES}


def test_the_stop_timeout_is_longer_than_a_process_takes_to_stop() -> None:
    assert STOP_TIMEOUT >= GRACE + 10


# The image


def instructions(name: str) -> list[str]:
    """The arguments of each occurrence of an instruction, with continued lines joined."""
    text = re.sub(r"\\\n\s*", "", DOCKERFILE)
    return re.findall(rf"^{name} (.*)$", text, re.MULTILINE)


def test_the_image_runs_as_a_user_without_privileges() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (.*)$", last, re.M) == ["10001:10001"]
    assert re.findall(r"^ENTRYPOINT (.*)$", last, re.M) == ['["/app/deploy/start"]']


def test_no_instruction_contains_a_secret_or_downloads_past_the_package_managers() -> None:
    assert instructions("ADD") == []
    variables = " ".join(instructions("ENV") + instructions("ARG"))
    assert not re.search("SECRET|PASSWORD|TOKEN|KEY", variables)
    assert not re.search(r"\b(curl|wget|git)\b", DOCKERFILE)


def test_the_image_checks_health_as_ecs_does() -> None:
    [check] = instructions("HEALTHCHECK")
    options = dict(re.findall(r"--([\w-]+)=(\d+)s?", check))
    ecs = RESOURCES["WorkerTask"]["Properties"]["ContainerDefinitions"][0]["HealthCheck"]
    assert [int(options[name]) for name in ("interval", "timeout", "retries", "start-period")] == [
        ecs[name] for name in ("Interval", "Timeout", "Retries", "StartPeriod")
    ]
    assert int(options["start-period"]) >= MAX_AGE


def test_the_build_context_is_a_list_of_what_exists() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = [line[1:] for line in lines if line.startswith("!")]
    assert lines[1] == "*"
    assert [name for name in allowed if not (ROOT / name).exists()] == []
    assert not {"tests", "local", "benchmarks", ".local", ".git", "docs"} & set(allowed)
    assert lines[-2:] == ["**/__pycache__", "**/.*"]


def test_the_image_has_every_package_that_is_deployed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (packages,) = [
        contract["source_modules"]
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["name"] == "What is deployed must not import what is not"
    ]
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    assert [name for name in packages if f"!{name}" not in allowed] == []
    (compiled,) = re.findall(r"compileall -q ([^\\]*)", DOCKERFILE)
    assert compiled.split() == [f"/app/{name}" for name in packages]


def test_the_build_context_has_every_file_that_the_dockerfile_copies() -> None:
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    named = [word for line in instructions("COPY") for word in line.split() if ".txt" in word]
    assert named
    assert [name for name in named if f"!{name}" not in allowed] == []


# Compose


COMPOSE = source(ROOT / "compose.yaml")["services"]
LOCAL = source(ROOT / "compose.local.yaml")["services"]


def test_compose_runs_each_process() -> None:
    assert {name: service["command"] for name, service in COMPOSE.items()} == {
        name: [name] for name in COMMANDS
    }
    assert set(COMMANDS) <= set(LOCAL)


@pytest.mark.parametrize("name", COMMANDS)
def test_compose_gives_a_process_no_privileges_and_time_to_stop(name: str) -> None:
    service = COMPOSE[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert seconds(service["stop_grace_period"]) == STOP_TIMEOUT
    # Nothing that weakens it is added for the local AWS.
    assert not LOCAL[name].keys() & {"read_only", "cap_drop", "security_opt", "user", "privileged"}


def test_compose_publishes_ports_to_this_machine_only() -> None:
    services = [*COMPOSE.values(), *LOCAL.values()]
    ports = [port for service in services for port in service.get("ports", []) if port != "reset"]
    assert len(ports) == 3
    assert {port.partition(":")[0] for port in ports} == {"127.0.0.1"}


def test_compose_provisions_and_migrates_before_the_processes_start() -> None:
    done = {"condition": "service_completed_successfully"}
    assert LOCAL["provision"]["depends_on"] == {"aws": {"condition": "service_healthy"}}
    assert LOCAL["migrate"]["depends_on"] == {"provision": done}
    assert [LOCAL[name]["depends_on"] for name in COMMANDS] == [{"migrate": done}] * 4
    assert (LOCAL["provision"]["command"][0], LOCAL["migrate"]["command"]) == (
        "provision", ["migrate"],
    )  # fmt: skip


@pytest.mark.usefixtures("bare_environment")
def test_the_settings_of_the_local_compose_file_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (ROOT / "deploy" / "local.env").read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    assert env.unknown_variables(values) == []
    app = env.load_app()
    assert (env.load().django_debug, app.cors_origins[0]) == (False, "http://localhost:8000")
    port = app.s3_url.rpartition(":")[2]
    assert f"127.0.0.1:{port}:{port}" in LOCAL["aws"]["ports"]
    [database] = {volume for name in COMMANDS for volume in LOCAL[name]["volumes"]}
    assert env.load().database_url.startswith(f"sqlite:///{database.partition(':')[2]}/")


# systemd


def unit(name: str) -> dict[str, list[str]]:
    """The settings of a unit, each with its values in order."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / name).read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def unit_of(process: str) -> str:
    return "filehub-web@.service" if process == "web" else f"filehub-{process}.service"


@pytest.mark.parametrize("process", COMMANDS)
def test_each_process_has_a_unit_that_restarts_it_and_checks_its_health(process: str) -> None:
    settings = unit(unit_of(process))
    assert settings["ExecStart"] == [f"/opt/filehub/deploy/start {process}"]
    assert (settings["Restart"], settings["StartLimitIntervalSec"]) == (["always"], ["0"])
    instance = "web@%i" if process == "web" else process
    assert settings["Wants"] == [f"filehub-health@{instance}.timer"]
    assert unit("filehub-health@.timer")["PartOf"] == ["filehub-%i.service"]


def test_the_target_starts_every_process_once_and_the_web_twice() -> None:
    started = " ".join(unit("filehub.target")["Wants"]).split()
    expected = [unit_of(process) for process in COMMANDS if process != "web"]
    assert sorted(started) == sorted(
        [*expected, "filehub-web@8000.service", "filehub-web@8001.service"]
    )


def test_the_units_have_time_to_stop_and_a_first_health_check_after_the_first_heartbeat() -> None:
    common, timer = unit("filehub-.service.d/common.conf"), unit("filehub-health@.timer")
    assert common["TimeoutStopSec"] == [str(STOP_TIMEOUT)]
    assert int(timer["OnActiveSec"][0]) >= MAX_AGE


#: In one process, since two cannot install packages at the same time.
systemd = pytest.mark.xdist_group("systemd")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units in a directory of their own, with paths of this checkout."""
    shutil.copytree(UNITS, tmp_path, dirs_exist_ok=True)
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        path.write_text(path.read_text().replace("/opt/filehub", str(ROOT)))
    if shutil.which("systemd-analyze") is None:
        debian.install("systemd")
    return tmp_path


def analyze(units: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments],
        cwd=units, env={"SYSTEMD_UNIT_PATH": f"{units}:", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True,
    )  # fmt: skip


@systemd
def test_systemd_finds_no_fault_in_the_units(installed: Path) -> None:
    names = []
    for path in installed.glob("filehub*.*"):
        if path.is_file():
            instance = "web@8000" if "health" in path.name else "8000"
            names.append(path.rename(path.with_name(path.name.replace("@.", f"@{instance}."))).name)
    assert len(names) == 7
    done = analyze(installed, "verify", "--man=no", *(f"./{name}" for name in names))
    assert (done.returncode, done.stderr) == (0, "")


@systemd
@pytest.mark.parametrize("process", COMMANDS)
def test_systemd_rates_the_exposure_of_each_process_as_low(installed: Path, process: str) -> None:
    name = unit_of(process).replace("@.", "@8000.")
    if process == "web":
        (installed / unit_of("web")).rename(installed / name)
    # In tenths; 0 is none, and 96 that of a service without any setting.
    done = analyze(installed, "security", "--offline=true", "--threshold=15", f"./{name}")
    assert done.returncode == 0, done.stdout


# ECS


def container(process: str) -> Any:
    [found] = RESOURCES[f"{process}Task"]["Properties"]["ContainerDefinitions"]
    return found


ECS = [name.title() for name in COMMANDS]


@pytest.mark.parametrize("process", ECS)
def test_each_process_has_its_own_task_role_and_service(process: str) -> None:
    name = process.lower()
    task, service = RESOURCES[f"{process}Task"], RESOURCES[f"{process}Service"]
    assert task["Properties"]["TaskRoleArn"] == {"GetAtt": f"{process}Role.Arn"}
    role = RESOURCES[f"{process}Role"]["Properties"]
    assert role["ManagedPolicyArns"] == [{"Ref": f"{process}PolicyArn"}]
    assert "Policies" not in role
    assert (container(process)["Name"], container(process)["Command"]) == (name, [name])
    assert container(process)["HealthCheck"]["Command"] == [
        "CMD", "/app/deploy/healthcheck", name,
    ]  # fmt: skip
    assert service["Properties"]["TaskDefinition"] == {"Ref": f"{process}Task"}
    assert service["Properties"]["DeploymentConfiguration"]["DeploymentCircuitBreaker"] == {
        "Enable": True, "Rollback": True,
    }  # fmt: skip


def test_the_policies_are_outputs_of_the_other_stack() -> None:
    parameters = {name for name in SERVICE["Parameters"] if name.endswith("PolicyArn")}
    assert parameters == {f"{process}PolicyArn" for process in ECS}
    assert parameters <= set(source()["Outputs"])


@pytest.mark.parametrize("process", [*ECS, "OneOff"])
def test_each_container_has_no_privileges_and_the_same_settings(process: str) -> None:
    found, worker = container(process), container("Worker")
    assert found["ReadonlyRootFilesystem"] is True
    assert found["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert found["StopTimeout"] == STOP_TIMEOUT
    assert found["MountPoints"] == [{"SourceVolume": "state", "ContainerPath": "/run/filehub"}]
    assert instructions("VOLUME") == ["/run/filehub"]
    for key in ("Environment", "EnvironmentFiles", "Secrets"):
        assert found[key] == worker[key]
    image = "OneOffImage" if process == "OneOff" else "Image"
    assert found["Image"] == {"Ref": image}


def test_the_variables_are_settings_and_the_secret_ones_are_not_in_the_template() -> None:
    known = {*map(str.upper, env.Env.model_fields), *env.APP_VARIABLES}
    plain = {entry["Name"] for entry in container("Web")["Environment"]}
    secret = {entry["Name"] for entry in container("Web")["Secrets"]}
    assert plain | secret <= known
    assert secret == {"DJANGO_SECRET_KEY", "DATABASE_URL", "FILEHUB_SIGN_RATE_STORAGE"}
    assert not plain & secret
    assert {"DJANGO_HTTPS", "FILEHUB_TRUSTED_PROXIES", "FILEHUB_CORS_ORIGINS"} <= plain


def test_new_images_first_run_the_commands_that_the_processes_need() -> None:
    """Services exist only with an image; the task for commands has a parameter of its own."""
    for process in ECS:
        assert RESOURCES[f"{process}Service"]["Condition"] == "HasImage"
        assert RESOURCES[f"{process}Task"]["Condition"] == "HasImage"
    assert "Condition" not in RESOURCES["OneOffTask"]
    assert "TaskRoleArn" not in RESOURCES["OneOffTask"]["Properties"]


def test_there_is_never_a_second_beat() -> None:
    beat = RESOURCES["BeatService"]["Properties"]
    assert beat["DesiredCount"] == 1
    assert beat["DeploymentConfiguration"]["MinimumHealthyPercent"] == 0
    assert beat["DeploymentConfiguration"]["MaximumPercent"] == 100


def test_only_the_load_balancer_reaches_the_web() -> None:
    assert "SecurityGroupIngress" not in RESOURCES["TaskSecurityGroup"]["Properties"]
    ingress = RESOURCES["TaskIngress"]["Properties"]
    assert ingress["SourceSecurityGroupId"] == {"Ref": "BalancerSecurityGroup"}
    assert (ingress["FromPort"], ingress["ToPort"]) == (8000, 8000)
    assert instructions("EXPOSE") == ["8000"]


def test_the_load_balancer_is_that_of_the_guide() -> None:
    guide = (ROOT / "docs" / "deployment.md").read_text()
    documented = dict(re.findall(r"Key=([\w.]+),Value=(\w+)", guide))
    balancer = RESOURCES["Balancer"]["Properties"]["LoadBalancerAttributes"]
    group = RESOURCES["TargetGroup"]["Properties"]
    attributes = {entry["Key"]: entry["Value"] for entry in balancer}
    attributes |= {entry["Key"]: entry["Value"] for entry in group["TargetGroupAttributes"]}
    assert attributes.items() >= documented.items()
    assert documented.keys() >= {"idle_timeout.timeout_seconds"}
    assert group["HealthCheckPath"] == "/healthz"
    listener = RESOURCES["HttpsListener"]["Properties"]
    assert f"--ssl-policy {listener['SslPolicy']}" in guide
    [redirect] = RESOURCES["HttpListener"]["Properties"]["DefaultActions"]
    assert redirect["RedirectConfig"]["Protocol"] == "HTTPS"


@pytest.mark.parametrize(
    ("alarm", "policy", "comparison", "missing"),
    [
        ("WaitingTasks", "MoreWorkers", "GreaterThanThreshold", "notBreaching"),
        ("NoWaitingTasks", "FewerWorkers", "LessThanThreshold", "breaching"),
    ],
)
def test_workers_follow_the_age_of_the_oldest_task(
    alarm: str, policy: str, comparison: str, missing: str
) -> None:
    found = RESOURCES[alarm]["Properties"]
    assert found["MetricName"] == "ApproximateAgeOfOldestMessage"
    [dimension] = found["Dimensions"]
    assert dimension["Value"] == {"Sub": "${Prefix}-tasks"}
    default = Conf.model_validate({"PREFIX": "other"})
    assert (default.tasks_queue, Conf.model_fields["prefix"].default) == (
        "other-tasks",
        SERVICE["Parameters"]["Prefix"]["Default"],
    )
    assert (found["ComparisonOperator"], found["TreatMissingData"]) == (comparison, missing)
    assert found["AlarmActions"] == [{"Ref": policy}]
    steps = RESOURCES[policy]["Properties"]["StepScalingPolicyConfiguration"]["StepAdjustments"]
    assert {step["ScalingAdjustment"] > 0 for step in steps} == {policy == "MoreWorkers"}
    # Otherwise each deployment would reset the number.
    assert "DesiredCount" not in RESOURCES["WorkerService"]["Properties"]
