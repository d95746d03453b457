"""The model of a past run, as far as DVC's cache has it: its weights, and what made them."""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from stages.base.echo import cut
from stages.base.errors import UserError
from stages.compare.dvc_cache import DvcCache, md5_of

_CARD_FILE = "model.json"
_TENSORS_FILE = "model.safetensors"
_LONGEST_NAME = 100
# What the card says of the machine alone, and the card's checksum, which covers that too.
_OF_MACHINE = {"device", "precision", "threads", "processes", "renderer", "kernels", "torch"}
_ASIDE = _OF_MACHINE | {"processor", "card_sha256"}


@dataclass(frozen=True, kw_only=True)
class PastModel:
    """A model of which only the weights are compared; "" is what is not known."""

    folder: str = ""  # md5 of its folder, in dvc.lock
    processor: str = ""  # kind of processor or GPU that made it
    weights: str = ""  # md5 of its tensors
    use: str = ""  # md5 of what its card says apart from the machine, as its class names

    def has_weights_of(self, other: "PastModel") -> bool:
        """Return whether the tensors of both are the same, to the byte."""
        return bool(self.weights) and self.weights == other.weights

    def is_same(self, other: "PastModel") -> bool:
        """Return whether both answer alike: by the folder, or by all but the machine."""
        if not self.folder or self.folder == other.folder:
            return bool(self.folder)
        return self.has_weights_of(other) and bool(self.use) and self.use == other.use


def read_past_model(cache: DvcCache, name: str) -> PastModel:
    """Return a model by the md5 of its folder in dvc.lock, "" where there is none.

    Its listing and its card are read, where the cache has them, and its tensors are not.
    """
    listing: dict[str, str] = {}
    card: dict[str, Any] = {}
    with suppress(UserError, OSError, ValueError):
        listing = cache.listing(name) or {}
        content = json.loads(cache.read(listing.get(_CARD_FILE)) or b"{}")
        card = content if isinstance(content, dict) else {}
    processor = card.get("processor")
    use = {key: value for key, value in card.items() if key not in _ASIDE}
    return PastModel(
        folder=name,
        processor=cut(processor, _LONGEST_NAME) if isinstance(processor, str) else "",
        weights=listing.get(_TENSORS_FILE, ""),
        use=md5_of(json.dumps(use, sort_keys=True).encode()) if card else "",
    )
