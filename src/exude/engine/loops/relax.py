"""Stages of a stabilised step of cells that push, pull and walk, and what a wall makes of its end."""

import numpy as np

UP = np.uint64  # of an index that cannot be negative: no check whether to count from the end


@inlined
def within(x, low, high):
    """x, or the wall it lies behind; what is no number stays none, for the next check to find."""
    return low if x < low else (high if x > high else x)


@kernel
def first_stage(first, last, share, places, drive, out, way, box):
    """A short step of Euler's method to places[1]; keeps what drives each cell at the start."""
    start, to = places
    axes = 2 if box.planar else 3
    for i in range(first, last):
        to[i, 2] = start[i, 2]
        for axis in range(axes):
            drive[i, axis] = out[i, axis] + way[i, axis]
            to[i, axis] = within(start[i, axis] + share * drive[i, axis], box.lower[axis], box.upper[axis])


@kernel
def stage(first, last, shares, places, drive, out, way, box):
    """A mix of the start, the last two stages, what drives now and what drove at the start, to the place of the older."""
    a, b, c, d, e = shares
    start, now, older = places
    for row in range(first, last):
        i = UP(row)
        for axis in range(3):  # a fixed number, so that the loop is unrolled
            k = UP(axis)
            if axis == 2 and box.planar:
                continue
            x = (a * start[i, k] + b * now[i, k]) + c * older[i, k]
            x += d * (out[i, k] + way[i, k]) + e * drive[i, k]
            older[i, k] = within(x, box.lower[k], box.upper[k])


@kernel
def land(first, last, position, to, heading, box):
    """Cells stand where the last stage put them; who came to a wall turns back."""
    axes = 2 if box.planar else 3
    for i in range(first, last):
        for axis in range(axes):
            x = to[i, axis]
            position[i, axis] = x
            outwards = heading[i, axis] < 0.0 if x <= box.lower[axis] else heading[i, axis] > 0.0
            if outwards and not box.lower[axis] < x < box.upper[axis]:
                heading[i, axis] = -heading[i, axis]
