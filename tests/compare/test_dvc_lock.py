"""dvc.lock and params.yaml of any revision, read and checked."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.files import write_json, write_text
from stages.compare.dvc_cache import md5_of
from stages.compare.dvc_lock import (
    flatten_params,
    output_hashes,
    read_lock,
    read_params,
    seed_of,
    setup_fingerprint,
    used_params,
    within,
)
from tests.compare.example_lock import RESULT, example_lock

LOCK = "dvc.lock of v1"
PARAMS = "params.yaml of v1"
# Fifty levels of two: written out, 2^50 values.
YAML_BOMB = b"a0: &a0 [x, x]\n" + b"".join(
    b"a%d: &a%d [*a%d, *a%d]\n" % (level, level, level - 1, level - 1) for level in range(1, 50)
)


def test_setups_differ_by_all_but_the_seed() -> None:
    """Two seeds are one setup; another param, package, module or photo makes another."""
    other_seed = example_lock(params={"seed": 2, "rate": 0.1})
    assert setup_fingerprint(example_lock()) == setup_fingerprint(other_seed)
    other_photos = example_lock()
    other_photos["ingest"].data["data/photos"] = "2"
    for other in (
        example_lock(params={"seed": 1, "rate": 0.2}),
        example_lock(packages={"timm": "2"}),
        example_lock(code={"stages/a.py": "2"}),
        other_photos,
    ):
        assert setup_fingerprint(example_lock()) != setup_fingerprint(other)
    assert (seed_of(example_lock()), seed_of(other_seed), seed_of(None)) == (1, 2, None)


def test_a_lock_gives_all_params_and_outputs() -> None:
    """Params and outputs of all stages stand together."""
    lock = example_lock()
    assert used_params(lock) == {"seed": 1, "rate": 0.1, "top": 4}
    assert output_hashes(lock).keys() == {"data/list", RESULT, "reports/page.html"}


def test_a_missing_lock_is_none() -> None:
    """A revision without dvc.lock, and one without params.yaml, is no failure."""
    assert read_lock(None, LOCK) is None
    assert read_params(None, PARAMS) == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"just text", "it holds 'just text'"),
        (b"stages: [1, 2]", r"stages: Input should be a valid dictionary, not \[1, 2\]"),
        (b"\xff\xfe", "line 1: byte 0xff is no UTF-8"),
        (b"a: [", "is not valid YAML: line 1"),
        (b"a: 1", "stages: Field required"),
        (b"stages: {x: 1}", "stages.x: Input should be a valid dictionary"),
        (b"stages: {x: {params: [1]}}", "stages.x.params: Input should be a valid dictionary"),
        (b"stages: {x: {params: {f: [a, b]}}}", r"stages.x.params.f: .* not \['a', 'b'\]"),
        (b"stages: {x: {outs: [{md5: a}]}}", "stages.x.outs.0.path: Field required"),
        (b"stages: {x: {outs: [{path: [a], md5: a}]}}", "stages.x.outs.0.path: .* valid string"),
        (b"stages: {x: {deps: {path: a}}}", "stages.x.deps: Input should be a valid list"),
        (YAML_BOMB, "with its anchors"),
        (b"x: " + b"9" * 5000, "whole number of 5,000 digits"),
    ],
)
def test_a_damaged_lock_is_named(content: bytes, words: str) -> None:
    """A lock of another shape, with its revision and what is wrong in it, is one line at once."""
    with pytest.raises(UserError, match=f"^dvc.lock of v1.*{words}") as error:
        read_lock(content, LOCK)
    assert len(str(error.value)) < 300
    assert "\n" not in str(error.value)


def test_numbers_are_read_as_dvc_writes_them() -> None:
    """1e-3 is a number, and versions stay text."""
    text = b"""
stages:
  train:
    cmd: python
    params:
      params.yaml:
        fine_tune: {rate: 1e-3, deep: {er: [1, 2]}}
        seed: 7
      stages/packages.yaml:
        timm: 1.10
