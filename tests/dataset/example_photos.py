"""Photos for the tests of duplicates: scenes, their copies, and different photos of one scene."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance

from stages.base.seed import derive

Colour = tuple[int, int, int]


def scene(number: int, width: int = 320, height: int = 240) -> Image.Image:
    """Return a picture with structure at several scales, as photos have."""
    draw = derive(number, "scene")
    total = np.zeros((height, width, 3))
    for cells in (3, 6, 12, 24, 48):
        coarse = Image.fromarray(draw.integers(0, 256, (cells, cells, 3)).astype(np.uint8))
        total += np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) / cells**0.5
    levels = (total - total.min()) / (total.max() - total.min())
    return Image.fromarray((levels * 255).astype(np.uint8))


def exposed(image: Image.Image, number: int, noise: float = 3) -> Image.Image:
    """Return another exposure: a little lighter or darker, with other noise of the sensor."""
    draw = derive(number, "exposure")
    levels = np.asarray(image) * draw.uniform(0.95, 1.05)
    noisy = levels + draw.normal(0, noise, levels.shape)
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def resaved(image: Image.Image, quality: int) -> Image.Image:
    """Return a picture saved as a JPEG and read back."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def reduced(image: Image.Image, times: int) -> Image.Image:
    """Return a picture at a fraction of its size, saved as a JPEG."""
    size = (image.width // times, image.height // times)
    return resaved(image.resize(size, Image.Resampling.LANCZOS), 85)


def brightened(image: Image.Image, factor: float) -> Image.Image:
    """Return a picture that is brighter by a factor, saved as a JPEG."""
    return resaved(ImageEnhance.Brightness(image).enhance(factor), 88)


def cut(image: Image.Image, share: float) -> Image.Image:
    """Return a picture without this share of it on each side."""
    x = round(image.width * share)
    y = round(image.height * share)
    return resaved(image.crop((x, y, image.width - x, image.height - y)), 90)


def painted(image: Image.Image, share: float, colour: Colour = (110, 70, 130)) -> Image.Image:
    """Return another exposure, with an object as wide as this share of the shorter side."""
    side = round(share * min(image.size))
    x = round(0.4 * image.width)
    y = round(0.55 * image.height)
    copy = image.copy()
    ImageDraw.Draw(copy).rectangle((x, y, x + side, y + side), fill=colour)
    return exposed(copy, 1)


def fixed_camera(number: int) -> tuple[str, Image.Image]:
    """Return label and photo of a ramp, with a parcel on it or empty."""
    draw = derive(number, "parcel")
    image = scene(7)
    if number % 2:
        x, y = (int(draw.integers(100, 160)) for _ in range(2))
        box = (x, y, x + 45, y + 35)
        ImageDraw.Draw(image).rectangle(box, fill=(150, 110, 60), outline=(60, 40, 20))
    return ("parcel" if number % 2 else "empty"), exposed(image, number, noise=4)


def shirt(number: int) -> tuple[str, Image.Image]:
    """Return label and photo of one cut of shirt in one of three colours, moved by some pixels."""
    draw = derive(number, "shirt")
    colours: list[tuple[str, Colour]] = [
        ("red", (190, 30, 40)),
        ("green", (30, 120, 50)),
        ("blue", (40, 60, 190)),
    ]
    label, colour = colours[number % 3]
    red, green, blue = (int(level) for level in np.clip(colour + draw.integers(-15, 16, 3), 0, 255))
    outline = [(30, 45), (75, 25), (125, 25), (170, 45), (155, 80), (140, 70), (140, 180)]
    outline += [(60, 180), (60, 70), (45, 80)]
    x, y = (int(shift) for shift in draw.integers(-4, 5, 2))
    image = Image.new("RGB", (200, 200), "white")
    ImageDraw.Draw(image).polygon([(a + x, b + y) for a, b in outline], fill=(red, green, blue))
    return label, exposed(image, number, noise=4)


def traffic_light(number: int) -> tuple[str, Image.Image]:
    """Return label and photo of a traffic light, of which one of three lamps is on."""
    image = scene(11, 200, 200)
    pen = ImageDraw.Draw(image)
    pen.rectangle((70, 20, 130, 180), fill=(25, 25, 25))
    lamps: list[tuple[str, Colour]] = [
        ("red", (240, 40, 30)),
        ("amber", (250, 180, 40)),
        ("green", (40, 220, 90)),
    ]
    for row, (_, colour) in enumerate(lamps):
        lit = row == number % 3
        top = 30 + 50 * row
        pen.ellipse((80, top, 120, top + 40), fill=colour if lit else (50, 50, 50))
    return lamps[number % 3][0], exposed(image, number)


def solar_cell(number: int) -> tuple[str, Image.Image]:
    """Return label and photo of a solar cell: each another one, some with a hairline crack."""
    draw = derive(number, "cell")
    light = np.asarray(scene(3, 300, 300).convert("L")) * 0.4  # of the bench, the same for each
    levels = 40 + light + 2 * draw.normal(size=(6, 6)).repeat(50, 0).repeat(50, 1)
    cell = Image.fromarray(levels.clip(0, 255).astype(np.uint8)).convert("RGB")
    pen = ImageDraw.Draw(cell)
    for x in (75, 150, 225):
        pen.rectangle((x - 4, 0, x + 4, 300), fill=(190, 190, 190))
    for y in range(10, 300, 20):
        pen.line((0, y, 300, y), fill=(120, 120, 120))
    if number % 2:
        x, y = (int(start) for start in draw.integers(60, 200, 2))
        steps = np.cumsum(draw.integers(-4, 14, (8, 2)), axis=0)
        pen.line([(x + int(a), y + int(b)) for a, b in steps], fill=(35, 35, 35), width=2)
    return ("cracked" if number % 2 else "sound"), exposed(cell, number)
