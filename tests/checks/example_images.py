"""Tables of images by class and side of the split, for the tests of the checks."""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

# Label, split, group, width, height.
ImageRow = tuple[str, str, int, int, int]
image_rows = st.lists(
    st.tuples(
        st.text(min_size=1, max_size=4),
        st.sampled_from(["train", "valid", "excluded"]),
        st.integers(0, 5),
        st.integers(1, 999),
        st.integers(1, 999),
    ),
    max_size=30,
)


def images_of(**classes: tuple[int, ...]) -> pd.DataFrame:
    """Return images of 160x160, each its own group; a class is (train, valid, excluded)."""
    rows = [
        (label, split)
        for label, numbers in classes.items()
        for split, number in zip(("train", "valid", "excluded"), numbers, strict=False)
        for _ in range(number)
    ]
    images = pd.DataFrame(rows, columns=["label", "split"]).astype(str)
    images["path"] = [f"{label}_{row:04}.jpg" for row, label in enumerate(images["label"])]
    return images.assign(group=range(len(images)), width=160, height=160)


def images_from(rows: list[ImageRow]) -> pd.DataFrame:
    """Return images with these rows, named by their number."""
    columns = ["label", "split", "group", "width", "height"]
    return pd.DataFrame(rows, columns=columns).assign(path=[f"{n}.jpg" for n in range(len(rows))])


def named_photos(people: int, photos: int, bits: int, seed: int = 1) -> pd.DataFrame:
    """Return photos of people in two classes, each person's hashes about so many bits apart.

    Hashes of two people differ in about 128 of their 256 bits.
    """
    draw = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        own = draw.random(256) < 0.5
        for photo in range(photos):
            hashed = np.packbits(own ^ (draw.random(256) < bits / 512)).tobytes().hex()
            rows.append((f"p{person:02}_{photo}.jpg", "ab"[person % 2], hashed))
    return pd.DataFrame(rows, columns=["path", "label", "phash"], dtype="str")