"""
    lock = read_lock(text, LOCK)
    assert lock is not None
    run = lock["train"]
    assert run.params == {"fine_tune.rate": 0.001, "fine_tune.deep.er": [1, 2], "seed": 7}
    assert run.packages.keys() == {"timm"}


def test_an_empty_section_is_a_value() -> None:
    """A section without keys stands by its own name."""
    assert flatten_params({"a": {}, "b": {"c": {"d": 1}}}) == {"a": {}, "b.c.d": 1}


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe", b"[1, 2]", b"just text", YAML_BOMB])
def test_damaged_params_are_named(content: bytes) -> None:
    """What is no mapping of params is one line that names the file and its revision."""
    with pytest.raises(UserError, match=r"^params\.yaml of v1"):
        read_params(content, PARAMS)


def test_params_are_read_by_their_dotted_names() -> None:
    """A params.yaml gives dotted names."""
    assert read_params(b"a: {b: 1e-3}\nseed: 1\n", PARAMS) == {"a.b": 0.001, "seed": 1}


def test_values_that_json_lacks_become_text() -> None:
    """Dates, NaN and infinity stand in compare.json as text, and are the same as themselves."""
    params = read_params(b"a: .nan\nb: [.inf, 1]\nc: 2024-01-02\n", PARAMS)
    assert params == {"a": "nan", "b": ["inf", 1], "c": "2024-01-02"}


def test_a_file_lies_within_a_folder_of_the_outputs() -> None:
    """An output is within itself; a path that only begins alike is not."""
    assert within("data/list", ["data/list"])
    assert within("data/list/part", ["data/list"])
    assert not within("data/listing", ["data/list"])


MADE_BY_DVC = """\
schema: '2.0'
stages:
  copy:
    cmd: cp -r photos model && echo 1 > error.json
    deps:
    - path: photos
      hash: md5
      md5: 2ddb127b3d6a262b3143cb464dd89851.dir
      size: 4
      nfiles: 1
    - path: stages/copy.py
      hash: md5
      md5: d41d8cd98f00b204e9800998ecf8427e
      size: 0
    params:
      params.yaml:
        rate.start: 1e-07
        seed: 42
      stages/packages.yaml:
        numpy: '2.4'
    outs:
    - path: error.json
      hash: md5
      md5: b026324c6904b2a9cb4b88d6d61c81d1
      size: 2
    - path: model
      hash: md5
      md5: 2ddb127b3d6a262b3143cb464dd89851.dir
      size: 4
      nfiles: 1
"""


@pytest.mark.slow
def test_dvc_writes_what_is_read(tmp_path: Path) -> None:
    """The installed DVC writes dvc.lock in the form that is known, to the byte; read whole.

    A new version of DVC that writes another form is noticed here before it is believed.
    """
    for name, content in {
        "photos/a.jpg": "abc\n",
        "stages/copy.py": "",
        "params.yaml": "seed: 42\nrate: {start: 1.0e-07}\n",
        "stages/packages.yaml": 'numpy: "2.4"\n',
    }.items():
        write_text(tmp_path / name, content)
    stage = {
        "cmd": "cp -r photos model && echo 1 > error.json",
        "deps": ["photos", "stages/copy.py"],
        "params": ["seed", "rate.start", {"stages/packages.yaml": ["numpy"]}],
        "outs": ["model"],
        "metrics": [{"error.json": {"cache": False}}],
    }
    write_json(tmp_path / "dvc.yaml", {"stages": {"copy": stage}})
    for words in (["init", "-q", "--no-scm"], ["repro", "-q"]):
        subprocess.run([sys.executable, "-m", "dvc", *words], cwd=tmp_path, check=True)
    written = (tmp_path / "dvc.lock").read_bytes()
    assert written.decode() == MADE_BY_DVC
    run = (read_lock(written, LOCK) or {})["copy"]
    assert run.params == {"rate.start": 1e-07, "seed": 42}
    assert run.packages == {"numpy": "2.4"}
    assert (list(run.code), list(run.data)) == (["stages/copy.py"], ["photos"])
    assert run.outs["model"] == run.data["photos"] == md5_of_folder({"a.jpg": md5_of(b"abc\n")})


def md5_of_folder(files: dict[str, str]) -> str:
    """Return the name by which DVC knows a folder: the md5 of its listing."""
    listing = [{"md5": md5, "relpath": path} for path, md5 in sorted(files.items())]
    return f"{md5_of(json.dumps(listing).encode())}.dir"
