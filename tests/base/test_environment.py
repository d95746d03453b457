"""Machine knobs from the environment, and what a process sets before torch is loaded."""

import ast
import os
import platform
import subprocess
import sys
from pathlib import Path

import joblib
import pytest

from stages.base import environment
from stages.base.environment import (
    device_name,
    executor_address,
    gpus,
    kernel_choice,
    prepare_process,
    restarts,
    scratch_url,
    share_threads,
    tracker_names,
    workers,
)
from stages.base.errors import UserError

ROOT = Path(__file__).parents[2]
ENTRY_POINTS = sorted(
    file.relative_to(ROOT)
    for file in (ROOT / "stages").rglob("*.py")
    if 'if __name__ == "__main__":' in file.read_text("utf-8")
    # It starts the others, by any Python, and says of an old one that it is too old.
    and file != ROOT / "stages/tools/run.py"
)


def test_workers_default_to_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset or empty, as many workers as there are cores for this process."""
    monkeypatch.delenv("FINETRACK_WORKERS", raising=False)
    assert workers() == joblib.cpu_count() >= 1
    monkeypatch.setenv("FINETRACK_WORKERS", "")
    assert workers() == joblib.cpu_count()


def test_workers_as_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole number from 1 is taken as it is."""
    monkeypatch.setenv("FINETRACK_WORKERS", "7")
    assert workers() == 7


def test_processes_of_one_machine_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of torchrun's processes gets an equal share of the cores, and one at least."""
    monkeypatch.delenv("FINETRACK_WORKERS", raising=False)
    monkeypatch.setattr(environment, "cores", lambda: 9)
    shares = {"1": 9, "2": 4, "4": 2, "16": 1}
    for processes, share in shares.items():
        monkeypatch.setenv("LOCAL_WORLD_SIZE", processes)
        assert workers() == share
    monkeypatch.setenv("FINETRACK_WORKERS", "7")
    assert workers() == 7


