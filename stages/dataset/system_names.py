"""System names: what systems and programs leave beside photos, which no photo is called."""

# In lower case: their own files, thumbnails, bins.
_SYSTEM_NAMES = frozenset(
    {"thumbs.db", "ehthumbs.db", "desktop.ini", "picasa.ini", "icon\r", "zbthumbnail.info"}
    | {"@eadir", "@recycle", "#recycle", "#snapshot", "@__thumb", "__macosx", "lost+found"}
    | {"$recycle.bin", "system volume information"}
)
_SYSTEM_ENDINGS = (".lrdata", ":zone.identifier", "@synoeastream", "@synoresource")


def is_system_name(name: str) -> bool:
    """Return whether a name, in lower case, is one that no photo has."""
    return name.startswith(".") or name in _SYSTEM_NAMES or name.endswith(_SYSTEM_ENDINGS)


def hidden_part(path: str) -> str:
    """Return the path up to the first name that no photo has, "" where there is none.

    >>> hidden_part("a/.trash/b.jpg"), hidden_part("a/b.jpg")
    ('a/.trash', '')
    """
    parts = path.split("/")
    for count, name in enumerate(parts, start=1):
        if is_system_name(name.lower()):
            return "/".join(parts[:count])
    return ""
