// The tissue: a dish run here at small size, or a large run replayed; two conditions beside each other at one time.

import { Newest, ask, job, taken } from "./api.js";
import { Chart } from "./chart.js";
import { valueAt } from "./course.js";
import { choice, clock, el, fault, labelled, number, say } from "./dom.js";
import { Player } from "./player.js";
import { Sharing } from "./sharing.js";
import { state } from "./state.js";
import { REPLAY, TissueControls, USUAL_LINE, begun, keysOf } from "./tissue_controls.js";
import { cells, field, readSide } from "./tissue_data.js";
import { mapOf, palette } from "./tissue_draw.js";
import { colourBar, inWords, mark, nameOf, pane, replayed, seriesOf, short, unitOf } from "./tissue_parts.js";

const KEYS = ["dish", "line", "line2", "n", "duration", "seed", "a", "b", "sides"];
const RUNS = ["job", "run"];
const SPEEDS = [[900, "15 min per s"], [3600, "1 h per s"], [7200, "2 h per s"], [14400, "4 h per s"], [43200, "12 h per s"]];
const REST = 250; // ms after the last change until it is asked what the dish would be
const WHOLE = ["collagen", "oxygen"]; // fields without rare peaks: the scale spans all of them
const ROUNDING = 1e-3; // a field less than that below nothing, as a share of its most, is rounding
const BETWEEN = 1500; // ms at least between two looks at a run that is under way
const WAYS = [["slice", "one slice"], ["mean", "mean over the depth"], ["max", "most over the depth"]];
const OVER = ["done", "failed", "stopped"];

export async function show(place) {
  const [bench, { runs }] = await Promise.all([ask("/api/tissue/bench"), ask("/api/tissue/runs")]);
  const view = new TissueView(bench, runs);
  place.replaceChildren(view.element);
  await view.begin();
  return () => view.leave();
}

