"""One implicit step of a field in one layer with losses from place to place: conjugate gradients on ever coarser grids.

A level is flat, with a border of nothing around it, so that one loop without branches passes over all its places.
"""

import numpy as np

UP = np.uint64  # of an index that cannot be negative: no check whether to count from the end
EAST, NORTH, OWN, INVERSE_OWN, LEFT, BETTER, PRODUCT, SEARCH, FOUND, N_ROOMS = range(10)  # rows of the scratch
DAMPING = 0.85  # share of a Jacobi round that is taken
LAST_ROUNDS = 8  # Jacobi rounds on the coarsest level


@leaf
def inner(room, one, other, first, last):
    """Sum of one x other over a level."""
    return dot(room[one, first:last], room[other, first:last])


@leaf
def operate(room, level, what):
    """PRODUCT = A x what, over a level."""
    begin, ny, nx = level
    w = nx + 2
    u = UP(what)
    east, north, own, product = UP(EAST), UP(NORTH), UP(OWN), UP(PRODUCT)
    for i in range(begin + w, begin + w * (ny + 1)):
        near = room[east, UP(i)] * room[u, UP(i + 1)] + room[east, UP(i - 1)] * room[u, UP(i - 1)]
        far = room[north, UP(i)] * room[u, UP(i + w)] + room[north, UP(i - w)] * room[u, UP(i - w)]
        room[product, UP(i)] = room[own, UP(i)] * room[u, UP(i)] - (near + far)


@leaf
def smooth(room, level):
    """BETTER += a damped Jacobi round towards LEFT."""
    begin, ny, nx = level
    w = nx + 2
    better, left, product, inverse = UP(BETTER), UP(LEFT), UP(PRODUCT), UP(INVERSE_OWN)
    for i in range(begin + w, begin + w * (ny + 1)):
        room[better, UP(i)] += DAMPING * room[inverse, UP(i)] * (room[left, UP(i)] - room[product, UP(i)])


