"""MVBs of cells that divide: each goes to the daughter with chance one half, by a coin of the daughter's own."""

GONE, STAYS, GIVES = 0, 1, 2  # what becomes of a cell: it dies, stays as it is, or shares with a daughter


@kernel
def divide(held, fate, coins, young, cell, row):
    """Take from a chunk the MVBs of the dead and, by coins, half of each mother's, and move the others up, in place.

    fate (cell,); coins (mother,): where the stream of her daughter's coins begins. Daughters go into `young` from
    `cell` and `row` on. Returns (rows left in the chunk, next cell and next row of the young).
    """
    old, new, mother = 0, 0, 0
    for i in range(len(fate)):
        rng = GOLDEN
        if fate[i] == GIVES:
            copy_cell(held, i, young, cell)
            rng = coins[mother]
        for stage in range(held.count.shape[1]):
            number, kept = held.count[i, stage], 0
            for _ in range(number):
                stays = fate[i] == STAYS
                if fate[i] == GIVES:
                    rng, u = uniform(rng)
                    stays = u >= 1 / 2
                if stays:
                    if old != new:
                        copy_vesicle(held, old, held, new, held.was_read[i])
                    new, kept = new + 1, kept + 1
                elif fate[i] == GIVES:
                    copy_vesicle(held, old, young, row, held.was_read[i])
                    row += 1
                old += 1
            held.count[i, stage] = kept
            if fate[i] == GIVES:
                young.count[cell, stage] = number - kept
        if fate[i] == GIVES:
            cell, mother = cell + 1, mother + 1
    return new, cell, row


@leaf
def copy_cell(source, a, target, b):
    """All that a cell is but for its MVBs."""
    target.next_name[b], target.was_read[b] = source.next_name[a], source.was_read[a]
    target.stream[b], target.rng[b], target.carry[b] = source.stream[a], source.rng[a], source.carry[a]
    target.time[b], target.step[b], target.t_base[b] = source.time[a], source.step[a], source.t_base[a]
    for many, own in (
        (source.stay, target.stay), (source.membrane, target.membrane), (source.x, target.x),
        (source.hazard, target.hazard),
    ):  # fmt: skip
        for q in range(many.shape[1]):
            own[b, q] = many[a, q]
    for q in range(source.total.shape[1]):
        target.total[b, q] = source.total[a, q]
