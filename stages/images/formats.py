"""Formats: those that photos come in, and their extensions."""

from pathlib import PurePosixPath

# Left out are those that run other programs (EPS), and those without a header that distinguishes
# them from noise (TGA, PCX).
EXTENSIONS = {
    "AVIF": (".avif",),
    "BMP": (".bmp", ".dib"),
    "GIF": (".gif",),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "JPEG2000": (".jp2", ".j2k", ".jpx", ".jpf", ".j2c", ".jpc"),
    "MPO": (".mpo", ".jpg", ".jpeg"),
    "PNG": (".png", ".apng"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
ALL_EXTENSIONS = frozenset().union(*EXTENSIONS.values())
OPENED_FORMATS = tuple(name for name in EXTENSIONS if name != "MPO")  # MPO is opened as a JPEG


def wrong_extension(path: str, format_name: str) -> bool:
    """Return whether a file's extension is none of those of its format."""
    return PurePosixPath(path).suffix.lower() not in EXTENSIONS.get(format_name, ())
