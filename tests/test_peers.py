"""Peers of the benchmark of recipes: the same photos, the same order, about the same seconds."""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import timm
import torch
import torchvision
from PIL import Image

from benchmarks import recipes, with_autogluon, with_timm, with_torchvision
from benchmarks.answers import Answers, paired, pooled
from benchmarks.class_folders import in_rows_order, link_photos
from benchmarks.peers import (
    PEERS,
    add_peer_options,
    answers_of_peers,
    epochs_within,
    files_of,
    is_peer,
    peer_name,
)
from benchmarks.recipe_sets import SETS
from benchmarks.recipes import PROBE, fifths_of, figures_of, pool, pooled_name, sets_of
from benchmarks.training import divide
from stages.dataset.duplicates import DUPLICATE_COLUMNS, write_duplicates
from stages.dataset.split_files import read_splits, write_splits
from stages.model.weights import load_in_order

# Natural sorting puts item 9 before item 10; ours, by code point, after it.
LABELS = ["item 9", "item 10", "b", "C", "a"]
DAMAGES = ("blur", "dark", "JPEG 20", "crop")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two photos of each class in training and one in validation."""
    rows = [
        (f"{number} {side}.png", label, side, "")
        for number, side in enumerate(("train", "valid", "train"))
        for label in LABELS
    ]
    rows = [(f"{label} {path}", label, side, "") for path, label, side, _ in rows]
    rows.append(("copy.png", "b", "excluded", "repeats another"))
    folder = tmp_path / "set"
    (folder / "photos").mkdir(parents=True)
    (folder / "data").mkdir()
    draw = np.random.default_rng(0)
    for path, *_ in rows:
        Image.fromarray(draw.integers(0, 256, (40, 50), np.uint8)).save(folder / "photos" / path)
    table = pd.DataFrame(rows, columns=["path", "label", "split", "reason"])
    write_splits(folder / "data/splits.csv", table)
    (folder / "params.yaml").write_text("ingest: {images: photos}\n", encoding="utf-8")
    return folder


def test_links_are_the_division_under_numbers(folder: Path, tmp_path: Path) -> None:
    """Classes and rows are numbers of one width, whose order is ours in any library."""
    linked = link_photos(folder, tmp_path / "links", "val")
    found = {
        str(link.relative_to(tmp_path / "links")): link.resolve().name
        for link in (tmp_path / "links").rglob("*.jpg")
    }
    assert linked.classes == 5
    assert linked.targets.tolist() == [4, 3, 2, 0, 1]  # C, a, b, item 10, item 9
    assert found["val/0004/000005.jpg"] == "item 9 1 valid.png"
    assert found["train/0003/000001.jpg"] == "item 10 0 train.png"
    assert sum(name.startswith("train/") for name in found) == 10
    assert sum(name.startswith("val/") for name in found) == 5


def test_a_class_without_training_photos_is_refused(folder: Path, tmp_path: Path) -> None:
    """Without its folder a library would number the other classes anew."""
    table = pd.DataFrame(
        [("a 0 train.png", "a", "train", ""), ("b 1 valid.png", "b", "valid", "")],
        columns=["path", "label", "split", "reason"],
    )
    write_splits(folder / "data/splits.csv", table)
    with pytest.raises(SystemExit, match="no photo in training"):
        link_photos(folder, tmp_path / "links", "val")


def test_answers_come_in_the_order_of_the_rows() -> None:
    """A library goes through classes; the answers follow the numbers of the files."""
    names = ["0000/000012.jpg", "0001/000003.jpg", "0001/000007.jpg"]
    pred_probs = np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]])
    assert in_rows_order(names, pred_probs)[:, 0].tolist() == [0.2, 0.3, 0.1]


@pytest.mark.parametrize(
    ("seconds", "of_one", "epochs"), [(100, 30, 3), (100, 45, 2), (1, 30, 1), (0, 30, 1)]
)
def test_epochs_fill_the_seconds(seconds: float, of_one: float, epochs: int) -> None:
    """As many epochs as come nearest to our seconds, and never none."""
    assert epochs_within(seconds, of_one) == epochs


def peer_options(*words: str) -> Namespace:
    """Return what a benchmark with peers was told."""
    parser = ArgumentParser()
    add_peer_options(parser)
    return parser.parse_args(words)


def test_a_peer_without_its_files_is_refused_at_once(tmp_path: Path) -> None:
    """The files of other libraries are not ours, so each must be named and there."""
    (tmp_path / "train.py").touch()
    options = peer_options("--timm-train", str(tmp_path / "train.py"))
    assert files_of("timm", options) == [str(tmp_path / "train.py")]
    assert files_of("fastai", options) == []
    with pytest.raises(SystemExit, match="--torchvision-"):
        files_of("torchvision", options)
    with pytest.raises(SystemExit, match="--timm-"):
        files_of("timm", peer_options("--timm-train", str(tmp_path / "none.py")))


def test_timm_answers_as_its_network_does(folder: Path, tmp_path: Path) -> None:
    """The probabilities of a checkpoint are those of the network on each photo of the split."""
    torch.manual_seed(0)
    model = timm.create_model(with_timm.PACKAGE.arch, num_classes=5).eval()
    torch.save({"state_dict": model.state_dict()}, tmp_path / "last.pth.tar")
    linked = link_photos(folder, tmp_path / "links", "validation")
    pred_probs = with_timm.predict(tmp_path / "last.pth.tar", tmp_path / "links/validation", 5)
    data: Any = timm.data
    config = data.resolve_data_config({"mean": (0.498,) * 3, "std": (0.502,) * 3}, model=model)
    see = data.create_transform(**config)
    photo = Image.open(folder / "photos/item 9 1 valid.png").convert("RGB")
    with torch.inference_mode():
        alone = model(see(photo)[None]).softmax(1)[0].numpy()
    assert linked.targets[0] == 4  # item 9 is the first row of validation
    np.testing.assert_allclose(pred_probs[0], alone, atol=1e-5)


def test_torchvisions_model_has_the_weights_of_the_file(tmp_path: Path) -> None:
    """All but the last layer is that of the file, in 32 bits; another model's file is refused."""
    saved = torchvision.models.resnet18(num_classes=7).state_dict()
    torch.save({name: tensor.half() for name, tensor in saved.items()}, tmp_path / "resnet18.pth")
    network = with_torchvision.with_weights("resnet18", tmp_path / "resnet18.pth", classes=5)
    ours = network.state_dict()
    assert ours["fc.weight"].shape == (5, 512)
    assert ours["conv1.weight"].dtype == torch.float32
    torch.testing.assert_close(ours["conv1.weight"], saved["conv1.weight"].half().float())
    with_torchvision.register("resnet18", tmp_path / "resnet18.pth")
    named = torchvision.models.get_model("from_file", num_classes=5, weights=None)
    torch.testing.assert_close(named.state_dict()["conv1.weight"], ours["conv1.weight"])
    with pytest.raises(SystemExit, match="does not fit resnet34"):
        with_torchvision.with_weights("resnet34", tmp_path / "resnet18.pth", classes=5)


