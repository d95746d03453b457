"""The kernel of a GPU, run by Triton's interpreter and compiled for GPUs that are not here."""

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from stages.base.seed import derive
from stages.batch.lighting_table import WEIGHT_ONE
from stages.batch.render_cpu import prepare_views, render_images
from stages.batch.render_gpu import shrink_factors
from stages.batch.render_spec import RenderSpec
from stages.batch.view_record import PlacedImages, fill_record, record_bytes, record_in
from stages.batch.views import AugmentParams, Views, centre_views, random_views
from tests.batch.examples import identity_spec, imagenet_spec, noise_image
from tests.batch.plain_render import plain_resample

triton = pytest.importorskip("triton", reason="Triton is not installed: it is for Linux alone")

from stages.batch import device_kernel  # noqa: E402 - it needs Triton

# What a type of torch is to Triton's compiler.
POINTERS = {"float32": "*fp32", "float16": "*fp16", "bfloat16": "*bf16"}


def by_device(
    images: list[np.ndarray], views: Views, spec: RenderSpec, dtype: torch.dtype = torch.float32
) -> torch.Tensor:
    """Render images that lie one after the other, behind a byte of another, by the interpreter."""
    flat = torch.from_numpy(np.concatenate([[7], *[image.ravel() for image in images]]))
    placed = PlacedImages(
        begins=1 + np.cumsum([0, *[image.size for image in images]])[:-1],
        sizes=np.array([image.shape[:2] for image in images], np.int32),
        targets=np.zeros(len(images), np.int64),
        views=views,
        factors=shrink_factors(views.matrices, spec.size),
    )
    record = record_in(torch.empty(record_bytes(len(images)), dtype=torch.uint8), len(images))
    fill_record(record, placed, spec)
    out = torch.full((len(images), 3, spec.size, spec.size), torch.nan, dtype=dtype)
    out = out.to(memory_format=torch.channels_last)
    device_kernel.launch_kernel(flat.to(torch.uint8), record, out, 0)
    return out


def by_processor(images: list[np.ndarray], views: Views, spec: RenderSpec) -> torch.Tensor:
    """Render images by the compiled code of a processor."""
    with ThreadPoolExecutor(1) as pool:
        return render_images(images, prepare_views(views, spec.size), spec, pool, 1)


def strong_views(images: list[np.ndarray], size: int, seed: int, lighting: float = 0.4) -> Views:
    """Draw views that turn, warp and zoom as far as params allow, and further than any default."""
    params = AugmentParams(
        size=size, min_scale=0.05, max_rotate=180.0, max_zoom=4.0, max_warp=0.5,
        max_lighting=lighting, max_darkening=lighting, p_affine=0.9,
        p_lighting=0.75 * (lighting > 0), flip=True,
    )  # fmt: skip
    generators = [derive(seed, "device kernel", i) for i in range(len(images))]
    return random_views([image.shape[:2] for image in images], params, generators)


def images_of_many_sizes(count: int, seed: int) -> list[np.ndarray]:
    """Return noise of any shape up to 300 pixels, thin ones among it."""
    rng = np.random.default_rng(seed)
    shapes = rng.integers(1, 300, (count, 2))
    shapes[::7, 0] = rng.integers(1, 4, len(shapes[::7]))
    shapes[::11, 1] = rng.integers(1, 4, len(shapes[::11]))
    sizes = enumerate(shapes.tolist())
    return [noise_image(height, width, seed + number) for number, (height, width) in sizes]


@pytest.mark.parametrize(("size", "count"), [(16, 40), (37, 12), (96, 3)])
def test_it_gives_the_bits_of_the_processor(size: int, count: int) -> None:
    """Strong views of images of any size, of all factors in one launch, agree in every bit."""
    images = images_of_many_sizes(count, size)
    views = strong_views(images, size, seed=size)
    rendered = by_device(images, views, imagenet_spec(size))
    assert torch.equal(rendered, by_processor(images, views, imagenet_spec(size)))
    assert size > 16 or len(np.unique(shrink_factors(views.matrices, size))) > 2


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(20))
def test_thousands_of_views_agree_in_every_bit(seed: int) -> None:
    """Of 3,000 views of images of any size none differs from the processor's in a bit."""
    images = images_of_many_sizes(150, seed * 1000)
    views = strong_views(images, 16, seed)
    rendered = by_device(images, views, imagenet_spec())
    assert torch.equal(rendered, by_processor(images, views, imagenet_spec()))