@leaf
def descend(room, fine, coarse):
    """LEFT of the coarser level: what is left on the finer one, summed over two by two."""
    begin, ny, nx = fine
    its, cy, cx = coarse
    for b in range(cy):
        for c in range(cx):
            room[LEFT, its + (b + 1) * (cx + 2) + c + 1] = 0.0
    for b in range(ny):
        for c in range(nx):
            i = begin + (b + 1) * (nx + 2) + c + 1
            room[LEFT, its + (b // 2 + 1) * (cx + 2) + c // 2 + 1] += room[LEFT, i] - room[PRODUCT, i]


@leaf
def climb(room, fine, coarse):
    """BETTER of the finer level += the coarser level's."""
    begin, ny, nx = fine
    its, _cy, cx = coarse
    for b in range(ny):
        for c in range(nx):
            room[BETTER, begin + (b + 1) * (nx + 2) + c + 1] += room[BETTER, its + (b // 2 + 1) * (cx + 2) + c // 2 + 1]


@leaf
def first_round(room, level):
    """BETTER = a damped Jacobi round from nothing."""
    begin, ny, nx = level
    w = nx + 2
    better, left, inverse = UP(BETTER), UP(LEFT), UP(INVERSE_OWN)
    for i in range(begin + w, begin + w * (ny + 1)):
        room[better, UP(i)] = DAMPING * room[inverse, UP(i)] * room[left, UP(i)]


@leaf
def improve(room, levels):
    """BETTER = one symmetric V-cycle on LEFT."""
    n = levels.shape[0]
    for k in range(n - 1):
        level = (levels[k, 0], levels[k, 1], levels[k, 2])
        first_round(room, level)
        operate(room, level, BETTER)
        descend(room, level, (levels[k + 1, 0], levels[k + 1, 1], levels[k + 1, 2]))
    last = (levels[n - 1, 0], levels[n - 1, 1], levels[n - 1, 2])
    first_round(room, last)
    for _ in range(LAST_ROUNDS):
        operate(room, last, BETTER)
        smooth(room, last)
    for k in range(n - 2, -1, -1):
        level = (levels[k, 0], levels[k, 1], levels[k, 2])
        climb(room, level, (levels[k + 1, 0], levels[k + 1, 1], levels[k + 1, 2]))
        operate(room, level, BETTER)
        smooth(room, level)


@leaf
def between(mine, other):
    """Harmonic mean of two diffusion coefficients, 0 where one lets nothing through."""
    return 2.0 * (mine * other) / (mine + other) if mine > 0.0 and other > 0.0 else 0.0


@leaf
def lay_out(room, levels, speed, over, loss, decay):
    """Coefficients of all levels: conductances to the next place (1/s), OWN what a place loses in all.

    Coarser: sums over two by two places; conductances halved, because what crosses goes twice as far.
    """
    begin, ny, nx = levels[0, 0], levels[0, 1], levels[0, 2]
    for b in range(ny):
        for c in range(nx):
            i = begin + (b + 1) * (nx + 2) + c + 1
            here = speed[0, b, c]
            room[EAST, i] = over * between(here, speed[0, b, c + 1]) if c + 1 < nx else 0.0
            room[NORTH, i] = over * between(here, speed[0, b + 1, c]) if b + 1 < ny else 0.0
            room[OWN, i] = decay + loss[0, b, c]
    for k in range(1, levels.shape[0]):
        fine, my, mx = levels[k - 1, 0], levels[k - 1, 1], levels[k - 1, 2]
        begin, ny, nx = levels[k, 0], levels[k, 1], levels[k, 2]
        for i in range(begin, begin + (ny + 2) * (nx + 2)):
            room[EAST, i], room[NORTH, i], room[OWN, i] = 0.0, 0.0, 0.0
        for b in range(my):
            for c in range(mx):
                i = fine + (b + 1) * (mx + 2) + c + 1
                at = begin + (b // 2 + 1) * (nx + 2) + c // 2 + 1
                room[OWN, at] += room[OWN, i]
                if c % 2 == 1:
                    room[EAST, at] += 0.5 * room[EAST, i]
                if b % 2 == 1:
                    room[NORTH, at] += 0.5 * room[NORTH, i]
    for k in range(levels.shape[0]):
        begin, ny, nx = levels[k, 0], levels[k, 1], levels[k, 2]
        w = nx + 2
        for i in range(begin + w, begin + w * (ny + 1)):
            out = (room[EAST, i] + room[EAST, i - 1]) + (room[NORTH, i] + room[NORTH, i - w])
            room[OWN, i] += out
            room[INVERSE_OWN, i] = 1.0 / room[OWN, i] if room[OWN, i] > 0.0 else 0.0


@kernel
def solve_layer(field, loss, source, speed, over, decay, error, most, levels, room):
    """(decay + loss) u - div(D grad u) = source in one layer, (1, ny, nx), in the field's place, from where it stands.

    `over`: 1 / h2. Until the residual's norm is below `error` times that of `source`; returns the rounds it took, or
    -1 where `most` are too few. `levels`: (level, 3) begin, ny, nx of each grid; `room`: (N_ROOMS, all places), zero
    where borders are.
    """
    # 1. coefficients, and the field as a flat level
    lay_out(room, levels, speed, over, loss, decay)
    begin, ny, nx = levels[0, 0], levels[0, 1], levels[0, 2]
    w = nx + 2
    first, last = begin + w, begin + w * (ny + 1)
    for b in range(ny):
        for c in range(nx):
            i = begin + (b + 1) * w + c + 1
            room[FOUND, i], room[LEFT, i] = field[0, b, c], source[0, b, c]
            room[SEARCH, i] = 0.0
    # 2. what is left
    goal = error * error * inner(room, LEFT, LEFT, first, last)
    operate(room, (begin, ny, nx), FOUND)
    for i in range(first, last):
        room[LEFT, i] -= room[PRODUCT, i]
    before, rounds = 0.0, 0
    # 3. conjugate gradients
    while inner(room, LEFT, LEFT, first, last) > goal:
        if rounds == most:
            return -1
        improve(room, levels)
        gain = inner(room, LEFT, BETTER, first, last)
        beta = gain / before if before > 0.0 else 0.0
        before = gain
        for i in range(first, last):
            room[UP(SEARCH), UP(i)] = room[UP(BETTER), UP(i)] + beta * room[UP(SEARCH), UP(i)]
        operate(room, (begin, ny, nx), SEARCH)
        alpha = gain / inner(room, SEARCH, PRODUCT, first, last)
        for i in range(first, last):
            room[UP(FOUND), UP(i)] += alpha * room[UP(SEARCH), UP(i)]
            room[UP(LEFT), UP(i)] -= alpha * room[UP(PRODUCT), UP(i)]
        rounds += 1
    # 4. back
    for b in range(ny):
        for c in range(nx):
            field[0, b, c] = room[FOUND, begin + (b + 1) * w + c + 1]
    return rounds