class TissueView {
  constructor(bench, runs) {
    Object.assign(this, { bench, heads: [], frame: new AbortController(), planned: new Newest(), seen: 0 });
    const model = modelOf(bench);
    if (!state.has("dish")) state.set({ view: "tissue", ...keysOf(model) });
    this.controls = new TissueControls({ bench, runs, model, changed: (changed) => this.#changed(changed), press: () => this.#press() });
    this.panes = [0, 1].map((i) => pane((x, y) => this.#point(i, x, y)));
    this.player = new Player({ speeds: SPEEDS, speed: 7200, draw: (t) => this.#draw(t), follow: (t) => this.#follow(t), moved: (t) => state.set({ t: String(Math.round(t)) }) });
    this.problem = el("div");
    this.answer = el("p", { class: "answer" });
    this.pointed = el("output", { class: "hint pointed" });
    this.look = el("div", { class: "looks", role: "group", "aria-label": "What is shown" });
    this.legend = el("ul", { class: "legend", "aria-label": "Cells" });
    this.numbers = el("table");
    this.charts = el("div", { class: "charts" });
    this.files = el("p", { class: "downloads" });
    this.sharing = new Sharing({ figures: (kind) => `/api/tissue/figure.${kind}`, data: (kind) => `/api/tissue/data.${kind}`, keys: RUNS });
    this.#lay();
  }

  #lay() {
    const drawn = el("section", { class: "stage", "aria-label": "The dishes" }, this.answer, el("div", { class: "panes" }, this.panes.map(({ element }) => element)),
      this.player.element, this.look, this.legend);
    const beside = el("section", { class: "measured", "aria-label": "Numbers over time" },
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Numbers at this time" }, this.numbers), this.charts, this.sharing.element, this.files);
    this.element = el("div", { class: "tissue-view" }, el("h1", { class: "visually-hidden" }, "The tissue"), this.problem, this.controls.element, drawn, beside);
    this.#panes([]);
  }

  async begin() {
    this.redraw = () => this.#draw(this.player.time);
    addEventListener("resize", this.redraw);
    if (state.get("dish") === REPLAY) return this.#load({ end: true });
    await this.#plan();
    if (state.has("job")) await this.#again(state.get("job"));
    return undefined;
  }

  leave() {
    this.left = true;
    this.player.stop();
    clearTimeout(this.rest);
    this.frame.abort();
    this.planned.stop();
    removeEventListener("resize", this.redraw);
  }

  // --- what is asked ---

  #changed(model) {
    const replay = model.dish === REPLAY;
    const another = model.dish !== state.get("dish");
    state.set({ ...keysOf(model), job: null, ...(another && { field: null, z: null, way: null, t: null }) }, { step: another });
    if (another) this.answer.textContent = "";
    this.underWay?.stop();
    this.underWay = null;
    clearTimeout(this.rest);
    this.rest = setTimeout(() => (replay ? this.#load({ end: true }) : this.#plan()), REST);
  }

  // The dish before it is run: cells where they begin, what it should take, and the same as code.
  async #plan() {
    try {
      const plan = await this.planned.ask(`/api/tissue/planned?${state.query(KEYS)}`);
      fault(this.problem);
      this.plan = plan;
      this.controls.progress({ running: false, estimate: plan.estimate });
      this.#forget();
      plan.sides.forEach((start, i) => this.panes[i].drawing.clear() ?? Object.assign(this.panes[i].drawing, { start, box: start.box, kinds: [] }));
      this.#panes(plan.sides.map(({ label }) => `${label}, as it begins`));
      this.#offer();
      this.#draw(0);
      this.answer.textContent = "Cells stand as they would begin. Run it to see what they do.";
      this.element.dataset.planned = state.query(KEYS);
    } catch (problem) {
      if (!taken(problem)) fault(this.problem, problem.message);
    }
  }

  #press() {
    if (this.underWay) {
      this.underWay.stop();
      return;
    }
    state.set({ t: null });
    this.#start();
  }

  #start() {
    this.player.play(false);
    state.set({ job: null });
    const work = job(`/api/tissue/run?${state.query(KEYS)}`, {}, (now) => this.#moved(now, work));
    this.#await(work);
  }

  // A link that names a job: it is there for an hour; later the same dish is run again, to the same bits.
  async #again(id) {
    const now = await ask(`/api/jobs/${id}`).catch(() => null);
    if (now && OVER.includes(now.state)) return this.#load({});
    if (!now) return this.#start();
    return this.#await(watched(id, (later) => this.#moved(later)));
  }

  async #await(work) {
    this.underWay = work;
    this.controls.progress({ running: true, words: "waiting for its turn" });
    let words = "", failed = false;
    try {
      await work.result;
    } catch (problem) {
      failed = !problem.stopped;
      if (problem.stopped) words = "Cancelled. What was done is kept.";
      else if (!this.left) fault(this.problem, problem.message);
    }
    if (this.left || this.underWay !== work) return;
    this.underWay = null;
    this.controls.progress({ running: false, words, estimate: this.plan?.estimate });
    if (state.has("job") && !failed) await this.#load({ end: true });
    this.element.dataset.ran = state.get("job");
  }

  #moved(now, work) {
    if (this.left || (work && this.underWay && this.underWay !== work)) return;
    if (!state.has("job")) state.set({ job: now.id });
    if (!OVER.includes(now.state)) {
      const words = now.state === "waiting" ? "waiting for its turn" : now.label || "starting";
      this.controls.progress({ running: true, done: now.done, total: now.done && now.total, words });
    }
    if (now.done && performance.now() - this.seen > BETWEEN && !this.loading) this.#load({ brief: true });
  }

  // --- what came out ---

  async #load({ brief = false, end = false }) {
    if (!RUNS.some((key) => state.has(key))) return this.#nothing();
    this.loading = true;
    this.frame.abort();
    this.frame = new AbortController();
    const { signal } = this.frame, query = state.query(RUNS);
    try {
      const { sides } = await ask(`/api/tissue/shown?${query}${brief ? "&brief" : ""}`, { signal });
      if (sides.some(({ rows }) => rows)) await this.#take(sides.filter(({ rows }) => rows), query, { brief, signal });
      if (!brief) fault(this.problem);
    } catch (problem) {
      if (!taken(problem) && !brief) fault(this.problem, problem.message);
    } finally {
      this.loading = false;
      this.seen = performance.now();
    }
    if (end && !this.left) say(this.answer.textContent);
    return undefined;
  }

  async #take(sides, query, { brief, signal }) {
    const chosen = this.#field(sides), { way, layer } = this.#way(sides[0]);
    const got = await Promise.all(sides.map((side) => this.#frames(side, query, { chosen, ...this.#way(side, sides[0]), signal })));
    this.heads = sides;
    sides.forEach((side, i) => Object.assign(this.panes[i].drawing.clear() ?? this.panes[i].drawing, {
      ...got[i], box: side.box, kinds: side.kinds, film: side.matrix.startsWith("Film"), start: null }));
    this.#scale();
    this.#panes(sides.map(({ label, time, finished }) => `${label}${finished ? "" : `, so far ${clock(time.at(-1))}`}`));
    this.#looks(sides[0], chosen);
    this.#legend();
    this.#charts();
    const last = Math.max(...sides.map(({ time }) => time.at(-1)));
    const at = brief ? sides.at(-1).time.at(-1) : Number(state.get("t", String(last)));
    this.player.load(last, this.player.playing ? this.player.time : at);
    this.#draw(this.player.time);
    this.#offer();
    this.element.dataset.shown = `${query} ${chosen} ${way} ${layer}`;
  }

  async #frames(side, query, { chosen, way, layer, signal }) {
    const own = `${query}&side=${side.letter}`, look = `&way=${way}&z=${layer}`;
    const bed = side.fields.some(({ name }) => name === "vessels");
    const [painted, discs, vessels] = await Promise.all([
      field(`/api/tissue/frames?${own}&field=${encodeURIComponent(chosen)}${look}`, signal), cells(`/api/tissue/cells?${own}`, signal),
      bed ? field(`/api/tissue/frames?${own}&field=vessels${look}&first`, signal) : null]);
    return { field: painted, cells: discs, vessels };
  }

  #nothing() {
    this.#forget();
    this.#panes([]);
    this.answer.textContent = "No run is chosen.";
  }

