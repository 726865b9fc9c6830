"""The event loop for models whose vesicles do not feel each other: one life after the other, each exact in time.

Where no rate reads a count and nothing merges, the course of a vesicle depends on calcium alone. So the rates of a
cell are laid out once as a table of steps, and every life runs through it by itself, from its own stretch of the
cell's random stream: a unit exponential is spent on the sum of the rates that lead out of its stage and carried across
steps. Counts at the output times are running sums of arrivals and departures.
"""

import math

import numpy as np

DONE, POOL_FULL, LOG_FULL, TABLE_FULL = 0, 1, 2, 3
AT, LEFT, RATE, BORN = 0, 1, 2, 3  # columns of a clock: time, exponential left, rate at which it is spent, birth
STAGE, NAME = 0, 1  # columns of a vesicle's whole numbers
LIFE_SHIFT = np.uint64(16)  # draws in the stretch of one life
BIRTHS = np.uint64(1 << 35)  # second half of a cell's stretch: births, and emissions after them
EMISSIONS = np.uint64(3 << 34)
OUT_RATE, MEAN, SHARE = 0, 1, 2  # columns of a stage in a step: sum of rates out, its inverse, running shares of ways
UP = np.uint64  # of an index that cannot be negative: no check whether to count from the end
DRAWS = 16  # pairs of numbers drawn at once: fewer are unrolled instead of becoming vector instructions
UNDRAWN = -1.0
TINY = 1e-300  # an exponential spent to the last bit is still not 0, whose product with an endless mean is no number
N_OWN_TOTALS = 9


@inlined
def exponential(rng):
    rng, u = uniform(rng)
    return rng, -log(u)


@leaf
def draw_ahead(rng, wait, pick):
    """The next pairs (exponential, uniform) of a life's stream, side by side: the loop becomes vector instructions."""
    for q in range(DRAWS):
        _, u = uniform(rng + GOLDEN * np.uint64(2 * q))
        wait[q] = -log(u)
        _, pick[q] = uniform(rng + GOLDEN * np.uint64(2 * q + 1))


@inlined
def respend(t, left, rate, now, begin):
    """A clock (time, exponential left, rate) that goes on at another rate from `begin` on."""
    return (t, left, rate) if now == rate else (begin, max(left - (begin - t) * rate, TINY), now)


@inlined
def row_after(t, grid):
    """The first output row whose time lies after t."""
    row = grid.row[UP((t - grid.begin[0]) * grid.per_second[0])]
    row += grid.at[UP(row)] <= t  # without a branch: the loop below is for uneven output times
    while grid.at[UP(row)] <= t:
        row += 1
    return row


@leaf
def write(rows, t, cell, name, what, born):
    """One row of a table; False where it is full. A vesicle without a membrane has no ILVs to count."""
    row = rows.used[0]
    if row >= rows.capacity:
        return False
    rows.time[row], rows.cell[row], rows.vesicle[row], rows.what[row] = t, cell, name, what
    rows.ilv[row], rows.cargo[row], rows.growth[row] = -1, -1, 0
    rows.age[row], rows.diameter[row] = t - born, 0.0
    rows.used[0] = row + 1
    return True


@leaf
def pass_looks(i, look, looks, before, stage, name, born, reads):
    """Rows of the snapshots a life passes until `before`; returns (next snapshot, whether all found room)."""
    while look < looks.shape[0] and looks[look] < before:
        if not write(reads, looks[look], i, name, stage, born):
            return look, False
        look += 1
    return look, True


@leaf
def live_unseen(drawn, stage, t, left, step, end, ways, at, row_of, begin, per_second, wait, pick, change, gained):
    """Events of a life within one step while no row is kept and numbers drawn ahead last.

    What `live` does, and nothing else, so that all of it stays in registers: twice as fast. Returns (whether the life
    is over, numbers used, stage, time, exponential left).
    """
    here = (step * N_STAGES + stage) * N_WAYS
    while True:
        next_t = t + left * ways[UP(here + MEAN)]
        if not next_t < end:
            return False, drawn, stage, t, left
        t = next_t
        which = stage * N_OUT
        for q in range(N_OUT - 1):
            which += pick[UP(drawn)] >= ways[UP(here + SHARE + q)]
        target = GOES[UP(which)]
        row = row_of[UP((t - begin) * per_second)]
        row += at[UP(row)] <= t
        while at[UP(row)] <= t:
            row += 1
        change[UP(row), UP(stage)] -= 1
        if target < 0:
            gained[row, ENDS[which]] += 1
            return True, drawn, stage, t, left
        stage = target
        here = (step * N_STAGES + stage) * N_WAYS
        change[UP(row), UP(stage)] += 1
        drawn += 1
        if drawn == DRAWS:
            return False, drawn, stage, t, left
        left = wait[UP(drawn)]


