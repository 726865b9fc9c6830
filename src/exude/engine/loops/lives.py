"""The event loop for models whose vesicles do not feel each other: many lives side by side, each exact in time.

Where no rate reads a count and nothing merges, the course of a vesicle depends on calcium alone. So the rates of a
cell are laid out once as a table of steps (`steps.py`), and every life runs through it by itself, from its own stretch
of the cell's random stream: a unit exponential is spent on the sum of the rates that lead out of its stage and carried
across steps. A few dozen lives are under way at once, one per lane. A round is a handful of short loops over all lanes
(draw, when, which, before which output, what it does): the processor overlaps in each of them what a life alone would
wait for. What a life draws does not depend on its lane, so neither do its bits. Counts at the output times are sums of
flows.
"""

import math

import numpy as np

DONE, POOL_FULL, LOG_FULL, TABLE_FULL = 0, 1, 2, 3
AT, LEFT, RATE, BORN = 0, 1, 2, 3  # columns of a clock: time, exponential left, rate at which it is spent, birth
STAGE, NAME = 0, 1  # columns of a vesicle's whole numbers
LIFE_SHIFT = np.uint64(16)  # draws in the stretch of one life
OUT_RATE, MEAN, SHARE = 0, 1, 2  # columns of a stage in a step: sum of rates out, its inverse, running shares of ways
UP = np.uint64  # of an index that cannot be negative: no check whether to count from the end
PAIR = GOLDEN << np.uint64(1)  # a stream moves on by one exponential and one uniform number per event
TINY = 1e-300  # an exponential spent to the last bit is still not 0, whose product with an endless mean is no number
N_OWN_TOTALS = 9
N_WAYS_OUT = N_STAGES * N_OUT  # columns of flows: out of each stage by each way,
KEPT = N_WAYS_OUT  # lives that go on beyond the table (what is counted there is not read),
BORN_BY = N_WAYS_OUT + 1  # and births by each way


@inlined
def exponential(rng):
    rng, u = uniform(rng)
    return rng, -log(u)


@leaf
def draw(lanes, wait, pick, stream):
    """The next pair (exponential, uniform) of each lane's stream: the loop becomes vector instructions."""
    for lane in range(lanes):
        rng, u = uniform(stream[lane])
        wait[lane] = -log(u)
        _, pick[lane] = uniform(rng)


@inlined
def respend(t, left, rate, now, begin):
    """A clock (time, exponential left) that goes on at another rate from `begin` on."""
    return (t, left) if now == rate else (begin, max(left - (begin - t) * rate, TINY))


@inlined
def row_after(t, at, row_of, begin, per_second):
    """The first output row whose time lies after t."""
    row = row_of[UP((t - begin) * per_second)]
    row += at[UP(row)] <= t  # without a branch: the loop below is for uneven output times
    while at[UP(row)] <= t:
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
def load(i, state, v):
    """Vesicles that were there before take a lane each; the lanes after them are idle. Returns (lanes, idle)."""
    lanes, lives = v.lanes, state.n[i]
    for lane in range(lives):
        lanes.stage[lane], lanes.name[lane] = state.number[i, lane, STAGE], state.number[i, lane, NAME]
        lanes.stream[lane], lanes.born[lane] = state.vesicle_stream[i, lane], state.clock[i, lane, BORN]
        lanes.step[lane] = 0
    idle = 0
    for lane in range(lives, v.queue.at.shape[0]):
        v.idle[idle] = lane
        idle += 1
    return lives + idle, idle


@leaf
def resume(i, state, table, v):
    """Vesicles that were there before go on with what was left of their exponential."""
    lanes = v.lanes
    for lane in range(state.n[i]):
        t, left, rate = state.clock[i, lane, AT], state.clock[i, lane, LEFT], state.clock[i, lane, RATE]
        now = table.ways[lanes.stage[lane] * N_WAYS + OUT_RATE]
        lanes.at[lane], lanes.wait[lane] = respend(t, left, rate, now, table.begin[0])


