"""What starts a run on several machines is valid, and does there what dvc repro does on one.

There is no Slurm and no Kubernetes here: their programs are replaced by ones that start the same
command in two network namespaces, as on two machines that share a folder. .ci/run installs
requirements-extra.txt for shellcheck and the schemas of Kubernetes.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from ruamel.yaml import YAML

from tests.cluster.running_dask import wait_until
from tests.network_namespaces import ADDRESSES, network_namespaces
from tests.tiny_repo import ROOT, Repo, copy_of

DEPLOY = ROOT / "deploy"
SCRIPTS = sorted([*DEPLOY.glob("*.sh"), *DEPLOY.glob("*.sbatch")])
MANIFEST = DEPLOY / "kubernetes.yaml"
SKYPILOT = DEPLOY / "skypilot.yaml"
SHELLCHECK = Path(sys.executable).with_name("shellcheck")
# As srun does, it starts the command once on each node; as scontrol does, the other lists nodes.
SRUN = """#!/usr/bin/env bash
touch "$0.started"
test "$1" = --kill-on-bad-exit=1
shift
SLURM_NODEID=1 SLURMD_NODENAME={addresses[1]} ip netns exec {names[1]} "$@" &
SLURM_NODEID=0 SLURMD_NODENAME={addresses[0]} ip netns exec {names[0]} "$@" && wait $!
"""
SCONTROL = """#!/usr/bin/env bash
test "$*" = "show hostnames nodes" && printf '%s\\n' {addresses[0]} {addresses[1]}
"""
ON_PROCESSORS = {"FINETRACK_DEVICE": "cpu", "GLOO_SOCKET_IFNAME": "cable"}


def documents() -> list[dict[str, Any]]:
    """Return the service and the job of the manifest."""
    return list(YAML(typ="safe").load_all(MANIFEST.read_text("utf-8")))


@pytest.fixture
def machines() -> Iterator[tuple[str, ...]]:
    """Return two network namespaces with a cable between them."""
    with network_namespaces() as names:
        yield names


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_are_valid(script: Path) -> None:
    """Bash can read each script, each stops at its first failure, and shellcheck has no word."""
    text = script.read_text("utf-8")
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert "\nset -euo pipefail\n" in text
    if SHELLCHECK.is_file():
        subprocess.run([SHELLCHECK, str(script)], check=True)


@pytest.mark.skipif(find_spec("kubernetes_validate") is None, reason="kubernetes-validate is extra")
@pytest.mark.parametrize("version", ["1.33", "1.37"])
def test_the_manifest_is_what_kubernetes_takes(version: str) -> None:
    """Every key and value is in the schemas of Kubernetes from 1.33 on, as successPolicy needs."""
    import kubernetes_validate

    kinds = []
    for document in documents():
        kubernetes_validate.validate(document, version, strict=True)
        kinds.append(document["kind"])
    assert kinds == ["Service", "Job"]


def test_the_parts_of_the_manifest_fit() -> None:
    """The service finds the pods and gives pod 0 its name; counts that stand twice are equal."""
    service, job = documents()
    template = job["spec"]["template"]
    pod = template["spec"]
    (container,) = pod["containers"]
    values = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
    assert pod["subdomain"] == service["metadata"]["name"]
    assert values["HEAD"] == f"{job['metadata']['name']}-0.{service['metadata']['name']}"
    assert values["PORT"] == str(service["spec"]["ports"][0]["port"])
    assert values["MACHINES"] == str(job["spec"]["completions"]) == str(job["spec"]["parallelism"])
    assert values["GPUS"] == str(container["resources"]["limits"]["nvidia.com/gpu"])
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["volumes"]}
    lines = (DEPLOY / "fine_tune_here.sh").read_text("utf-8").splitlines()
    code = "\n".join(line for line in lines if not line.startswith("#"))
    assert set(re.findall(r"\b(MACHINES?|HEAD|ADDRESS|PORT|GPUS)\b", code)) == {*values, "MACHINE"}


def test_files_that_they_name_are_there() -> None:
    """Each script, module and stage that one of them names exists, and the page names them."""
    page = (ROOT / "docs" / "machines.md").read_text("utf-8")
    for file in [*SCRIPTS, MANIFEST]:
        text = file.read_text("utf-8")
        for name in re.findall(r"\b(?:deploy|docs)/[\w.]+\w", text):
            assert (ROOT / name).is_file(), name
        for module in re.findall(r"-m (stages(?:\.\w+)+)", text):
            assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module
    assert "deploy/slurm.sbatch" in page
    assert "deploy/kubernetes.yaml" in page


def test_a_rented_machine_runs_what_make_has() -> None:
    """The file for SkyPilot pulls, makes what the Makefile has, and pushes, by scripts of bash."""
    task = YAML(typ="safe").load(SKYPILOT.read_text("utf-8"))
    assert task["workdir"] == "."
    makefile = (ROOT / "Makefile").read_text("utf-8").splitlines()
    (targets,) = [line.split()[2:] for line in makefile if line.startswith("TARGETS := ")]
    commands = task["setup"] + task["run"]
    assert set(re.findall(r"\bmake (\S+)", task["setup"])) == {"environment"} <= set(targets)
    steps = ["dvc pull --allow-missing", "make repro", "dvc push"]
    assert [line for line in task["run"].splitlines() if line in steps] == steps
    assert set(re.findall(r"\$(\w+)", commands)) - {"PWD", "PATH"} == set(task["envs"])
    for script in (task["setup"], task["run"]):
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
        assert script.startswith("set -e\n")
    assert "deploy/skypilot.yaml" in (ROOT / "docs" / "machines.md").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.skipif(shutil.which("sky") is None, reason="skypilot is not installed")
def test_the_file_is_what_skypilot_takes(tmp_path: Path) -> None:
    """Its own code reads the task and refuses a key of another name, without an account.

    SkyPilot needs an environment of its own: its `sky` on PATH is enough.
    """
    python = Path(shutil.which("sky") or "").resolve().with_name("python")
    code = "import sys, sky; print(sky.Task.from_yaml(sys.argv[1]).name)"
    environment = {**os.environ, "HOME": str(tmp_path)}
    command = [str(python), "-c", code]
    read = subprocess.run(
        [*command, str(SKYPILOT)], cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE
    )
    assert read.stdout == b"finetrack\n"
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(SKYPILOT.read_text("utf-8").replace("accelerators:", "accelerator:"))
    refused = subprocess.run(
        [*command, str(wrong)], cwd=ROOT, env=environment, check=False, stderr=subprocess.PIPE
    )
    assert refused.returncode == 1
    assert b"did you mean 'accelerators'" in refused.stderr


def programs_in(folder: Path, **texts: str) -> dict[str, str]:
    """Write bash scripts as an environment's programs; return the variables by which it is used."""
    programs = folder / "bin"
    programs.mkdir(parents=True)
    for name, text in texts.items():
        (programs / name).write_text(f"#!/usr/bin/env bash\n{text}")
        (programs / name).chmod(0o755)
    return {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "FINETRACK_VENV": str(folder)}


