"""Cells and their vesicles as rows of a state, and in the working memory of a cell that runs: from one to the other."""


@leaf
def sum_of(n):
    """Vesicles of a cell, from those in each stage."""
    number = 0
    for s in range(N_STAGES):
        number += n[s]
    return number


@leaf
def copy_vesicle(source, a, target, b, was_read):
    """One vesicle from row a to row b; what is known of it only where it was read."""
    target.growth[b] = source.growth[a]
    target.weight[b, 0], target.weight[b, 1] = source.weight[a, 0], source.weight[a, 1]
    target.lag[b, 0], target.lag[b, 1] = source.lag[a, 0], source.lag[a, 1]
    target.born[b] = source.born[a]
    target.name[b] = source.name[a]
    if was_read:
        for place in range(8):
            target.known[b, place] = source.known[a, place]


@whole
def load(held, i, row, v):
    """Put cell i, its vesicles from `row` on, into working memory; False where that has not enough slots."""
    number, slots = sum_of(stage_tuple(held.count, i)), v.growth.shape[0]
    if number > slots:
        return False
    slot = 0
    for s in range(N_STAGES):
        for j in range(held.count[i, s]):
            v.members[s, j] = slot
            slot += 1
    for slot in range(number):
        copy_vesicle(held, row + slot, v, slot, held.was_read[i])
    for place in range(slots - number):
        v.free[place] = slots - 1 - place
    v.book[FREE], v.book[NAMES], v.stream[0] = slots - number, held.next_name[i], held.stream[i]
    copy_numbers(held.x[i], held.hazard[i], held.total[i], v.x, v.hazard, v.total)
    return True


@whole
def store(v, n, held, i, row):
    """Put a cell from working memory into place i, its vesicles into rows from `row` on; False where these are few."""
    if row + sum_of(n) > held.growth.shape[0]:
        return False
    for s in range(N_STAGES):
        held.count[i, s] = n[s]
        for j in range(n[s]):
            copy_vesicle(v, v.members[s, j], held, row, held.was_read[i])
            row += 1
    held.next_name[i], held.stream[i] = v.book[NAMES], v.stream[0]
    copy_numbers(v.x, v.hazard, v.total, held.x[i], held.hazard[i], held.total[i])
    return True


@leaf
def copy_numbers(x, hazard, total, to_x, to_hazard, to_total):
    """What a cell carries beside its vesicles."""
    for q in range(N_TRACES):
        to_x[q] = x[q]
    for q in range(N_EMISSIONS):
        to_hazard[q] = hazard[q]
    for q in range(total.shape[0]):
        to_total[q] = total[q]
