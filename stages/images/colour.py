"""Colour: pictures are converted to sRGB by the ICC profile that their file has."""

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from stages.images.picture import Picture, as_image

# Bytes. The largest that presses use have 3 MB; a JPEG has room for 16.
MAX_PROFILE = 16 << 20
# The colours as measured, relative to the paper's white, as libvips converts. With the black point
# moved as well, dark inks would be up to 25 grey levels darker than what was measured.
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
_SRGB = ImageCms.createProfile("sRGB")
# Bytes 16 to 19 of a profile, its colour space -> mode of the pictures that it describes.
_MODE_OF_SPACE = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
# Grey levels. The sRGB profiles of HP, Canon, Nikon, Epson and Google, on 304 of 1,099 pet photos,
# change no colour by more than 1; those of 157 others change some by 9 to 153.
_SAME = 2
_STEPS = np.arange(0, 256, 51, dtype=np.uint8)
_GREYS = np.arange(256, dtype=np.uint8)


@dataclass(frozen=True)
class Colours:
    """What a file says about its colours: the profile to convert by, and the trait to count."""

    profile: bytes = b""  # none where the numbers are sRGB as they are
    mode: str = "RGB"  # of the pictures that the profile describes: RGB, L or CMYK
    trait: str = ""


@lru_cache(maxsize=8)
def colours_of(profile: bytes, mode: str) -> Colours:
    """Return the colours of a picture of a mode (RGB, L or CMYK) with an ICC profile.

    A profile of the sRGB kind has no effect. A broken one, or one of another kind of picture, such
    as RGB in a grey one, is a trait: the numbers are then taken for sRGB.
    """
    broken = Colours(trait="broken colour profile")
    if len(profile) > MAX_PROFILE or _MODE_OF_SPACE.get(profile[16:20]) != mode:
        return broken
    try:
        transform = _transform(profile, mode)
    except (OSError, ImageCms.PyCMSError):
        return broken
    if mode != "CMYK" and _changes_nothing(transform):
        return Colours()
    return Colours(profile, mode, "colour profile")


def to_srgb(picture: Picture, colours: Colours) -> Picture:
    """Return a picture in sRGB: RGBA as RGBA, all others as RGB. Alpha stays as it is."""
    if not colours.profile:
        return picture
    image = as_image(picture)
    mode = "RGBA" if image.mode == "RGBA" else colours.mode
    if mode == "RGBA" and colours.mode == "L":
        colour = as_image(to_srgb(image.getchannel(0), colours))
        colour.putalpha(image.getchannel(3))
        return colour
    return _transform(colours.profile, mode).apply(image.convert(mode))


@lru_cache(maxsize=8)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    """Return the conversion from a mode to sRGB; 8 ms, so a few are remembered."""
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    target = "RGBA" if mode == "RGBA" else "RGB"
    return ImageCms.buildTransform(opened, _SRGB, mode, target, _INTENT)


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Return whether 256 greys, and 216 colours where there are any, stay what they are."""
    probe = np.repeat(_GREYS[:, None, None], 3, axis=2)
    if transform.input_mode == "RGB":
        colours = np.stack(np.meshgrid(_STEPS, _STEPS, _STEPS), axis=-1).reshape(-1, 1, 3)
        probe = np.concatenate([probe, colours])
    image = Image.fromarray(probe).convert(transform.input_mode)
    found = np.asarray(transform.apply(image)).astype(int)
    return bool(abs(found - probe).max() <= _SAME)
