"""The model of a past run, as far as DVC's cache has it: on which kind of machine it was made."""

import json
from contextlib import suppress

from stages.base.echo import cut
from stages.base.errors import UserError
from stages.compare.dvc_cache import DvcCache

_CARD_FILE = "model.json"
_LONGEST_NAME = 100


def processor_of_model(cache: DvcCache, name: str) -> str:
    """Return the processor or GPU that made a model; "" where the cache or the model does not say.

    name: the md5 of the model's folder in dvc.lock, "" where there is none.
    """
    with suppress(UserError, OSError, ValueError):
        files = cache.folder_files(name) or {}
        if _CARD_FILE in files:
            card = json.loads(files[_CARD_FILE].read_bytes())
            processor = card.get("processor") if isinstance(card, dict) else None
            return cut(processor, _LONGEST_NAME) if isinstance(processor, str) else ""
    return ""
