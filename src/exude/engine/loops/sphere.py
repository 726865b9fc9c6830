"""A direction in space from a stream of random numbers, by which cells at one place part and daughters lie."""

import math

import numpy as np

UP = np.uint64  # of an index that cannot be negative: no check whether to count from the end
COINCIDE_ROUNDS = 64  # a point of the cube misses the ball 64 times in a row once in 1e20


@leaf
def point_in_ball(rng, planar):
    """A direction, uniform on the sphere (or the circle): a point of the cube that lies in the ball, stretched to 1."""
    x, y, z, length = 1.0, 0.0, 0.0, 1.0
    for _ in range(COINCIDE_ROUNDS):
        rng, a = uniform(rng)
        rng, b = uniform(rng)
        rng, c = uniform(rng)
        u, v, w = 2.0 * a - 1.0, 2.0 * b - 1.0, 0.0 if planar else 2.0 * c - 1.0
        square = u * u + v * v + w * w
        if 1e-6 < square <= 1.0:
            x, y, z, length = u, v, w, math.sqrt(square)
            break
    return x / length, y / length, z / length
