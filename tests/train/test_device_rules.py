"""Device rules: which device a process has by the name, and what may be missing."""

import re
import sys
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.ranks import Rank
from stages.train.device_rules import (
    PrecisionName,
    may_be_refused,
    named_device,
    refuse_no_cxx,
    refuse_several_compiled,
    refuse_uncompiled,
)


@pytest.mark.parametrize(
    ("name", "gpu", "rank", "device"),
    [
        ("auto", False, Rank(0, 1), "cpu"),
        ("auto", True, Rank(0, 1), "cuda:0"),
        ("auto", True, Rank(6, 8, 2), "cuda:2"),
        ("cuda", True, Rank(0, 1), "cuda:0"),
        ("cuda", True, Rank(3, 4, 3), "cuda:3"),
        ("cuda:1", True, Rank(0, 1), "cuda:1"),
        ("cuda:1", True, Rank(3, 4, 3), "cuda:3"),
        ("cpu", True, Rank(3, 4, 3), "cpu"),
        ("mps:0", False, Rank(0, 1), "mps:0"),
    ],
)
def test_each_process_has_the_gpu_of_its_number(
    name: str, gpu: bool, rank: Rank, device: str
) -> None:
    """Of several processes each takes the GPU of its number on its machine, one what it is told."""
    assert named_device(name, gpu, rank) == device


@pytest.mark.parametrize(
    ("name", "precision", "expected"),
    [
        ("auto", "auto", False),
        ("auto", "bf16", False),
        ("cpu", "fp32", False),
        ("cpu", "fp16", True),
        ("auto", "fp16", True),
        ("cuda:1", "auto", True),
        ("mps", "fp32", True),
    ],
)
def test_what_is_asked_for_by_name_may_be_refused(
    name: str, precision: PrecisionName, expected: bool
) -> None:
    """A GPU may be missing, and fp16 needs one; auto is tried by the first stage that computes."""
    assert may_be_refused(name, precision, "same") == expected
    assert may_be_refused(name, precision, "any") == expected
    assert may_be_refused(name, precision, "compiled")


def test_one_process_alone_compiles() -> None:
    """Several processes may choose kernels in the other ways, and one in every way."""
    refuse_several_compiled("compiled", 1)
    refuse_several_compiled("any", 2)
    with pytest.raises(UserError, match="in one process, not in 4: set it to same or any"):
        refuse_several_compiled("compiled", 4)


@pytest.mark.parametrize(
    "name", ["TORCH_COMPILE_DISABLE", "TORCHDYNAMO_DISABLE", "TORCHDYNAMO_SUPPRESS_ERRORS"]
)
def test_a_variable_that_leaves_steps_uncompiled_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named with its value and what to do; unset, empty or 0 it is as if it were not."""
    for value in ("", "0"):
        monkeypatch.setenv(name, value)
        refuse_uncompiled()
    monkeypatch.setenv(name, "1")
    with pytest.raises(UserError) as error:
        refuse_uncompiled()
    assert str(error.value) == (
        f"FINETRACK_KERNELS=compiled, and {name}='1' lets torch go on uncompiled: unset {name}, or "
        "set FINETRACK_KERNELS=same"
    )


def test_the_compiler_is_the_one_that_torch_would_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CXX names it, with options or a path with spaces; else it is the system's usual one."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    compiler = folder / "my-c++"
    compiler.write_text("#!/bin/sh\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    refuse_no_cxx()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("CXX", "my-c++ -O1")
    refuse_no_cxx()
    for system, name in {"linux": "g++", "darwin": "clang++", "win32": "cl"}.items():
        monkeypatch.delenv("CXX", raising=False)
        monkeypatch.setattr(sys, "platform", system)
        with pytest.raises(UserError, match=rf"there is no '{re.escape(name)}': install"):
            refuse_no_cxx()
    monkeypatch.setenv("CXX", "")
    with pytest.raises(UserError, match="there is no ''"):
        refuse_no_cxx()