@leaf
def give_birth(cell_stream, table, grid, v):
    """Fill the queue with the cell's next births; none are left where it stays empty."""
    t, left, rate = v.birth[AT], v.birth[LEFT], v.birth[RATE]
    queue, waiting, step, name = v.queue, 0, v.birth_step[0], v.next_name[0]
    for ahead in range(queue.at.shape[0]):
        queue.stream[UP(ahead)] = v.birth_stream[0] + PAIR * np.uint64(ahead)
    draw(queue.at.shape[0], queue.wait, queue.pick, queue.stream)
    while waiting < queue.at.shape[0]:
        t, left = respend(t, left, rate, table.birth[UP(step)], table.begin[UP(step)])
        rate = table.birth[UP(step)]
        next_t = t + left / rate if rate > 0.0 else math.inf
        if not next_t < table.end[UP(step)]:
            if step == table.n[0] - 1:
                break
            step += 1
            continue
        t, left, which = next_t, queue.wait[UP(waiting)], 0
        for q in range(N_BIRTHS - 1):
            which += queue.pick[UP(waiting)] >= table.birth_until[step, q]
        row = row_after(t, grid.at, grid.row, grid.begin[0], grid.per_second[0])
        v.flow[UP(row), UP(BORN_BY + which)] += 1
        queue.at[UP(waiting)], queue.born[UP(waiting)], queue.step[UP(waiting)] = t, t, step
        queue.stage[UP(waiting)], queue.name[UP(waiting)] = TARGET[BIRTH_EVENT[which]], name
        queue.stream[UP(waiting)] = cell_stream + GOLDEN * (np.uint64(name) << LIFE_SHIFT)
        name += 1
        waiting += 1
    v.birth_stream[0] += PAIR * np.uint64(waiting)
    v.birth[AT], v.birth[LEFT], v.birth[RATE] = t, left, rate
    v.birth_step[0], v.next_name[0] = step, name
    return waiting


@leaf
def refill(cell_stream, lives, idle, served, waiting, table, grid, v):
    """Idle lanes get the next births or, when there are no more, the last lanes' lives.

    Returns (lanes, births served from the queue, births in it).
    """
    lanes, queue = v.lanes, v.queue
    while idle > 0:
        idle -= 1
        lane, source, place = v.idle[UP(idle)], queue, served
        if served == waiting and waiting > 0:
            served, waiting = 0, give_birth(cell_stream, table, grid, v)
            place = 0
        if served < waiting:
            served += 1
        else:
            lives -= 1
            source, place = lanes, lives
        lanes.at[UP(lane)], lanes.stream[UP(lane)] = source.at[UP(place)], source.stream[UP(place)]
        lanes.stage[UP(lane)], lanes.step[UP(lane)] = source.stage[UP(place)], source.step[UP(place)]
        lanes.name[UP(lane)] = source.name[UP(place)]
        lanes.born[UP(lane)] = source.born[UP(place)]
    return lives, served, waiting


@inlined
def next_events(i, lives, table, v, reads):
    """When the next event of each lane comes and which it is; lives that outlast the table are kept; the reason."""
    ways, step_end, step_begin, looks, last = table.ways, table.end, table.begin, table.look, table.n[0] - 1
    wait, pick, stream, at, born = v.lanes.wait, v.lanes.pick, v.lanes.stream, v.lanes.at, v.lanes.born
    in_stage, in_step, names, way = v.lanes.stage, v.lanes.step, v.lanes.name, v.way
    for lane in range(lives):
        # 1. when: the exponential is spent at the rate out of this stage, step by step
        stage, step, t, left = in_stage[UP(lane)], in_step[UP(lane)], at[UP(lane)], wait[UP(lane)]
        here = (step * N_STAGES + stage) * N_WAYS
        next_t = t + left * ways[UP(here + MEAN)]
        while not next_t < step_end[UP(step)]:
            name = names[UP(lane)]
            if looks[UP(step)] and not write(reads, step_end[UP(step)], i, name, stage, born[UP(lane)]):
                return LOG_FULL
            rate = ways[UP(here + OUT_RATE)]
            if step == last:
                if not keep(v, stage, name, stream[UP(lane)], t, left, rate, born[UP(lane)]):
                    return POOL_FULL
                break
            step += 1
            here = (step * N_STAGES + stage) * N_WAYS
            t, left = respend(t, left, rate, ways[UP(here + OUT_RATE)], step_begin[UP(step)])
            next_t = t + left * ways[UP(here + MEAN)]
        if not next_t < step_end[UP(step)]:
            way[UP(lane)], at[UP(lane)] = KEPT, step_begin[0]  # a time that has a row
            continue
        # 2. which
        which, u = stage * N_OUT, pick[UP(lane)]
        for q in range(N_OUT - 1):
            which += u >= ways[UP(here + SHARE + q)]
        way[UP(lane)], in_step[UP(lane)], at[UP(lane)] = which, step, next_t
    return DONE


