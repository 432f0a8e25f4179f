"""What `deploy/` says of the server is true: endpoints, options, ports, times, names."""

import importlib
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from cofeat.cli.main import _parse
from cofeat.cloud import ray_serve
from cofeat.cloud.app import create_app
from cofeat.cloud.server import DRAIN_S
from cofeat.cloud.service import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


@pytest.fixture(scope="module")
def by_kind():
    text = (DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")
    documents = list(yaml.safe_load_all(text))
    assert len({document["kind"] for document in documents}) == len(documents)
    return {document["kind"]: document for document in documents}


@pytest.fixture(scope="module")
def pod(by_kind):
    return by_kind["Deployment"]["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def container(pod):
    (container,) = pod["containers"]
    return container


@pytest.fixture(scope="module")
def instructions():
    """The Containerfile's, name -> the words of each."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    found = {}
    for line in filter(None, lines):
        name, _, words = line.partition(" ")
        found.setdefault(name, []).append(words.strip())
    return found


@pytest.fixture(scope="module")
def paths():
    return set(create_app(list).openapi()["paths"])


@pytest.fixture(scope="module")
def service():
    return yaml.safe_load((DEPLOY / "rayservice.yaml").read_text(encoding="utf-8"))["spec"]


def test_probes_ask_endpoints_that_there_are(container, paths):
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness")}
    assert {probe["path"] for probe in probes.values()} == {"/v2/health/ready"}
    # A server that drains is not ready, and must not be killed for it.
    assert container["livenessProbe"]["httpGet"]["path"] == "/v2/health/live"
    for probe in (*probes.values(), container["livenessProbe"]["httpGet"]):
        assert probe["path"] in paths
        assert probe["port"] in {port["name"] for port in container["ports"]}


def test_the_command_is_one_that_cofeat_takes(container):
    arguments = _parse(container["args"])
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": arguments.port, "grpc": arguments.grpc_port}
    assert arguments.host == "0.0.0.0"
    assert arguments.threads == int(container["resources"]["limits"]["cpu"])
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert {str(arguments.token_file.parent), str(arguments.bundles[0].parent)} <= mounts


def test_the_counts_are_found_where_they_are(by_kind, container, paths):
    annotations = by_kind["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] in paths
    assert int(annotations["prometheus.io/port"]) == container["ports"][0]["containerPort"]


def test_the_service_leads_to_the_pods(by_kind, container):
    labels = by_kind["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert by_kind["Service"]["spec"]["selector"] == labels
    assert by_kind["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert by_kind["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    named = {port["name"]: port["containerPort"] for port in container["ports"]}
    for port in by_kind["Service"]["spec"]["ports"]:
        assert named[port["targetPort"]] == port["port"]


def test_scaling_is_of_this_deployment_and_leaves_some_to_go(by_kind):
    deployment, scaler = by_kind["Deployment"], by_kind["HorizontalPodAutoscaler"]["spec"]
    target = scaler["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", deployment["metadata"]["name"])
    assert scaler["minReplicas"] <= deployment["spec"]["replicas"] < scaler["maxReplicas"]
    assert by_kind["PodDisruptionBudget"]["spec"]["minAvailable"] < scaler["minReplicas"]


def test_nothing_is_killed_before_it_has_drained(pod, container):
    (_, seconds) = container["lifecycle"]["preStop"]["exec"]["command"]
    assert pod["terminationGracePeriodSeconds"] > int(seconds) + DRAIN_S


def test_it_runs_with_as_little_as_it_needs(pod, container, instructions):
    (user,) = instructions["USER"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == int(user) > 0
    safety = container["securityContext"]
    assert safety["readOnlyRootFilesystem"]
    assert not safety["allowPrivilegeEscalation"]
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert all(mount.get("readOnly") for path, mount in mounts.items() if path != "/tmp")
    assert {volume["name"] for volume in pod["volumes"]} == {
        mount["name"] for mount in mounts.values()
    }


def test_the_image_runs_cofeat_and_asks_it(instructions, container, paths):
    (base,) = instructions["FROM"]
    assert re.fullmatch(r"\S+/python:3\.\d+-slim", base)
    (command,) = instructions["CMD"]
    assert json.loads(instructions["ENTRYPOINT"][0]) == ["cofeat"]
    arguments = _parse(json.loads(command))
    exposed = [int(word) for word in instructions["EXPOSE"][0].split()]
    assert exposed == [port["containerPort"] for port in container["ports"]]
    assert arguments.port == exposed[0]
    (asked,) = re.findall(r"http://127\.0\.0\.1:(\d+)(/[\w/]+)", instructions["HEALTHCHECK"][0])
    assert int(asked[0]) == arguments.port
    assert asked[1] in paths


def test_the_image_has_extras_that_there_are(instructions):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (default,) = (words.partition("=")[2] for words in instructions["ARG"])
    assert {default, "ray"} <= set(project["optional-dependencies"])
    minor = re.search(r"python:(3\.\d+)", instructions["FROM"][0])
    assert project["requires-python"] == f">={minor[1]}"


def test_ray_is_told_to_run_what_there_is(service, monkeypatch):
    config = yaml.safe_load(service["serveConfigV2"])
    (application,) = config["applications"]
    module, _, name = application["import_path"].partition(":")
    built = []
    monkeypatch.setattr(ray_serve, "deployed", lambda *arguments: built.append(arguments))
    getattr(importlib.import_module(module), name)(application["args"])
    ((_, options, _),) = built
    (deployment,) = application["deployments"]
    assert deployment["name"] == ray_serve.DEPLOYMENT
    assert deployment["ray_actor_options"]["num_cpus"] == options.threads
    assert deployment["max_ongoing_requests"] > Settings().max_requests
    assert deployment["graceful_shutdown_timeout_s"] == DRAIN_S


def test_ray_s_pods_hold_a_replica_and_reach_what_it_needs(service):
    config = yaml.safe_load(service["serveConfigV2"])
    (application,) = config["applications"]
    cluster = service["rayClusterConfig"]
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert f"ray=={cluster['rayVersion']}" in constraints
    (workers,) = cluster["workerGroupSpecs"]
    pod = workers["template"]["spec"]
    (container,) = pod["containers"]
    # Where none are named KubeRay names its own ports, the dashboard's and Serve's 8000 among them.
    assert cluster["headGroupSpec"]["template"]["spec"] == pod
    assert "ports" not in container
    assert config["http_options"]["port"] == 8000
    assert cluster["enableInTreeAutoscaling"] is True
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    arguments = application["args"]
    wanted = [*arguments["bundles"], arguments["token_file"]]
    assert {str(Path(path).parent) for path in wanted} <= mounts
    most = application["deployments"][0]["autoscaling_config"]["max_replicas"]
    cores = workers["maxReplicas"] * int(container["resources"]["limits"]["cpu"])
    assert cores >= most * arguments["threads"]
    assert pod["terminationGracePeriodSeconds"] > DRAIN_S
