"""What builds the image names files, commands and values that exist; docker itself runs in CI."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

from stages.base.yaml_file import read_yaml
from stages.tools.command_lines import COMMANDS

ROOT = Path(__file__).parents[1]
WORKFLOW = read_yaml(ROOT / ".github" / "workflows" / "container.yml")
DEVELOPMENT = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile with their words, in order."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    pairs = (line.split(maxsplit=1) for line in lines)
    return [(name, words) for name, words in pairs]


def words_of(name: str) -> list[str]:
    """Return the words of all instructions of a name."""
    return [words for one, words in instructions() if one == name]


def copied() -> dict[str, str]:
    """Return the files that the image takes, with the folder that they go to."""
    lines = [words.split() for words in words_of("COPY")]
    return {source: target for *sources, target in lines for source in sources}


def is_sent(path: str) -> bool:
    """Return whether .dockerignore lets a file through: the last line that matches decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#") and fnmatch(path, line.removeprefix("!")):
            sent = line.startswith("!")
    return sent


def test_the_files_that_it_takes_are_there_and_sent() -> None:
    """Each file of a COPY exists, and .dockerignore sends it, but nothing of a user's."""
    assert [file for file in copied() if not (ROOT / file).is_file()] == []
    assert [file for file in copied() if not is_sent(file)] == []
    private = ["data/photos/a.jpg", ".git/config", ".dvc/cache/files/md5/00/1", ".venv/pyvenv.cfg"]
    assert [path for path in private if is_sent(path)] == []


def test_they_are_all_that_its_command_needs(tmp_path: Path) -> None:
    """With the copied files alone, and no package, the command that makes the environment runs."""
    for source, target in copied().items():
        (tmp_path / target).mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / source, tmp_path / target)
    python = [sys.executable, "-S", "-m", "stages.tools.run"]
    refused = subprocess.run(
        [*python, "environment", "TORCH=no such build"],
        cwd=tmp_path,
        env={"FINETRACK_VENV": str(tmp_path / "venv")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.stderr.startswith("finetrack: TORCH is cpu, or another build")


def test_a_change_of_what_it_takes_builds_it() -> None:
    """The workflow runs when the Dockerfile or a file that it takes changes."""
    taken = ["Dockerfile", ".dockerignore", ".devcontainer/devcontainer.json", *copied()]
    for event in WORKFLOW["on"].values():
        paths = event["paths"]
        assert [file for file in taken if not any(fnmatch(file, path) for path in paths)] == []


def test_its_commands_are_those_of_the_project() -> None:
    """What it runs when it is built and started, and what its variables say, is known."""
    builds = [words for words in words_of("RUN") if "stages.tools.run" in words]
    (built,) = [shlex.split(words.partition("&& ")[2]) for words in builds]
    assert built[:4] == ["python", "-m", "stages.tools.run", "environment"]
    assert {word.partition("=")[0] for word in built[4:]} <= set(COMMANDS["environment"].keys)
    assert json.loads(words_of("ENTRYPOINT")[0]) == built[:3]
    assert json.loads(words_of("CMD")[0])[0] in COMMANDS
    variables = dict(pair.split("=", 1) for words in words_of("ENV") for pair in shlex.split(words))
    assert f"{variables['FINETRACK_VENV']}/bin:$PATH" == variables["PATH"]


def test_its_python_is_one_that_is_tested() -> None:
    """The base image has a Python on which every commit is checked."""
    (version,) = re.findall(r"^python:(3\.\d+)-", words_of("FROM")[0])
    check = read_yaml(ROOT / ".github" / "workflows" / "ci.yml")
    assert version in check["jobs"]["whole"]["strategy"]["matrix"]["python"]


def test_the_arguments_of_a_build_are_declared() -> None:
    """The development container and the workflow set what the Dockerfile takes."""
    declared = {words.partition("=")[0] for words in words_of("ARG")}
    assert set(DEVELOPMENT["build"]["args"]) == declared == {"TORCH"}
    lines = [step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"][1:]]
    given = [name for line in lines for name in re.findall(r"--build-arg (\w+)=", line)]
    assert set(given) == declared
    started = [match[1] for line in lines if (match := re.search(r" finetrack ([\w-]+)$", line))]
    assert started
    assert set(started) <= set(COMMANDS)


def test_the_development_container_is_the_same_image() -> None:
    """It is built of the same Dockerfile, by a user that the image has."""
    folder = ROOT / ".devcontainer"
    assert (folder / DEVELOPMENT["build"]["dockerfile"]).resolve() == ROOT / "Dockerfile"
    assert (folder / DEVELOPMENT["build"]["context"]).resolve() == ROOT
    assert words_of("USER") == [DEVELOPMENT["remoteUser"]]
    assert f"useradd --create-home {DEVELOPMENT['remoteUser']}" in words_of("RUN")[0]
    assert DEVELOPMENT["postCreateCommand"].split()[-1] in COMMANDS