  #forget() {
    this.frame.abort();
    this.heads = [];
    this.player.play(false);
    for (const place of [this.charts, this.numbers, this.look, this.legend]) place.replaceChildren();
  }

  #field(sides) {
    const names = sides[0].fields.map(({ name }) => name), usual = this.controls.dish.field, asked = state.get("field");
    return names.includes(asked) ? asked : state.get("dish") !== REPLAY && names.includes(usual) ? usual : names.includes("collagen") && !sides[0].matrix.startsWith("Plastic") ? "collagen" : "exosomes";
  }

  // How one side is looked at; `z` counts layers of the left one, and the right one is cut at the same share of its depth.
  #way(side, first = side) {
    const depth = first.box.shape[0], asked = Number(state.get("z", "-1")), own = side.box.shape[0];
    const layer = Number.isInteger(asked) && asked >= 0 && asked < depth ? Math.floor(((asked + 0.5) / depth) * own) : Math.floor(own / 2);
    return { way: WAYS.some(([way]) => way === state.get("way")) ? state.get("way") : "slice", layer };
  }

  // One scale for both sides; a few voxels hold far more than all others and would leave these pale.
  #scale() {
    const shown = this.panes.map(({ drawing }) => drawing).filter((one) => one.field), { field: name } = shown[0].field;
    const ends = (pick) => shown.map((one) => one.field[pick]), most = Math.max(...ends("high")), least = Math.min(...ends("low"));
    const high = WHOLE.includes(name) ? most : Math.max(...ends("bright"));
    const low = name === "oxygen" || least < -ROUNDING * high ? least : 0;
    this.scale = { low, high: high > low ? high : low + (most - low || 1), colours: palette(mapOf(name, shown[0].film)), cut: high < most };
    for (const one of shown) one.scale = this.scale;
  }

  // --- what is drawn ---

  #panes(words) {
    this.panes.forEach((one, i) => {
      one.element.hidden = i >= words.length;
      one.title.textContent = words[i] ?? "";
    });
    this.element.dataset.sides = String(words.length);
    this.element.toggleAttribute("data-flat", this.panes.some(({ drawing }) => drawing.box && drawing.wide > 1.5 * drawing.high));
    this.player.element.hidden = !this.heads.length;
  }

  #indexOf(i, time) {
    const times = this.heads[i]?.time ?? [0];
    let last = 0;
    while (last + 1 < times.length && times[last + 1] <= time + 1) last += 1;
    return last;
  }

  #draw(time) {
    const look = (i) => (this.heads[i] ? this.#way(this.heads[i], this.heads[0]) : { way: "mean", layer: 0 });
    this.panes.forEach((one, i) => { if (!one.element.hidden) one.drawing.draw(this.#indexOf(i, time), look(i)); });
  }

  #follow(time) {
    for (const { chart } of this.drawn ?? []) if (chart.to) chart.at(time);
    if (!this.heads.length) return;
    this.#numbers(time);
    if (this.player.playing) return;
    this.panes.forEach((one, i) => one.canvas.setAttribute("aria-label", this.heads[i] ? inWords(this.heads[i], this.#indexOf(i, time)) : "Empty"));
  }

  // What the field is under the pointer.
  #point(i, x, y) {
    const found = this.heads[i] && this.panes[i].drawing.at(x, y, this.#indexOf(i, this.player.time));
    if (!found) return;
    const [unit, factor] = unitOf(this.about.unit);
    this.pointed.textContent = `${i ? "right" : "left"}, at ${Math.round(found.x)}, ${Math.round(found.y)} µm: ${short(Math.max(found.value, this.scale.low) * factor)} ${unit}`;
  }

  #looks(side, chosen) {
    const { way, layer } = this.#way(side), depth = side.box.shape[0], again = (changes) => { state.set(changes); this.#load({}); };
    const about = (this.about = side.fields.find(({ name }) => name === chosen));
    const slider = el("input", { type: "range", min: "0", max: String(depth - 1), step: "1", value: String(layer), "aria-valuetext": `${Math.round((layer + 0.5) * side.box.h)} µm`,
      "data-look": "z", onchange: () => again({ z: slider.value }) });
    const held = this.look.contains(document.activeElement) ? document.activeElement.dataset.look : "";
    this.look.replaceChildren(...[
      labelled("Field", choice(side.fields.map(({ name, meaning }) => [name, meaning || name]), chosen, (name) => again({ field: name }), { "data-look": "field" })),
      depth > 1 ? labelled("Depth", choice(WAYS, way, (value) => again({ way: value }), { "data-look": "way" })) : null,
      depth > 1 && way === "slice" ? labelled(`Slice at ${Math.round((layer + 0.5) * side.box.h)} of ${Math.round(depth * side.box.h)} µm`, slider) : null,
      colourBar(this.scale, about), this.pointed].filter(Boolean));
    if (held) this.look.querySelector(`[data-look="${held}"]`)?.focus();
  }

  #legend() {
    const drawings = this.panes.map(({ drawing }) => drawing).filter(({ cells: found }) => found), film = drawings[0].film;
    const there = drawings.flatMap(({ kinds: known, cells: { marks } }) => [...new Set(marks.filter((_, n) => n % 2 === 0))].map((n) => known[n]));
    const kinds = [...new Map(there.map((one) => [one.kind, one])).values()], vessels = drawings.some((one) => one.vessels);
    const rows = kinds.flatMap((one) => (one.kind === "t_cell" ? [mark(one, "T cell, free", "open"), mark(one, "T cell, bound", "full")] : [mark(one, one.name, film ? "film" : one.kind)]));
    if (drawings.some((one) => one.cells.gone.some(({ length }) => length))) rows.push(mark({}, vessels ? "cell gone: died, or left by a vessel" : "cell that died", "cross"));
    if (vessels) rows.push(mark({ colour: "#b8003a" }, "vessels", "square"));
    const every = Math.max(...drawings.map((one) => one.cells.every));
    if (every > 1) rows.push(el("li", {}, `one cell of ${every} is drawn`));
    this.legend.replaceChildren(...rows, el("li", {}, "discs to scale"));
  }

  #charts() {
    const titles = [...new Set(this.heads.flatMap(({ courses }) => courses.map(({ title }) => title)))];
    const open = new Set([...this.charts.querySelectorAll("details[open]")].map((one) => one.parentElement.dataset.title));
    this.drawn = titles.map((title) => {
      const chart = new Chart(title, { seek: (t) => this.player.to(t, true) }), series = this.heads.flatMap((side, i) => seriesOf(side, i, title, this.heads.length > 1));
      chart.element.dataset.title = title;
      chart.draw(series.filter(({ time }) => time.length > 1).length ? series : series.map((one) => ({ ...one, time: [0, 1], y: [one.y[0], one.y[0]] })));
      if (open.has(title)) chart.element.querySelector("details").open = true;
      return { title, chart };
    });
    this.charts.replaceChildren(...this.drawn.map(({ chart }) => chart.element));
    this.#answer();
  }

  #answer() {
    const read = this.heads.map(({ courses }) => courses.find(({ assay }) => assay));
    if (!read[0]) {
      this.answer.textContent = this.underWay ? "Running; what is done so far can be looked at." : "";
      return;
    }
    const alike = read.every((one) => one?.key === read[0].key), end = Math.min(...this.heads.map(({ time }) => time.at(-1))), when = clock(end);
    const ends = this.heads.map((side, i) => read[i] && `${short(valueAt(side.time, read[i].y, end))} (${side.label})`);
    this.answer.textContent = alike ? `${read[0].title}, after ${when}: ${ends.join(" against ")}. ${this.heads.length > 1 ? "One dish each" : "One dish"}: chance counts, so try other seeds.` : "Two dishes that are read in different ways.";
  }

  #numbers(time) {
    const rows = [...new Set(this.heads.flatMap(({ courses }) => courses.map(({ key }) => key)))].map((key) => {
      const found = this.heads.map((side) => side.courses.find((one) => one.key === key)), about = found.find(Boolean);
      const values = found.map((one, i) => (one && time <= this.heads[i].time.at(-1) + 1 ? valueAt(this.heads[i].time, one.y, time) : NaN));
      const fold = values.length > 1 ? [el("td", {}, values[0] > 0 && Number.isFinite(values[1]) ? `${number(values[1] / values[0], 2)} ×` : "–")] : [];
      return el("tr", {}, el("th", { scope: "row" }, about.kind ? about.kind === "cell_count" ? "Cells" : `Cells: ${nameOf(this.heads[0], about.kind)}s` : about.title), values.map((value) => el("td", {}, short(value))), fold);
    });
    const heads = this.heads.length > 1 ? ["Left", "Right", "Right / left"] : ["Now"];
    this.numbers.replaceChildren(el("caption", {}, `At ${clock(time)}`),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Number"), heads.map((words) => el("th", { scope: "col" }, words)))), el("tbody", {}, rows));
  }

  #offer() {
    const ran = this.heads.length > 0, made = state.get("dish") !== REPLAY, link = (href, words) => [el("a", { href, download: "" }, words), " "];
    if (made ? this.plan : ran) this.sharing.update(made ? this.plan : replayed(this.heads));
    this.sharing.links.hidden = !ran;
    const read = this.heads.every(({ assay, time }) => assay && time.length > 1), data = [["csv", "CSV"], ["nc", "NetCDF"]]; // else the library has no figure
    if (ran && !read) this.sharing.links.replaceChildren("Data: ", ...data.flatMap(([kind, words]) => link(`/api/tissue/data.${kind}?${state.query(RUNS)}`, words)));
    const sides = made ? Number(state.get("sides", "2")) : 0, query = state.query(KEYS), letters = ["left", "right"];
    this.files.replaceChildren(...(made ? ["The dish as a file: ", ...letters.slice(0, sides).flatMap((name, i) => link(`/api/tissue/file.toml?${query}&of=${i}`, `${name} (TOML)`))] : []),
      ...(ran ? ["Movie: ", ...this.heads.flatMap(({ letter }, i) => link(`/api/tissue/movie.gif?${state.query(RUNS)}&side=${letter}`, `${letters[i]} (GIF)`))] : []));
  }
}