@pytest.mark.parametrize("shape", [(1, 1), (1, 640), (640, 1), (2, 2), (200, 150)])
def test_extremes_of_size_agree_in_every_bit(shape: tuple[int, int]) -> None:
    """An image of one pixel, of one row or column, and one shrunk 9 times, agree in every bit."""
    images = [noise_image(*shape, seed) for seed in range(2)]
    views = strong_views(images, 16, seed=1)
    rendered = by_device(images, views, imagenet_spec())
    assert torch.equal(rendered, by_processor(images, views, imagenet_spec()))
    centred = centre_views([shape] * 2)
    rendered = by_device(images, centred, imagenet_spec())
    assert torch.equal(rendered, by_processor(images, centred, imagenet_spec()))


def test_it_equals_the_plain_reference() -> None:
    """Crops, rotations, zooms and warps at once equal the plain resample in float64."""
    images = [noise_image(5 * h, 5 * w, h) for h, w in [(18, 25), (31, 18), (1, 30), (30, 1)]]
    views = strong_views(images, 16, seed=3, lighting=0.0)
    factors = shrink_factors(views.matrices, 16)
    rendered = by_device(images, views, identity_spec()).permute(0, 2, 3, 1).numpy()
    for image, matrix, factor, pixels in zip(
        images, views.matrices, factors, rendered, strict=True
    ):
        assert np.abs(pixels - plain_resample(image, matrix, 16, factor)).max() < 0.001 / 255


def test_half_precision_is_float32_rounded() -> None:
    """In half precision each value is what rounding that of float32 gives."""
    images = images_of_many_sizes(12, 5)
    views = strong_views(images, 16, seed=5)
    rounded = by_processor(images, views, imagenet_spec()).half()
    assert torch.equal(by_device(images, views, imagenet_spec(), torch.float16), rounded)


def test_a_launch_fills_its_own_images_alone() -> None:
    """Rendered from a place on, images before and after it stay as they were."""
    images = images_of_many_sizes(2, 9)
    views = strong_views(images, 16, seed=9)
    flat = torch.from_numpy(np.concatenate([image.ravel() for image in images]))
    placed = PlacedImages(
        begins=np.array([0, images[0].size]),
        sizes=np.array([image.shape[:2] for image in images], np.int32),
        targets=np.zeros(2, np.int64),
        views=views,
        factors=shrink_factors(views.matrices, 16),
    )
    record = record_in(torch.empty(record_bytes(2), dtype=torch.uint8), 2)
    fill_record(record, placed, imagenet_spec())
    out = torch.full((5, 3, 16, 16), 9.0).to(memory_format=torch.channels_last)
    device_kernel.launch_kernel(flat, record, out, 2)
    assert (out[[0, 1, 4]] == 9).all()
    assert torch.equal(out[2:4], by_processor(images, views, imagenet_spec()))


def compiled(capability: int, dtype: str) -> tuple[str, str]:
    """Return the kernel for a GPU, in the assembly of all and in that of its machine code."""
    from triton import compile as compile_kernel
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    program = device_kernel.render_program(interpreted=False)
    types = {"flat": "*u8", "begins": "*i64", "sizes": "*i32", "factors": "*i32"}
    types |= {"matrices": "*fp64", "out": POINTERS[dtype], "first": "i32"}
    constants = {"LEVELS": 4082, "SIZE": 224, "BLOCK": device_kernel._BLOCK, "ONE": WEIGHT_ONE}
    others = {name: "constexpr" if name in constants else "*fp32" for name in program.arg_names}
    source = ASTSource(fn=program, signature=others | types, constexprs=constants)
    options = {"enable_fp_fusion": False, "num_warps": device_kernel._WARPS}
    result = compile_kernel(source, target=GPUTarget("cuda", capability, 32), options=options)
    return result.asm["ptx"], result.asm["sass"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("capability", "dtype", "rounding"),
    [
        (75, "float16", "cvt.rn.f16.f32"),
        (80, "float16", "cvt.rn.f16.f32"),
        (80, "bfloat16", "cvt.rn.bf16"),
        (90, "float32", ""),
        (90, "float16", "cvt.rn.f16.f32"),
        (90, "bfloat16", "cvt.rn.bf16"),
        (100, "float16", "cvt.rn.f16.f32"),
        (100, "bfloat16", "cvt.rn.bf16"),
    ],
)
def test_compiled_ahead_it_neither_fuses_nor_spills(
    capability: int, dtype: str, rounding: str
) -> None:
    """For each GPU no product is fused with a sum, every rounding is to nearest, none spills."""
    assembly, machine_code = compiled(capability, dtype)
    assert re.findall(r"\bfma\.", assembly) == []
    assert "div.rn.f64" in assembly
    assert rounding in assembly
    assert re.findall(r"\bdiv\.(?:full|approx)\b", assembly) == []
    assert "DFMA" in machine_code  # the reader of machine code works: a division takes some
    assert re.findall(r"\b(?:STL|LDL)\b", machine_code) == []