@leaf
def live(i, rng, stage, name, t, left, rate, born, step, table, grid, v, events, reads, moves):
    """One life to its end or the table's; returns (reason, goes on, stream, stage, time, exponential left, rate).

    `rng` is where the pair of numbers of the next event stands in the life's stream; `left` is what is left of its
    exponential (negative: not yet drawn), spent at `rate` since time t.
    """
    last, ways, goes, change, wait, pick = table.n[0] - 1, table.ways, GOES, v.change, v.wait, v.pick
    look = np.searchsorted(grid.looks, max(t, table.begin[0]))
    end, begin = table.end[step], table.begin[step]
    draw_ahead(rng, wait, pick)
    drawn = 0
    if left < 0.0:
        left, rate = wait[0], ways[UP((step * N_STAGES + stage) * N_WAYS + OUT_RATE)]
    unseen = events.capacity == 0 and grid.looks.shape[0] == 0
    while True:
        # 1. when: the exponential is spent at the rate out of this stage
        here = (step * N_STAGES + stage) * N_WAYS
        t, left, rate = respend(t, left, rate, ways[UP(here + OUT_RATE)], begin)
        if unseen:
            over, drawn, stage, t, left = live_unseen(
                drawn, stage, t, left, step, end, ways, grid.at, grid.row, grid.begin[0], grid.per_second[0],
                wait, pick, change, v.gained,
            )  # fmt: skip
            if over:
                return DONE, False, rng, stage, t, left, rate
            here = (step * N_STAGES + stage) * N_WAYS
            rate = ways[UP(here + OUT_RATE)]
            if drawn == DRAWS:
                rng = rng + GOLDEN * np.uint64(2 * DRAWS)
                draw_ahead(rng, wait, pick)
                drawn, left = 0, wait[0]
                continue
        next_t = t + left * ways[UP(here + MEAN)]
        if not next_t < end:
            if step < last:
                step += 1
                end, begin = table.end[step], table.begin[step]
                continue
            look, room = pass_looks(i, look, grid.looks, math.inf, stage, name, born, reads)
            return (DONE if room else LOG_FULL), True, rng + GOLDEN * np.uint64(2 * drawn), stage, t, left, rate
        if look < grid.looks.shape[0]:
            look, room = pass_looks(i, look, grid.looks, next_t, stage, name, born, reads)
            if not room:
                return LOG_FULL, False, rng, stage, t, left, rate
        t = next_t
        # 2. which event
        u = pick[UP(drawn)]
        which = stage * N_OUT
        for q in range(N_OUT - 1):
            which += u >= ways[UP(here + SHARE + q)]
        target = goes[UP(which)]
        # 3. what it does
        row = row_after(t, grid)
        change[UP(row), UP(stage)] -= 1
        if target < 0 or moves:
            event = OUT[stage, which - stage * N_OUT]
            if events.capacity > 0 and not write(events, t, i, name, event, born):
                return LOG_FULL, False, rng, stage, t, left, rate
            if target < 0:
                v.gained[row, ENDS[which]] += 1
                return DONE, False, rng, stage, t, left, rate
        stage = target
        change[UP(row), UP(stage)] += 1
        drawn += 1
        if drawn == DRAWS:
            rng = rng + GOLDEN * np.uint64(2 * DRAWS)
            draw_ahead(rng, wait, pick)
            drawn = 0
        left, rate = wait[UP(drawn)], ways[UP((step * N_STAGES + stage) * N_WAYS + OUT_RATE)]


@leaf
def keep(v, stage, name, rng, t, left, rate, born):
    """A vesicle that lives on; False where there is no room for it."""
    place = v.n[0]
    if place >= v.stream.shape[0]:
        return False
    v.number[place, STAGE], v.number[place, NAME] = stage, name
    v.clock[place, AT], v.clock[place, LEFT], v.clock[place, RATE], v.clock[place, BORN] = t, left, rate, born
    v.stream[place] = rng
    v.n[0] = place + 1
    return True


@leaf
def old_lives(i, state, table, grid, v, events, reads, moves):
    """Vesicles that were there before go on."""
    for place in range(state.n[i]):
        stage, name = state.number[i, place, STAGE], state.number[i, place, NAME]
        t, left = state.clock[i, place, AT], state.clock[i, place, LEFT]
        rate, born = state.clock[i, place, RATE], state.clock[i, place, BORN]
        reason, on, rng, stage, t, left, rate = live(
            i, state.vesicle_stream[i, place], stage, name, t, left, rate, born, 0, table, grid, v, events, reads, moves
        )
        if reason != DONE:
            return reason
        if on and not keep(v, stage, name, rng, t, left, rate, born):
            return POOL_FULL
    return DONE


