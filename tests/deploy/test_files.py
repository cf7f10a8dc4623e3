"""The files of the deploy kit name only what there is: commands, options, settings, routes; and times that fit together."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from rota.cli.verbs import command_of
from rota.model.task import Task
from rota.settings import OTHER_VARIABLES, Settings
from rota.web.guard import OPEN

KIT = Path(__file__).parents[2] / "deploy"
SETTINGS = {f"ROTA_{name.upper()}" for name in Settings.model_fields} | OTHER_VARIABLES


def must_parse(*argv: str) -> None:
    """A command line of rota, which is parsed and not carried out."""
    command_of(argv[0]).make_context(argv[0], list(argv[1:]))


def slowest_stop(drain: float = Settings().drain) -> float:
    """Seconds from a signal to the end of a node, by the defaults: what runs may end, then the rest is stopped."""
    grace = next(field.default for field in fields(Task) if field.name == "grace")
    return drain + grace.total_seconds()


# -- systemd


@pytest.fixture
def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # systemd's names have capitals
    parser.read(KIT / "systemd" / "rota.service")
    return parser


def test_the_unit_starts_what_there_is_and_waits_for_its_drain(unit: configparser.ConfigParser) -> None:
    service = unit["Service"]
    program, *argv = shlex.split(service["ExecStart"])
    assert program == service["WorkingDirectory"] + "/bin/rota"
    must_parse(*argv)
    assert (service["Type"], service["KillMode"], service["KillSignal"]) == ("notify", "mixed", "SIGTERM")
    assert int(service["TimeoutStopSec"]) > slowest_stop()
    assert int(service["WatchdogSec"]) > 15, "the loops are given that long to advance"


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed: make setup-system")
    text = (KIT / "systemd" / "rota.service").read_text()
    here = re.sub(
        r"(?m)^(User|Group)=.*$", r"\1=root", text.replace("/srv/site/current/bin/rota", "/bin/true")
    )
    (tmp_path / "rota.service").write_text(here)
    done = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / "rota.service"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


# -- containers


def test_the_image_is_asked_and_stopped_by_what_there_is() -> None:
    text = (KIT / "docker" / "Dockerfile").read_text().replace("\\\n", " ")
    lines = dict(re.findall(r"(?m)^([A-Z]+) (.*)$", text))
    variables = dict(word.split("=") for word in lines["ENV"].split())
    assert {name for name in variables if name.startswith("ROTA_")} <= SETTINGS
    assert variables["ROTA_PORT"] == lines["EXPOSE"] == str(Settings().port)
    program, _, code = json.loads(lines["HEALTHCHECK"].partition("CMD")[2])
    compile(code, "HEALTHCHECK", "exec")
    assert (program, re.findall(r":(\d+)(/\w+)'", code)) == ("python", [(lines["EXPOSE"], "/livez")])
    assert (json.loads(lines["ENTRYPOINT"]), lines["STOPSIGNAL"]) == (["rota"], "SIGTERM")
    must_parse(*json.loads(lines["CMD"]))


def test_the_services_of_compose() -> None:
    found = yaml.safe_load((KIT / "docker" / "compose.yaml").read_text())["services"]
    for name in ("migrate", "node"):
        assert found[name]["environment"].keys() <= SETTINGS
        must_parse(*found[name].get("command", ["run"]))
    assert seconds(found["node"]["stop_grace_period"]) > slowest_stop()
    assert found["node"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    build = found["migrate"]["build"]
    assert (KIT / "docker" / build["context"] / build["dockerfile"]).is_file()


def seconds(text: str) -> float:
    return float(text.removesuffix("s"))


def manifests() -> Iterator[dict[str, Any]]:
    for file in ("rota.yaml", "change.yaml"):
        yield from yaml.safe_load_all((KIT / "kubernetes" / file).read_text())


def containers() -> Iterator[dict[str, Any]]:
    for one in manifests():
        pod = one["spec"].get("template", {}).get("spec", {})
        yield from (*pod.get("initContainers", ()), *pod.get("containers", ()))


def test_the_containers_of_kubernetes_say_what_there_is() -> None:
    found = list(containers())
    assert [one["name"] for one in found] == ["rota", "migrate", "fit", "apply"]
    for one in found:
        must_parse(*one["args"])
        assert {variable["name"] for variable in one["env"]} <= SETTINGS


def test_the_probes_ask_routes_that_there_are_and_the_pod_waits_for_its_drain() -> None:
    [deployment] = [one for one in manifests() if one["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    [node] = pod["containers"]
    for probe, route in (("startup", "/readyz"), ("readiness", "/readyz"), ("liveness", "/livez")):
        asked = node[f"{probe}Probe"]["httpGet"]
        assert (asked["path"], asked["port"]) == (route, node["ports"][0]["name"])
        assert route in OPEN, "without a token"
    variables = {one["name"]: one.get("value") for one in node["env"]}
    assert variables["ROTA_PORT"] == str(node["ports"][0]["containerPort"])
    program, wait = node["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "sleep"
    assert pod["terminationGracePeriodSeconds"] > int(wait) + slowest_stop(float(variables["ROTA_DRAIN"]))
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for one in manifests():
        if one["kind"] in ("Service", "PodDisruptionBudget"):
            selector = one["spec"]["selector"]
            assert selector.get("matchLabels", selector) == labels


# -- the script's settings


def test_the_example_names_every_setting_of_the_script_and_no_other() -> None:
    example = (KIT / "deploy.env.example").read_text()
    named = set(re.findall(r"(?m)^#?(ROTA_DEPLOY_\w+)=", example))
    used = set(re.findall(r"\$\{(ROTA_DEPLOY_\w+):-", (KIT / "deploy.sh").read_text()))
    assert used - named == {"ROTA_DEPLOY_ENV", "ROTA_DEPLOY_REASON", "ROTA_DEPLOY_FAIL_AT"}, (
        "of one deploy, not of a site"
    )
    assert named <= used
    assert set(re.findall(r"(?m)^#?(ROTA_\w+)=", example)) - named <= SETTINGS


def test_the_script_is_sound() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed: make setup-system")
    done = subprocess.run(["shellcheck", KIT / "deploy.sh"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_shell_reads_the_example() -> None:
    words = 'set -eu; . "$1"; echo "$ROTA_DEPLOY_ROOT $ROTA_DEPLOY_STOP"'
    done = subprocess.run(
        ["sh", "-c", words, "-", KIT / "deploy.env.example"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "/srv/site sudo systemctl stop rota\n"
