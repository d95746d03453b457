"""The augmentation and the rendering that the tests of the trace and of the epochs share."""

import torch

from stages.batch.render_spec import RenderSpec
from stages.batch.views import AugmentParams

SEED = 5
AUGMENT = AugmentParams(
    size=32,
    min_scale=0.75,
    max_rotate=10.0,
    max_zoom=1.1,
    max_warp=0.2,
    max_lighting=0.2,
    max_darkening=0.5,
    p_affine=0.75,
    p_lighting=0.75,
    flip=True,
)
RENDER = RenderSpec(size=32, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4), device=torch.device("cpu"))
