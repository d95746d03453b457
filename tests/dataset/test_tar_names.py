"""Tars get their names all together, whatever ends the process that gives them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.dataset.pack import files_to_pack, finish_killed_run, pack_files
from stages.dataset.packed_folder import read_packed
from stages.dataset.tar_names import PART, finish_names, lacks_names, name_tars
from tests.tar_files import write_folder
from tests.tiny_repo import ROOT

FILES = {f"{name}.jpg": name.encode() for name in "abcde"}
# Packs two files a tar, and kills itself by -9 before one step of naming; each call is a step.
KILLED = """
import os, signal, sys
from pathlib import Path
from stages.dataset.pack import files_to_pack, pack_files

steps = int(sys.argv[1])
def counted(step):
    def call(path, *rest, **options):
        global steps
        if ".photos-0" in path.name or path.name == ".photos-names.part":
            steps -= 1
            if steps < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return step(path, *rest, **options)
    return call
Path.rename, Path.unlink = counted(Path.rename), counted(Path.unlink)
photos, out = Path("photos"), Path("out")
pack_files(photos, files_to_pack(photos, out).new, out, most_files=2)
"""


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with photos/, and return the name of one for tars."""
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "photos", FILES)
    return Path("out")


def written(out: Path, count: int) -> list[Path]:
    """Return so many parts in a folder."""
    parts = [out / PART.replace("*", f"{number:06}") for number in range(count)]
    write_folder(out, {part.name: part.name.encode() for part in parts})
    return parts


def names_in(folder: Path) -> list[str]:
    """Return the names of the files in a folder, sorted."""
    return sorted(file.name for file in folder.iterdir())


def test_names_go_on_behind_those_that_are_there(out: Path) -> None:
    """Numbers are those behind the last, and nothing but tars is left."""
    assert name_tars(written(out, 2), out) == [out / f"photos-00000{n}.tar" for n in range(2)]
    (out / "photos-000001.tar").rename(out / "photos-000041.tar")
    assert name_tars(written(out, 1), out) == [out / "photos-000042.tar"]
    assert names_in(out) == [f"photos-0000{n}.tar" for n in ("00", "41", "42")]
    assert not lacks_names(out)
    assert finish_names(out) == []