function modelOf(bench) {
  const asked = state.get("dish", bench.dishes[0].name), dish = bench.dishes.find(({ name }) => name === asked) ?? bench.dishes[0];
  const usual = begun(dish), counts = Object.fromEntries(state.all("n").map((text) => text.split("=")).filter(([kind]) => kind in usual.n));
  const texts = [state.all("a"), state.has("dish") ? state.all("b") : dish.against], lines = [state.get("line", USUAL_LINE), state.get("line2", state.get("line", USUAL_LINE))];
  const sides = texts.slice(0, state.get("sides", "2") === "1" ? 1 : 2).map((own, i) => ({ line: lines[i], ...readSide(own, dish.drugs) }));
  return { ...usual, duration: state.get("duration", usual.duration), seed: state.get("seed", usual.seed), n: { ...usual.n, ...counts }, sides, runs: state.all("run"),
    ...(asked === REPLAY && { dish: REPLAY }) };
}

// A job that was begun elsewhere: looked at now and then until it is over.
function watched(id, moved) {
  const result = (async () => {
    for (;;) {
      const now = await ask(`/api/jobs/${id}`);
      moved(now);
      if (now.state === "done") return now.result;
      if (OVER.includes(now.state)) throw Object.assign(new Error(now.error || "Stopped."), { stopped: now.state === "stopped" });
      await new Promise((go) => setTimeout(go, 500));
    }
  })();
  return { result, stop: () => ask(`/api/jobs/${id}`, { method: "DELETE" }) };
}