@inlined
def find_rows(lives, grid, v):
    """The output row before which each lane has its event: a loop of its own, so that many look-ups overlap."""
    at, rows, row_time, row_of = v.lanes.at, v.row, grid.at, grid.row
    begin, per_second = grid.begin[0], grid.per_second[0]
    for lane in range(lives):
        rows[UP(lane)] = row_after(at[UP(lane)], row_time, row_of, begin, per_second)


@inlined
def happen(i, lives, v, events, moves):
    """The events of all lanes; lanes whose life is over are idle. Returns their number, -1 where the table is full."""
    stream, in_stage, way, rows, flow, idle = v.lanes.stream, v.lanes.stage, v.way, v.row, v.flow, v.idle
    logs, over = events.capacity > 0, 0
    for lane in range(lives):
        which = way[UP(lane)]
        target = GOES[UP(which)]
        flow[UP(rows[UP(lane)]), UP(which)] += 1
        if logs and which != KEPT and (moves or target < 0):
            stage = in_stage[UP(lane)]
            event, t = OUT[stage, which - stage * N_OUT], v.lanes.at[UP(lane)]
            if not write(events, t, i, v.lanes.name[UP(lane)], event, v.lanes.born[UP(lane)]):
                return -1
        in_stage[UP(lane)] = target
        stream[UP(lane)] += PAIR
        idle[UP(over)] = lane
        over += target < 0  # without a branch, which would be guessed wrong once in every life
    return over


@leaf
def live(i, cell_stream, table, grid, state, v, events, reads, moves):
    """All lives of a cell, to their end or the table's; returns the reason."""
    lives, over = load(i, state, v)
    lives, served, waiting = refill(cell_stream, lives, over, 1, 1, table, grid, v)
    draw(lives, v.lanes.wait, v.lanes.pick, v.lanes.stream)
    resume(i, state, table, v)
    while lives > 0:
        reason = next_events(i, lives, table, v, reads)
        if reason != DONE:
            return reason
        find_rows(lives, grid, v)
        over = happen(i, lives, v, events, moves)
        if over < 0:
            return LOG_FULL
        lives, served, waiting = refill(cell_stream, lives, over, served, waiting, table, grid, v)
        draw(lives, v.lanes.wait, v.lanes.pick, v.lanes.stream)
    return DONE


@whole
def in_order(rows, first):
    """Sort a cell's rows by time, and rows of one time by vesicle."""
    last = rows.used[0]
    order = np.argsort(rows.vesicle[first:last], kind="mergesort")
    order = order[np.argsort(rows.time[first:last][order], kind="mergesort")]
    for column in (rows.time, rows.age):
        column[first:last] = column[first:last][order]
    for column in (rows.cell, rows.what):
        column[first:last] = column[first:last][order]
    rows.vesicle[first:last] = rows.vesicle[first:last][order]


@whole
def record(i, out, grid, state, v):
    """Counts and totals at the output times, from what flowed before each."""
    here, total = state.count[i], state.total[i]
    rows = grid.at.shape[0] - 1
    for row in range(rows + 1):
        for which in range(N_WAYS_OUT):
            flowed = v.flow[row, which]
            here[which // N_OUT] -= flowed
            if GOES[which] >= 0:
                here[GOES[which]] += flowed
            elif flowed > 0:
                total[ENDS[which]] += flowed
        for way in range(N_BIRTHS):
            here[TARGET[BIRTH_EVENT[way]]] += v.flow[row, BORN_BY + way]
            total[0] += v.flow[row, BORN_BY + way]
        for q in range(N_EMISSIONS):
            total[N_OWN_TOTALS + q] += v.shed[row, q]
        if row < rows:
            out.count[i, grid.first_row[0] + row] = here
            out.total[i, grid.first_row[0] + row] = total


@whole
def run_cell(i, p, time, numerics, base, state, out, events, reads, table, grid, v):
    """Run one cell through the timeline; its state is written back only when it is done."""
    used_before = events.used[0], reads.used[0]
    v.flow[:], v.shed[:], v.n[0], v.next_name[0], v.birth_step[0] = 0, 0, 0, state.next_name[i], 0
    v.birth[:], v.birth_stream[0] = state.birth[i], state.birth_stream[i]
    reason, emission_stream, t, step = lay_out(i, p, time, numerics, base, state, out, table, v)
    if reason == DONE:
        if v.birth[LEFT] < 0.0:
            v.birth_stream[0], v.birth[LEFT] = exponential(v.birth_stream[0])
            v.birth[RATE] = table.birth[0]
        reason = live(i, state.cell_stream[i], table, grid, state, v, events, reads, time.log_moves)
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