def noting_dvc(status: str, code: int = 0) -> str:
    """Return a dvc that notes its arguments in a file, and answers what a status may be."""
    return f"""echo "dvc $*" >> "${{0%/*}}/../log"
    if [ "$1" = status ]; then printf '%s' '{status}'; exit {code}; fi
    """


@pytest.mark.parametrize(
    ("status", "code", "done"),
    [
        ("{}", 0, ["dvc repro"]),
        ('{"fine_tune": []}', 0, ["command", "dvc commit --force fine_tune", "dvc repro"]),
        ("", 1, []),
        ("", 255, []),
    ],
)
def test_fine_tune_is_done_only_if_something_changed(
    status: str, code: int, done: list[str], tmp_path: Path
) -> None:
    """What is only absent is fetched before DVC is asked, and no answer at all ends the run."""
    variables = programs_in(tmp_path, dvc=noting_dvc(status, code))
    log = tmp_path / "log"
    command = ["bash", str(DEPLOY / "repro_around.sh"), "bash", "-c", 'echo command >> "$0"']
    ended = subprocess.run([*command, str(log)], env=variables, check=False)
    assert ended.returncode == code
    first = ["dvc repro lr_find", "dvc checkout --quiet fine_tune", "dvc status --json fine_tune"]
    assert log.read_text().splitlines() == first + done


SAVING = """
trap 'sleep 1; echo saved >> "$0"; exit 1' TERM
echo command >> "$0"
for _ in {1..600}; do sleep 0.1; done
"""


@pytest.mark.parametrize("parent", [[], ["unshare", "--pid", "--fork"]], ids=["", "first"])
def test_a_signal_reaches_the_command_and_its_end_is_waited_for(
    parent: list[str], tmp_path: Path
) -> None:
    """So it is also where the script is the first process, as in a container."""
    if parent and subprocess.run([*parent, "true"], check=False, capture_output=True).returncode:
        pytest.skip("a namespace of processes may not be made here")
    variables = programs_in(tmp_path, dvc=noting_dvc("changed"))
    log = tmp_path / "log"
    command = [*parent, "bash", str(DEPLOY / "repro_around.sh"), "bash", "-c", SAVING, str(log)]
    with subprocess.Popen(command, env=variables) as process:
        try:
            wait_until(lambda: log.is_file() and "command" in log.read_text(), 60)
            script = psutil.Process(process.pid)
            (script.children()[0] if parent else script).terminate()
            assert process.wait(60) == 143
        finally:
            process.kill()
    assert log.read_text().splitlines()[-2:] == ["command", "saved"]