def answers(right: list[bool], recipe: str = "") -> Answers:
    """Return answers of which these are right, of two classes."""
    wrong = ~np.array(right)
    return Answers(
        pred_probs=np.eye(2)[wrong.astype(int)],
        targets=np.zeros(len(right), int),
        seconds=1.0,
        megabytes=2.0,
        recipe=recipe,
        degraded={name: (np.array(right), np.array(right)) for name in DAMAGES},
    )


def test_each_peer_is_compared_on_its_own_seeds() -> None:
    """A peer that was run on one seed of two is compared with ours on the images of that one."""
    ours = [answers([True] * 4, "deep"), answers([False] * 4, "deep")]
    seeds = [
        {"default": ours[0], PROBE: ours[0], "timm": answers([True, False] * 2, "3 epochs")},
        {"default": ours[1], PROBE: ours[1]},
    ]
    figures = figures_of(seeds)
    assert figures["default, against timm"]["images"] == 4
    assert figures["default, against timm"]["only this is right"] == 2
    assert figures["default, against the probe"]["images"] == 8
    assert figures["timm, recipes"] == {"3 epochs": 1}
    assert figures["timm, error, %"]["n"] == 1
    assert not {f"default, against {peer}" for peer in PEERS if peer != "timm"} & figures.keys()


def test_autogluon_starts_from_the_packaged_weights(tmp_path: Path) -> None:
    """What it reads as a folder of timm is the backbone that timm's own script is given."""
    with_autogluon.write_checkpoint(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text("utf-8"))
    backbone = timm.create_model(
        config["architecture"], checkpoint_path=str(tmp_path / "pytorch_model.bin"), num_classes=0
    )
    package = with_timm.PACKAGE
    whole = timm.create_model(package.arch)
    load_in_order(whole, torch.load(package.path(), weights_only=True))
    for name, weight in backbone.state_dict().items():
        assert torch.equal(weight, whole.state_dict()[name])
    assert config["num_features"] == backbone.num_features