@leaf
def new_lives(i, state, table, grid, v, events, reads, moves):
    """Births, each with its whole life; returns the reason."""
    rng, t, left, rate = v.birth_stream[0], v.birth[AT], v.birth[LEFT], v.birth[RATE]
    unseen = events.capacity == 0 and grid.looks.shape[0] == 0
    step, last = 0, table.n[0] - 1
    while True:
        t, left, rate = respend(t, left, rate, table.birth[step], table.begin[step])
        next_t = t + left / rate if rate > 0.0 else math.inf
        if not next_t < table.end[step]:
            if step < last:
                step += 1
                continue
            v.birth_stream[0], v.birth[AT], v.birth[LEFT], v.birth[RATE] = rng, t, left, rate
            return DONE
        t = next_t
        rng, u = uniform(rng)
        which = 0
        for q in range(N_BIRTHS - 1):
            which += u >= table.birth_until[step, q]
        event, name = BIRTH_EVENT[which], v.next_name[0]
        v.next_name[0] = name + 1
        stage, row = TARGET[event], row_after(t, grid)
        v.change[row, stage] += 1
        v.gained[row, 0] += 1
        own, at, spare, spent_at = state.cell_stream[i] + GOLDEN * (np.uint64(name) << LIFE_SHIFT), t, UNDRAWN, 0.0
        if unseen:  # most lives end within the step they began in: no call of many arguments for them
            over, drawn = False, DRAWS
            while drawn == DRAWS and not over:
                own = own + GOLDEN * np.uint64(2 * DRAWS) if spare >= 0.0 else own
                draw_ahead(own, v.wait, v.pick)
                over, drawn, stage, at, spare = live_unseen(
                    0, stage, at, v.wait[0], step, table.end[step], table.ways, grid.at, grid.row, grid.begin[0],
                    grid.per_second[0], v.wait, v.pick, v.change, v.gained,
                )  # fmt: skip
            if over:
                rng, left = exponential(rng)
                continue
            own, spent_at = (
                own + GOLDEN * np.uint64(2 * drawn),
                table.ways[(step * N_STAGES + stage) * N_WAYS + OUT_RATE],
            )
        reason, on, own, stage, at, spare, spent_at = live(
            i, own, stage, name, at, spare, spent_at, t, step, table, grid, v, events, reads, moves
        )
        if reason != DONE:
            return reason
        if on and not keep(v, stage, name, own, at, spare, spent_at, t):
            return POOL_FULL
        rng, left = exponential(rng)


@whole
def in_order(rows, first):
    """Sort a cell's rows, written life by life, by their time."""
    last = rows.used[0]
    order = np.argsort(rows.time[first:last], kind="mergesort")
    for column in (rows.time, rows.age):
        column[first:last] = column[first:last][order]
    for column in (rows.cell, rows.what):
        column[first:last] = column[first:last][order]
    rows.vesicle[first:last] = rows.vesicle[first:last][order]


@whole
def record(i, out, grid, state, v):
    """Running sums of arrivals and departures, from the counts the cell began with."""
    here, total = state.count[i], state.total[i]
    rows = grid.at.shape[0] - 1
    for row in range(rows + 1):
        for q in range(N_STAGES):
            here[q] += v.change[row, q]
        for q in range(total.shape[0]):
            total[q] += v.gained[row, q]
        if row < rows:
            out.count[i, grid.first_row[0] + row] = here
            out.total[i, grid.first_row[0] + row] = total


@whole
def run_cell(i, p, time, numerics, base, state, out, events, reads, table, grid, v):
    """Run one cell through the timeline; its state is written back only when it is done."""
    used_before = events.used[0], reads.used[0]
    v.change[:], v.gained[:], v.n[0], v.next_name[0] = 0, 0, 0, state.next_name[i]
    v.birth[:], v.birth_stream[0] = state.birth[i], state.birth_stream[i]
    reason, emission_stream, t, step = lay_out(i, p, time, numerics, base, state, out, table, v)
    if reason == DONE:
        if v.birth[LEFT] < 0.0:
            v.birth_stream[0], v.birth[LEFT] = exponential(v.birth_stream[0])
            v.birth[RATE] = table.birth[0]
        reason = old_lives(i, state, table, grid, v, events, reads, time.log_moves)
    if reason == DONE:
        reason = new_lives(i, state, table, grid, v, events, reads, time.log_moves)
    if reason != DONE:
        events.used[0], reads.used[0] = used_before
        return reason
    if events.capacity > 0:
        in_order(events, used_before[0])
    if reads.capacity > 0:
        in_order(reads, used_before[1])
    record(i, out, grid, state, v)
    state.n[i], state.next_name[i], state.time[i], state.step[i] = v.n[0], v.next_name[0], t, step
    for place in range(v.n[0]):
        state.number[i, place], state.clock[i, place] = v.number[place], v.clock[place]
        state.vesicle_stream[i, place] = v.stream[place]
    state.birth[i], state.birth_stream[i] = v.birth, v.birth_stream[0]
    state.emission_stream[i], state.x[i], state.hazard[i] = emission_stream, v.x, v.hazard
    return DONE


@kernel
def run_cells(first, last, p, time, numerics, base, state, out, events, reads, table, grid, v):
    """Run cells first..last; returns (next cell to run, reason). A full buffer is a reason, never a truncation."""
    for i in range(first, last):
        reason = run_cell(i, p, time, numerics, base, state, out, events, reads, table, grid, v)
        if reason != DONE:
            return i, reason
    return last, DONE
