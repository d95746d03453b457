"""The size of an epoch, in batches and in images."""


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Return the batches in an epoch of training: whole ones only, but at least one."""
    return max(1, images // batch_size)


def images_per_epoch(images: int, batch_size: int) -> int:
    """Return how many images an epoch sees: those of its batches.

    >>> images_per_epoch(100, 16), images_per_epoch(10, 16)
    (96, 10)
    """
    return min(images, steps_per_epoch(images, batch_size) * batch_size)