def test_autogluon_is_given_each_link_with_its_class(folder: Path, tmp_path: Path) -> None:
    """Its table has a row for each photo of a side, sorted, as plain strings."""
    link_photos(folder, tmp_path / "links", "valid")
    table = with_autogluon.table_of(tmp_path / "links/train")
    assert len(table) == 10
    assert table["label"].tolist() == [f"{number:04}" for number in range(5) for _ in range(2)]
    assert table["image"].is_monotonic_increasing
    assert set(table.dtypes) == {np.dtype(object)}


def test_a_peer_that_trained_longer_is_another_row() -> None:
    """Its answers have their own name, by which they are known as a peer's and compared."""
    longer = peer_name("timm", 4)
    assert longer == "timm, 4 times as long"
    assert peer_name("timm", 1.0) == "timm"
    assert [is_peer(name) for name in (longer, "fastai", "default", "probe of lite0, 224 px")] == [
        True, True, False, False,
    ]  # fmt: skip
    seed = {
        "default": answers([True] * 4, "deep"),
        PROBE: answers([True] * 4),
        "timm": answers([False] * 4, "3 epochs"),
        longer: answers([True, False] * 2, "12 epochs"),
    }
    figures = figures_of([seed])
    assert figures["default, against timm"]["only this is right"] == 4
    assert figures[f"default, against {longer}"]["only this is right"] == 2
    assert not any(name.startswith(f"{longer}, against") for name in figures)


def test_torchvision_is_left_out_of_sets_of_few_classes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its script fails where there are no five most probable classes."""
    assert answers_of_peers(tmp_path, ["torchvision"], answers([True]), peer_options()) == {}
    assert "needs 5 classes" in capsys.readouterr().out


def test_pooled_counts_give_the_test_of_all_images() -> None:
    """What several sets counted makes the paired test that their images together would."""
    draw = np.random.default_rng(3)
    sets = [(draw.random(n) < 0.8, draw.random(n) < 0.7) for n in (37, 188, 120)]
    whole = paired(*(np.concatenate([one[side] for one in sets]) for side in (0, 1)))
    assert pooled([paired(*one) for one in sets]) == whole


def test_several_sets_together_have_one_name() -> None:
    """Run or put together later, they are named one after another, those of a half too."""
    assert pooled_name(["greek", "leaves"]) == "greek, leaves"
    assert pooled_name(sets_of("choosing")).startswith("digits, pets, textures, ")


def test_fifths_are_in_the_name_of_results() -> None:
    """The first fifth alone is what results without a word on fifths hold."""
    assert fifths_of(Namespace(fifths=[1])) == ""
    assert fifths_of(Namespace(fifths=[2, 3])) == ", fifths 2 and 3"


def test_fifths_of_a_seed_share_no_image(tmp_path: Path) -> None:
    """Each image validates in one fifth, and those that look alike validate together."""
    paths = [f"{number:02}.png" for number in range(30)]
    (tmp_path / "data").mkdir()
    (tmp_path / "params.yaml").write_text("seed: 0\n", "utf-8")
    splits = pd.DataFrame({"path": paths, "label": "a", "split": "train", "reason": ""})
    write_splits(tmp_path / "data/splits.csv", splits)
    pair = pd.DataFrame([["00.png", "29.png", "exact", "0", "0"]], columns=DUPLICATE_COLUMNS)
    write_duplicates(tmp_path / "data/duplicates.csv", pair)
    sides = []
    for fifth in range(1, 6):
        divide(tmp_path, 7, fifth)
        written = read_splits(tmp_path / "data/splits.csv")
        sides.append(set(written.loc[written["split"] == "valid", "path"]))
    assert sum(map(len, sides)) == len(set().union(*sides))
    assert all(("00.png" in side) == ("29.png" in side) for side in sides)


def test_a_half_without_sets_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no set is left that was not looked at, the benchmark ends and says so."""
    monkeypatch.setattr(recipes, "SETS", {"digits": SETS["digits"]})
    with pytest.raises(SystemExit, match="has no set of the half unseen; name some"):
        sets_of("unseen")


@pytest.mark.parametrize(
    ("sets", "line"),
    [
        (["digits"], "--pool puts sets together, and digits is one; name more by --sets"),
        (["digits", "none"], "recipes.json has nothing of none; run without --pool"),
    ],
)
def test_sets_that_cannot_be_pooled_are_refused(
    sets: list[str], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One set, whose own figures would be overwritten, or one without results ends in a line."""
    results = tmp_path / "recipes.json"
    results.write_text('{"digits": {"figures": {}}}', "utf-8")
    monkeypatch.setattr(recipes, "RESULTS", tmp_path)
    with pytest.raises(SystemExit) as stop:
        pool(sets, None)
    assert stop.value.code == line
    assert results.read_text("utf-8") == '{"digits": {"figures": {}}}'