def test_where_one_cannot_be_named_none_is(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that were given are taken back when a run ends between two."""
    rename = Path.rename

    def ended(part: Path, tar: Path) -> Path:
        if tar.name == "photos-000002.tar":
            raise KeyboardInterrupt
        return rename(part, tar)

    monkeypatch.setattr(Path, "rename", ended)
    paths = files_to_pack(Path("photos"), out).new
    with pytest.raises(KeyboardInterrupt):
        pack_files(Path("photos"), paths, out, most_files=2)
    assert not out.exists()
    monkeypatch.undo()


def killed_run(step: int) -> None:
    """Pack in a process that is killed before a step."""
    command = [sys.executable, "-c", KILLED, str(step)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("step", [0, 1, 2, 3])
def test_a_killed_run_is_finished_by_the_next(out: Path, step: int) -> None:
    """Killed before the first name, between two or after the last, it leaves tars that are whole.

    Until then nobody takes the half for the whole.
    """
    killed_run(step)
    assert len([name for name in names_in(out) if name.startswith("photos-")]) == step
    with pytest.raises(UserError, match="out lacks tars, since a make pack was killed"):
        read_packed(out)
    tars = finish_killed_run(out)
    assert tars == [out / f"photos-00000{number}.tar" for number in range(3)]
    assert names_in(out) == [tar.name for tar in tars]
    packed = read_packed(out).packed
    assert {path: (packed / path).read_bytes() for path in packed.places} == FILES
    assert files_to_pack(Path("photos"), out) == ([], sorted(FILES))
    assert finish_killed_run(out) == []


def test_who_packs_finishes_first(out: Path) -> None:
    """Parts of a killed run are not removed by one that found none of it when it started."""
    paths = files_to_pack(Path("photos"), out).new
    killed_run(1)
    with pytest.raises(UserError, match="5 files of these are in the tars of out already"):
        pack_files(Path("photos"), paths, out)
    assert len(names_in(out)) == 3


PART_0 = b'".photos-000000.tar.part"'


@pytest.mark.parametrize(
    "plan",
    [
        b"",
        b"[1]",
        b"{" + PART_0 + b': "../a.jpg"}',
        b"{" + PART_0 + b": 7}",
        b'{"../photos/a.jpg": "photos-000000.tar"}',
        b'{"photos/a.jpg": "photos-000000.tar"}',
        b'{"%s/photos/a.jpg": "photos-000000.tar"}',
        b'{".photos-00000\xd9\xa0.tar.part": "photos-000000.tar"}',
        b"{" + PART_0 + b': "photos-000001.tar", ".photos-000001.tar.part": "photos-000001.tar"}',
    ],
)
def test_a_damaged_plan_is_one_line(out: Path, plan: bytes) -> None:
    """It names the file and what to do; no tar and no file elsewhere is touched."""
    written(out, 2)
    write_folder(out, {"photos-000007.tar": b"a tar", "photos/a.jpg": b"inside"})
    before = contents()
    (out / ".photos-names.part").write_bytes(plan.replace(b"%s", os.fsencode(Path.cwd())))
    with pytest.raises(UserError, match=r"out/\.photos-names\.part is damaged, .* remove it, and"):
        finish_names(out)
    (out / ".photos-names.part").unlink()
    assert contents() == before


def contents() -> dict[Path, bytes]:
    """Return all files below the folder at hand."""
    return {file: file.read_bytes() for file in Path().rglob("*") if file.is_file()}


def planned(out: Path) -> None:
    """Write the plan of a run that was killed before its second tar had its name."""
    plan = {f".photos-00000{number}.tar.part": f"photos-00000{number}.tar" for number in range(2)}
    write_folder(out, {".photos-names.part": json.dumps(plan).encode()})


@pytest.mark.parametrize("remedy", ["photos-000001.tar", ".photos-000001.tar.part"])
def test_no_tar_is_overwritten(out: Path, remedy: str) -> None:
    """Where a part and a file of its name are there, none is moved until one of them is gone."""
    written(out, 2)
    write_folder(out, {"photos-000001.tar": b"mine"})
    planned(out)
    before = contents()
    with pytest.raises(UserError, match=r"out/photos-000001\.tar is there, .*; move one of them"):
        finish_names(out)
    assert contents() == before
    (out / remedy).unlink()
    assert finish_names(out) == [out / f"photos-00000{number}.tar" for number in range(2)]
    assert names_in(out) == ["photos-000000.tar", "photos-000001.tar"]


@pytest.mark.parametrize("link", ["../photos/a.jpg", "nowhere"])
def test_a_part_that_is_no_file_gets_no_name(out: Path, link: str) -> None:
    """A link or a folder in the place of a part is named with what to do, and nothing is moved."""
    first, second = written(out, 2)
    second.unlink()
    second.symlink_to(link)
    planned(out)
    said = r"out/\.photos-000001\.tar\.part is no file, .*; remove it, and run make pack again"
    with pytest.raises(UserError, match=said):
        finish_names(out)
    second.unlink()
    second.mkdir()
    with pytest.raises(UserError, match=said):
        finish_names(out)
    assert first.exists()
    second.rmdir()
    assert finish_names(out) == [out / "photos-000000.tar"]


def test_a_tar_that_was_removed_since_is_not_missed(out: Path) -> None:
    """Its photos are packed again, as those of any other tar that is not there."""
    killed_run(1)
    (out / "photos-000000.tar").unlink()
    tars = finish_killed_run(out)
    assert len(tars) == 2
    assert files_to_pack(Path("photos"), out).new == ["a.jpg", "b.jpg"]