@pytest.mark.parametrize("nodes", [1, 2])
def test_slurm_starts_fine_tune_as_a_step_with_its_cores(nodes: int, tmp_path: Path) -> None:
    """On one node too: only a step gets the signal before the end; it has the cores of the job."""
    log = tmp_path / "log"
    variables = programs_in(
        tmp_path,
        dvc=noting_dvc("changed"),
        scontrol="printf '%s\\n' one two",
        srun=f'echo "$SRUN_CPUS_PER_TASK $MACHINES $HEAD $*" >> {log}',
    ) | {
        "SLURM_SUBMIT_DIR": str(ROOT),
        "SLURM_JOB_NUM_NODES": str(nodes),
        "SLURM_JOB_NODELIST": "nodes",
        "SLURM_JOB_ID": "4321",
        "SLURM_CPUS_PER_TASK": "32",
    }
    subprocess.run(["bash", str(DEPLOY / "slurm.sbatch")], env=variables, check=True)
    assert f"32 {nodes} one --kill-on-bad-exit=1 bash -c fine_tune" in log.read_text().splitlines()


def submit(repo: Repo, folder: Path, machines: tuple[str, ...], nodes: int = 2) -> str:
    """Run the batch script as Slurm does, from a copy of it elsewhere; return what it prints."""
    programs = folder / "bin"
    programs.mkdir(parents=True)
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        (programs / name).write_text(text.format(addresses=ADDRESSES, names=machines))
        (programs / name).chmod(0o755)
    script = shutil.copy(DEPLOY / "slurm.sbatch", folder / "script")
    variables = {
        "SLURM_SUBMIT_DIR": str(repo.path),
        "SLURM_JOB_NUM_NODES": str(nodes),
        "SLURM_JOB_NODELIST": "nodes",
        "SLURM_JOB_ID": "4321",
        "SLURM_GPUS_ON_NODE": "1",
        "FINETRACK_VENV": sys.prefix,
        **ON_PROCESSORS,
    }
    path = f"PATH={programs}:{repo.environment()['PATH']}"
    return repo.run("env", path, *(f"{k}={v}" for k, v in variables.items()), "bash", str(script))


@pytest.mark.slow
@pytest.mark.thorough
def test_slurm_trains_on_two_nodes_what_changed(
    built: Repo, machines: tuple[str, ...], tmp_path: Path
) -> None:
    """A changed param is trained for by both nodes, and DVC has the result; once more, nothing.

    Nor where an output is only absent, which DVC's cache has.
    """
    repo = copy_of(built, tmp_path / "repo")
    repo.change({"fine_tune.epochs": 2})
    submit(repo, tmp_path / "first", machines)
    assert (tmp_path / "first" / "bin" / "srun.started").exists()
    assert repo.status() == set()
    assert len(repo.table("reports/fine_tune/history.csv")) == 3
    model = Path("data", "model", "model.safetensors")
    trained = (repo.path / model).read_bytes()
    assert trained != (built.path / model).read_bytes()
    for nodes in (2, 1):
        folder = tmp_path / f"again-{nodes}"
        if nodes == 1:
            shutil.rmtree(repo.path / "data" / "model")  # as in a clone that has the cache
        assert submit(repo, folder, machines, nodes).count("up to date") == 2
        assert not (folder / "bin" / "srun.started").exists()
    assert (repo.path / model).read_bytes() == trained


@pytest.mark.slow
@pytest.mark.thorough
def test_pods_of_kubernetes_train_together(
    built: Repo, machines: tuple[str, ...], tmp_path: Path
) -> None:
    """Pod 1, started first, waits for pod 0, which runs the pipeline around fine_tune."""
    repo = copy_of(built, tmp_path / "repo")
    repo.change({"fine_tune.epochs": 2})
    container = documents()[1]["spec"]["template"]["spec"]["containers"][0]
    fixed = {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}
    pods = []
    for number in (1, 0):
        variables = {
            **repo.environment(),
            **fixed,
            "JOB_COMPLETION_INDEX": str(number),
            "ADDRESS": ADDRESSES[number],
            "HEAD": ADDRESSES[0],
            "GPUS": "1",
            "FINETRACK_VENV": sys.prefix,
            **ON_PROCESSORS,
        }
        command = ["ip", "netns", "exec", machines[number], *container["command"]]
        pods.append(
            subprocess.Popen(
                [*command, *container["args"]],
                cwd=repo.path,
                env=variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    outputs = [pod.communicate(timeout=500)[0] for pod in pods]
    assert [pod.returncode for pod in pods] == [0, 0], "\n".join(outputs)
    assert repo.status() == set()
    assert len(repo.table("reports/fine_tune/history.csv")) == 3
    rows = repo.table("reports/fine_tune/outcomes.csv")
    assert np.isfinite([float(row["loss"]) for row in rows]).all()