@pytest.mark.parametrize(("quota", "threads"), [(4, "4"), (64, None)])
def test_a_quota_limits_the_threads_of_torch(
    quota: int, threads: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a quota allows less than the affinity, torch is told so; otherwise nothing is set."""
    monkeypatch.setenv("OMP_NUM_THREADS", "")  # to be restored as it was
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(environment, "cores", lambda: quota)
    monkeypatch.setattr(environment, "cores_by_affinity", lambda: 64)
    prepare_process()
    assert os.environ.get("OMP_NUM_THREADS") == threads


@pytest.mark.parametrize(
    ("before", "cores", "after"), [(None, 8, "4"), ("4", 4, "2"), ("8", 8, "8"), ("3", 4, "3")]
)
def test_processes_share_the_threads(
    before: str | None, cores: int, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of two gets half of the cores or of the quota, of 4 on 8 cores; what was set stays."""
    monkeypatch.setenv("OMP_NUM_THREADS", before or "")
    if before is None:
        monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(environment, "cores", lambda: cores)
    monkeypatch.setattr(environment, "cores_by_affinity", lambda: 8)
    share_threads(2)
    assert os.environ["OMP_NUM_THREADS"] == after


def test_threads_that_the_user_set_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number of threads from outside is kept under a quota too."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr(environment, "cores", lambda: 4)
    monkeypatch.setattr(environment, "cores_by_affinity", lambda: 64)
    prepare_process()
    assert os.environ["OMP_NUM_THREADS"] == "3"


@pytest.mark.parametrize(
    ("value", "url"),
    [("", ""), ("s3://birds/presize/", "s3://birds/presize"), ("gs://birds", "gs://birds")],
)
def test_scratch_is_a_folder_in_a_bucket(
    monkeypatch: pytest.MonkeyPatch, value: str, url: str
) -> None:
    """A slash at its end is none of its name; unset there is none."""
    monkeypatch.setenv("FINETRACK_SCRATCH", value)
    assert scratch_url() == url


@pytest.mark.parametrize("value", ["/tmp", "s3://", "s3://me:key@birds", "http://a", "s3://a b"])
def test_other_scratch_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """What is no folder in a bucket, or has a key in it, is refused by the variable's name."""
    monkeypatch.setenv("FINETRACK_SCRATCH", value)
    with pytest.raises(UserError, match="FINETRACK_SCRATCH must be a folder in a bucket"):
        scratch_url()


@pytest.mark.parametrize("variable", ["FINETRACK_SCRATCH", "FINETRACK_EXECUTOR"])
@pytest.mark.parametrize(
    "value",
    [
        "s3://me:hidden@birds/presize",
        "s3://hidden@birds",
        "S3://me:hidden/birds",
        "me:hidden",
        "me:hid/den",
        "azure://birds?sig=hidden",
        "AccountName=birds;AccountKey=hidden",
        "dask://me:hidden@head:8786",
    ],
)
def test_a_key_in_a_refused_value_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """An error goes to logs that others read: of a value that may hold a secret it shows none."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(UserError, match=f"^{variable} must be .* not a value that may ") as error:
        scratch_url() if variable == "FINETRACK_SCRATCH" else executor_address()
    assert "hid" not in str(error.value)
    assert "me:" not in str(error.value)


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "²", "١", " 2", "10000", "9" * 5000])
def test_other_numbers_of_workers_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What is no count is refused by the variable's name."""
    monkeypatch.setenv("FINETRACK_WORKERS", text)
    with pytest.raises(UserError, match="FINETRACK_WORKERS must be a whole number from 1"):
        workers()


def test_one_gpu_unless_more_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset, one; set, a whole number from 1; anything else is refused by name."""
    assert gpus() == 1
    monkeypatch.setenv("FINETRACK_GPUS", "4")
    assert gpus() == 4
    monkeypatch.setenv("FINETRACK_GPUS", "all")
    with pytest.raises(UserError, match=r"FINETRACK_GPUS must be a whole number .*, not 'all'"):
        gpus()


def test_no_restart_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset, none; set, a whole number from 1; anything else is refused by name."""
    assert restarts() == 0
    monkeypatch.setenv("FINETRACK_RESTARTS", "3")
    assert restarts() == 3
    monkeypatch.setenv("FINETRACK_RESTARTS", "-1")
    with pytest.raises(UserError, match="FINETRACK_RESTARTS must be a whole number"):
        restarts()


def test_device_is_auto_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset, the device is chosen; set, it is what was asked for."""
    monkeypatch.delenv("FINETRACK_DEVICE", raising=False)
    assert device_name() == "auto"
    monkeypatch.setenv("FINETRACK_DEVICE", "cuda:1")
    assert device_name() == "cuda:1"


@pytest.mark.parametrize("text", ["gpu", "cuda:", "cuda:-1", "meta", "\x1b[2J", "x" * 9000])
def test_other_devices_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What is no device is refused by the variable's name, and shown cut and escaped."""
    monkeypatch.setenv("FINETRACK_DEVICE", text)
    with pytest.raises(UserError, match="FINETRACK_DEVICE must be cpu, cuda") as error:
        device_name()
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 200


FREED = """
import resource, sys
from stages.base.environment import prepare_process
prepare_process()
import numpy as np
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(8_000_000)
before = faults()
for _ in range(10):
    np.ones(8_000_000)
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a knob of the GNU C library")
def test_freed_memory_is_kept_for_the_next_step() -> None:
    """Blocks of 64 MB, freed and asked for ten times, come without one fault for every page."""
    run = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    pages = 10 * 64_000_000 // 4096
    assert int(run.stdout) < pages / 10


@pytest.mark.parametrize("file", ENTRY_POINTS, ids=str)
def test_every_entry_point_prepares_its_process_first(file: Path) -> None:
    """A stage script or a tool imports prepare_process and calls it before anything else."""
    docstring, first, second, *_ = ast.parse((ROOT / file).read_text("utf-8")).body
    assert isinstance(docstring, ast.Expr)
    assert ast.unparse(first) == "from stages.base.environment import prepare_process"
    assert ast.unparse(second) == "prepare_process()"


def test_there_are_entry_points() -> None:
    """The list of entry points has the stage scripts and the commands among the tools."""
    assert Path("stages/fine_tune.py") in ENTRY_POINTS
    assert Path("stages/tools/predict.py") in ENTRY_POINTS


BEFORE_TORCH = """
import os, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print(os.environ.get("GOMP_SPINCOUNT"), os.environ.get("CUBLAS_WORKSPACE_CONFIG"))
            sys.exit()  # before the seconds that loading it takes
sys.meta_path.insert(0, Watch())
import stages.fine_tune
"""


def before_torch(**variables: str) -> list[str]:
    """Return the two variables as they are when a process that imports a stage loads torch."""
    names = ("GOMP_SPINCOUNT", "CUBLAS_WORKSPACE_CONFIG")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    run = subprocess.run(
        [sys.executable, "-c", BEFORE_TORCH],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=environment | variables,
    )
    return run.stdout.splitlines()


def test_variables_are_set_before_torch_is_loaded() -> None:
    """When torch is first looked for, libgomp's and cuBLAS's variables are there already."""
    assert before_torch() == ["2000 :4096:8"]


def test_variables_that_the_user_set_stay() -> None:
    """A value from outside is what torch is loaded with."""
    assert before_torch(GOMP_SPINCOUNT="infinite") == ["infinite :4096:8"]


def test_kernels_give_the_same_bytes_unless_asked_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Unset or empty, same; the three values are taken; anything else is refused with all three."""
    monkeypatch.delenv("FINETRACK_KERNELS", raising=False)
    assert kernel_choice() == "same"
    for name, choice in {"": "same", "same": "same", "any": "any", "compiled": "compiled"}.items():
        monkeypatch.setenv("FINETRACK_KERNELS", name)
        assert kernel_choice() == choice
    monkeypatch.setenv("FINETRACK_KERNELS", "fast")
    with pytest.raises(UserError) as error:
        kernel_choice()
    assert str(error.value) == "FINETRACK_KERNELS must be same, any or compiled, not 'fast'"


def test_trackers_are_named_by_comma(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spaces and repetitions count for nothing, unset is none, and another name is refused."""
    monkeypatch.delenv("FINETRACK_LOG", raising=False)
    assert tracker_names() == []
    monkeypatch.setenv("FINETRACK_LOG", " wandb, mlflow,,wandb")
    assert tracker_names() == ["wandb", "mlflow"]
    monkeypatch.setenv("FINETRACK_LOG", "mlflow,comet")
    with pytest.raises(UserError, match="dvclive, mlflow, tensorboard, wandb, not 'comet'"):
        tracker_names()


IMPORTED = """
import os, sys
before = dict(os.environ)
import stages.base.environment
assert dict(os.environ) == before
print(sorted({"numpy", "pandas", "torch", "pydantic"} & set(sys.modules)))
"""


def test_importing_sets_nothing_and_loads_nothing_heavy() -> None:
    """The module may be imported anywhere: only the call acts, and the import takes no time."""
    run = subprocess.run(
        [sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert run.stdout == "[]\n"


def test_preparing_twice_is_as_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that imports another prepares the process again, which changes nothing."""
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    prepare_process()
    once = dict(os.environ)
    prepare_process()
    assert dict(os.environ) == once
    assert once["GOMP_SPINCOUNT"] == "2000"


def test_windows_trains_on_one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one is refused there, before torch would fail; one is as everywhere."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("FINETRACK_GPUS", "1")
    assert gpus() == 1
    monkeypatch.setenv("FINETRACK_GPUS", "2")
    with pytest.raises(UserError, match="FINETRACK_GPUS must be 1 on Windows"):
        gpus()


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("", ""),
        ("local", ""),
        ("dask://10.0.0.1:8786", "tcp://10.0.0.1:8786"),
        ("tcp://head:8786", "tcp://head:8786"),
        ("tls://[::1]:8786", "tls://[::1]:8786"),
        ("ray://head:10001", "ray://head:10001"),
        ("dask:/shared/scheduler.json", "/shared/scheduler.json"),
        ("dask:scheduler.json", "scheduler.json"),
    ],
)
def test_an_executor_is_local_or_a_scheduler(
    monkeypatch: pytest.MonkeyPatch, value: str, address: str
) -> None:
    """FINETRACK_EXECUTOR names this machine, an address, or a file that has one."""
    monkeypatch.setenv("FINETRACK_EXECUTOR", value)
    assert executor_address() == address


@pytest.mark.parametrize(
    "value", ["dask", "dask://head", "ray://head", "ray:auto", "head:8786", "dask:x"]
)
def test_an_executor_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """The error names the variable and shows the forms that it may have."""
    monkeypatch.setenv("FINETRACK_EXECUTOR", value)
    with pytest.raises(UserError, match=r"FINETRACK_EXECUTOR must be local, dask://HOST:PORT") as e:
        executor_address()
    assert str(e.value).endswith(f"not '{value}'")
