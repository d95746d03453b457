"""What the machine decides, not the results: environment variables, read and set in one place.

Imports nothing that takes time, since every entry point imports it first.
"""

import ctypes
import os
import platform
import re
import sys
from typing import Literal, get_args

from stages.base.cores import cores, cores_by_affinity
from stages.base.echo import echo
from stages.base.errors import UserError
from stages.base.terminal import (
    leave_quietly_when_interrupted,
    never_fail_to_encode,
    open_closed_streams,
)

# Parameters of glibc's mallopt, from malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3

KernelChoice = Literal["same", "any", "compiled"]

# Programs that keep params and metrics of runs, by the names in FINETRACK_LOG.
TRACKERS = ("dvclive", "mlflow", "tensorboard", "wandb")


def prepare_process() -> None:
    """Set what a process must have set before torch is loaded; every entry point calls this first.

    A value that the user has set in the environment stays.
    """
    # Threads of one torch operation wait for each other by spinning. When something else wants a
    # core, a thread may spin for one that is not running: beside one busy process training falls
    # from 80 images/s to 5. After 2,000 turns they sleep instead: 37 images/s then, and 79 when
    # alone. libgomp reads it once, when torch is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    # Without it, products of matrices on CUDA may share out their work anew each time. It is read
    # when CUDA is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # libgomp knows on which cores it may run, and not how much of their time it has: a container
    # that may use 4 of 64 would start 64 threads, which wait for each other most of the time.
    if cores() < cores_by_affinity():
        os.environ.setdefault("OMP_NUM_THREADS", str(cores()))
    _keep_freed_memory()
    open_closed_streams()
    never_fail_to_encode()
    leave_quietly_when_interrupted()


def _keep_freed_memory() -> None:
    """Let glibc keep large freed blocks for the next step, instead of giving them to the system.

    Otherwise each step of training faults in its activations page by page. Keeping them: 140
    images/s instead of 105 (lite0 at 96 px in batches of 32 on two cores, 5 rounds each). The
    blocks' upper bound is the largest that mallopt takes.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    for parameter in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
        ctypes.CDLL(None).mallopt(parameter, 2**31 - 1)


def workers() -> int:
    """Return how many processes or threads to use: FINETRACK_WORKERS, else the cores at hand.

    Processes that torchrun started on one machine share its cores.
    """
    return _whole_number("FINETRACK_WORKERS") or max(1, cores() // processes_here())


def processes_here() -> int:
    """Return how many processes train together on this machine, as torchrun says; else one."""
    return _whole_number("LOCAL_WORLD_SIZE") or 1


def share_threads(processes: int) -> None:
    """Give torch in each of so many processes, which inherit the environment, its share of cores.

    As torchrun does, since the threads of one operation wait for each other by spinning.
    """
    share = str(max(1, cores() // processes))
    by_quota = cores() < cores_by_affinity() and os.environ.get("OMP_NUM_THREADS") == str(cores())
    if by_quota:  # prepare_process set it for one process
        os.environ["OMP_NUM_THREADS"] = share
    os.environ.setdefault("OMP_NUM_THREADS", share)


def gpus() -> int:
    """Return on how many GPUs of this machine to train: FINETRACK_GPUS, else one."""
    count = _whole_number("FINETRACK_GPUS") or 1
    if count > 1 and sys.platform == "win32":  # torch has no NCCL there
        raise UserError("FINETRACK_GPUS must be 1 on Windows, where torch trains on one GPU alone")
    return count


def restarts() -> int:
    """Return how often training of several processes starts again: FINETRACK_RESTARTS, else 0."""
    return _whole_number("FINETRACK_RESTARTS")


def executor_address() -> str:
    """Return the scheduler that FINETRACK_EXECUTOR names; "" when the work is done here.

    As the engine takes it: `tcp://HOST:PORT` of Dask or the path of its scheduler file, which ends
    in .json; `ray://HOST:PORT` of Ray.
    """
    text = os.environ.get("FINETRACK_EXECUTOR", "") or "local"
    if text == "local":
        return ""
    if re.fullmatch(r"(dask|tcp|tls|ray)://[^\s/@]+:[0-9]{1,5}", text):
        return text.replace("dask://", "tcp://")
    if match := re.fullmatch(r"dask:([^/].*|/[^/].*)\.json", text):
        return f"{match[1]}.json"
    raise UserError(
        "FINETRACK_EXECUTOR must be local, dask://HOST:PORT, ray://HOST:PORT or dask:FILE.json, "
        f"which a scheduler of Dask has written, not {_echo_url(text)}"
    )


def scratch_url() -> str:
    """Return the folder in a bucket that FINETRACK_SCRATCH names, without a slash at its end.

    "" where workers share a folder with this machine.
    """
    url = os.environ.get("FINETRACK_SCRATCH", "").rstrip("/")
    if url and not re.fullmatch(r"(s3|gs|azure)://[^/:@?#\s]+(/[^@?#\s]+)?", url):
        raise UserError(
            "FINETRACK_SCRATCH must be a folder in a bucket, as s3://birds-scratch/presize, not "
            f"{_echo_url(url)}"
        )
    return url


def device_name() -> str:
    """Return the device asked for by FINETRACK_DEVICE (cpu, cuda, cuda:1, mps), or 'auto'."""
    name = os.environ.get("FINETRACK_DEVICE", "") or "auto"
    if not re.fullmatch(r"auto|(cpu|cuda|mps|xpu)(:[0-9]{1,3})?", name):
        raise UserError(f"FINETRACK_DEVICE must be cpu, cuda, cuda:1 or mps, not {echo(name)}")
    return name


def kernel_choice() -> KernelChoice:
    """Return how training chooses kernels: FINETRACK_KERNELS, else `same`.

    same: two runs give the same bytes. any: the fastest that the libraries find here, of which two
    runs may differ. compiled: as same, and torch.compile makes those of a step.
    """
    name = os.environ.get("FINETRACK_KERNELS", "") or "same"
    choices: dict[str, KernelChoice] = {choice: choice for choice in get_args(KernelChoice)}
    if name not in choices:
        raise UserError(f"FINETRACK_KERNELS must be same, any or compiled, not {echo(name)}")
    return choices[name]


def tracker_names() -> list[str]:
    """Return the trackers that FINETRACK_LOG names, by comma; none unless set."""
    names = [name.strip() for name in os.environ.get("FINETRACK_LOG", "").split(",")]
    named = list(dict.fromkeys(filter(None, names)))
    if unknown := [name for name in named if name not in TRACKERS]:
        raise UserError(f"FINETRACK_LOG must be of {', '.join(TRACKERS)}, not {echo(unknown[0])}")
    return named


def _echo_url(text: str) -> str:
    """Return a URL as an error shows it, unless a key, a password or a signature may be in it."""
    inside = re.sub(r"^[a-z0-9+.-]+://|^(dask|ray):", "", text, flags=re.IGNORECASE)
    if re.search(r"[@?#=;]|:(?![0-9]{1,5}$)", inside):  # a port is no secret
        return "a value that may hold a user name or a key, which is not shown"
    return echo(text)


def _whole_number(variable: str) -> int:
    """Return a variable's number, 0 when it is unset or empty; a UserError when it is no count."""
    text = os.environ.get(variable, "")
    if text and not re.fullmatch("0*[1-9][0-9]{0,3}", text):
        raise UserError(f"{variable} must be a whole number from 1 to 9999, not {echo(text)}")
    return int(text or 0)
