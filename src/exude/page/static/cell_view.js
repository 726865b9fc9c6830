// The cell: drawn, played, and beside it what the model expects and what single cells did.

import { Newest, ask, taken } from "./api.js";
import { CellDrawing, INK, STAGES, calciumColour } from "./cell_draw.js";
import { Controls } from "./cell_controls.js";
import { USUAL, read, sentences } from "./cell_model.js";
import { COLOURS, CONTROL, Chart } from "./chart.js";
import { valueAt } from "./course.js";
import { el, fault, number, say } from "./dom.js";
import { Player, still } from "./player.js";
import { Sharing } from "./sharing.js";
import { state } from "./state.js";

const KEYS = ["line", "do", "duration", "cells", "seed", "hypothesis"];
const REST = 300; // milliseconds without a change until single cells are asked for: longer than between two keys held down
const PATIENCE = 1500; // milliseconds until one is told why it takes so long
const SPEEDS = [[10, "10 ×"], [30, "30 ×"], [60, "1 min per s"], [120, "2 min per s"], [300, "5 min per s"], [1200, "20 min per s"]];

export async function show(place) {
  if (!state.has("line")) state.set({ view: "cell", ...USUAL });
  const view = new CellView(await ask("/api/bench"));
  place.replaceChildren(view.element);
  await view.begin();
  return () => view.leave();
}

class CellView {
  constructor(bench) {
    const model = { hypothesis: bench.hypotheses[0].name, ...read(state.all("do")), line: state.get("line"), duration: state.get("duration", "2 h"),
      cells: state.get("cells", "100"), seed: state.get("seed", "1"), ...(state.has("hypothesis") && { hypothesis: state.get("hypothesis") }) };
    this.usualHypothesis = bench.hypotheses[0].name;
    this.controls = new Controls(bench, model, (changed) => this.#changed(changed));
    this.canvas = el("canvas", { class: "cell", role: "img", "aria-label": "A drawn cell; its numbers stand beside it" });
    this.drawing = new CellDrawing(this.canvas);
    this.player = new Player({ speeds: SPEEDS, speed: 60, draw: (t, speed) => this.#draw(t, speed), follow: (t) => this.#follow(t),
      moved: (t) => state.set({ t: String(Math.round(t)) }) });
    const seek = (t) => this.player.to(t, true);
    this.calcium = new Chart("Free calcium (µM)", { seek });
    this.release = new Chart("Exosomes released (per cell)", { seek });
    this.stages = new Chart("MVBs in each stage (per cell)", { seek });
    this.problem = el("div");
    this.answer = el("p", { class: "answer" });
    this.caution = el("p", { class: "hint", hidden: true });
    this.spans = el("table", { class: "spans" });
    this.now = el("p", { class: "now" });
    this.sharing = new Sharing({ figures: (kind) => `/api/cell/figure.${kind}`, data: (kind) => `/api/cell/data.${kind}`, keys: KEYS });
    this.expected = new Newest();
    this.single = new Newest();
    this.filmed = new Newest();
    this.#lay();
  }

  #lay() {
    const drawn = el("section", { class: "stage", "aria-label": "The cell" }, el("div", { class: "framed" }, this.canvas, this.#zoom()), this.player.element, this.now, legend(),
      el("p", { class: "hint" }, "To scale: the cell, its MVBs and exosomes; number, stage, growth and every time are the model's. Outline, nucleus, ER and where things stand are drawing."));
    const curves = el("section", { class: "curves", "aria-label": "Curves" }, this.answer, this.caution, this.spans, this.release.element, this.calcium.element, this.stages.element, this.sharing.element);
    this.element = el("div", { class: "cell-view" }, el("h1", { class: "visually-hidden" }, "The cell"), this.problem, this.controls.element, drawn, curves);
  }

  #zoom() {
    const turn = (by) => {
      this.drawing.zoom = Math.min(Math.max(this.drawing.zoom * by, 1), 8);
      if (this.drawing.zoom === 1) this.drawing.middle = [0, 0];
      this.#draw(this.player.time, this.player.speed);
    };
    let from = null;
    this.canvas.addEventListener("pointerdown", (event) => { from = this.drawing.zoom > 1 ? [event.clientX, event.clientY] : null; });
    addEventListener("pointerup", () => { from = null; });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!from) return;
      this.drawing.middle[0] -= (event.clientX - from[0]) / this.drawing.whole;
      this.drawing.middle[1] -= (event.clientY - from[1]) / this.drawing.whole;
      from = [event.clientX, event.clientY];
      this.#draw(this.player.time, this.player.speed);
    });
    return el("div", { class: "zoom", role: "group", "aria-label": "Zoom" },
      el("button", { type: "button", "aria-label": "Closer", onclick: () => turn(1.6) }, "+"),
      el("button", { type: "button", "aria-label": "Farther", onclick: () => turn(1 / 1.6) }, "−"),
      el("button", { type: "button", "aria-pressed": "true", onclick: (event) => {
        this.drawing.lens = !this.drawing.lens;
        event.currentTarget.setAttribute("aria-pressed", String(this.drawing.lens));
        this.#draw(this.player.time, this.player.speed);
      } }, "Lens"));
  }

  async begin() {
    const words = "Preparing the cell. The first start on a machine compiles it, which takes up to a minute.";
    const slow = setTimeout(() => this.problem.replaceChildren(el("p", { class: "hint", role: "status" }, words)), PATIENCE);
    await Promise.all([this.#expect(), this.#film(Number(state.get("t", "0")))]);
    clearTimeout(slow);
    this.#population();
    this.redraw = () => this.#draw(this.player.time, this.player.speed);
    addEventListener("resize", this.redraw);
    if (!still() && !state.has("t")) this.player.play(true);
  }

  leave() {
    this.player.stop();
    clearTimeout(this.rest);
    for (const asking of [this.expected, this.single, this.filmed]) asking.stop();
    removeEventListener("resize", this.redraw);
  }

  #changed(model) {
    const { line, duration, cells, seed, hypothesis } = model;
    state.set({ line, do: sentences(model), duration, cells, seed, hypothesis: hypothesis === this.usualHypothesis ? null : hypothesis });
    this.#expect();
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.#follows(), REST);
  }

  async #follows() {
    await Promise.all([this.#film(this.player.time), this.#population()]);
  }

  async #expect() {
    await this.#asked(this.expected, "expected", (found) => {
      this.course = found;
      this.many = null;
      this.#curves();
      this.sharing.update(found);
      this.element.dataset.expected = state.query(KEYS);
    });
  }

  async #population() {
    await this.#asked(this.single, "population", (found) => {
      this.many = found;
      this.#curves();
      this.element.dataset.single = state.query(KEYS);
    });
  }

  async #film(time) {
    await this.#asked(this.filmed, "film", (film) => {
      this.drawing.load(film);
      this.film = film;
      this.player.load(film.duration, time);
      this.#curves();
      this.element.dataset.film = state.query(KEYS);
    });
  }

  // One question; what was wrong stands above the cell, and what was drawn before stays.
  async #asked(asking, what, use) {
    try {
      use(await asking.ask(`/api/cell/${what}?${state.query(KEYS)}`));
      fault(this.problem);
    } catch (problem) {
      if (taken(problem)) return;
      if (what === "expected" || !this.problem.textContent) fault(this.problem, problem.message);
    }
  }

  #curves() {
    const { course, many, film } = this;
    if (!course) return;
    const control = course.control, grey = (key) => control && { name: control.name, time: control.time, y: control[key], colour: CONTROL, dashed: true };
    const own = (name, key) => ({ name, time: course.time, y: course[key], colour: COLOURS[0] });
    const cells = (key) => many && { name: `mean of ${many.cells} cells, band: 95 % of cells`, time: many.time, y: many[key].mean,
      low: many[key].low, high: many[key].high, colour: COLOURS[1] };
    const one = (key) => film && { name: "the drawn cell", time: film.time, y: film[key], colour: COLOURS[5], thin: true };
    const shown = (list) => list.filter(Boolean);
    this.release.draw(shown([grey("exosomes"), cells("exosomes"), one("exosomes"), own("expected, median cell", "exosomes")]));
    this.calcium.draw(shown([grey("calcium"), own("expected, median cell", "calcium")]));
    this.stages.draw(Object.entries(course.stages).map(([name, y]) => ({ name, time: course.time, y, colour: STAGES[name]?.[0] ?? COLOURS[5] })));
    this.#answer();
    this.#rates();
    this.#follow(this.player.time);
  }

  #answer() {
    const { course, many } = this, mine = course.exosomes.at(-1), grey = course.control?.exosomes.at(-1);
    const fold = grey ? `, ${number(mine / grey)} times the ${number(grey)} of the control (${course.control.name})` : "";
    const cells = many ? ` Mean of ${many.cells} single cells: ${number(many.exosomes.mean.at(-1))}.` : "";
    this.answer.textContent = `The median cell releases ${number(mine)} exosomes in ${state.get("duration")}${fold}.${cells}`;
    this.caution.textContent = course.caution;
    this.caution.hidden = !course.caution;
    if (many) say(this.answer.textContent);
  }

  #rates() {
    const { spans, control } = this.course;
    const head = ["", "per hour", ...(control ? [control.name] : [])].map((words) => el("th", { scope: "col" }, words));
    const rows = spans.map((span, i) => el("tr", {}, el("th", { scope: "row" }, `${number(span.from / 60)} to ${number(span.to / 60)} min`), el("td", {}, number(span.rate)),
      control ? el("td", {}, number(control.spans[i].rate)) : null));
    this.spans.replaceChildren(el("caption", {}, "Exosomes per hour (median cell), between what was added or ended"), el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows));
  }

  #draw(time, speed) {
    this.drawing.draw(time, speed);
  }

  #follow(time) {
    for (const chart of [this.calcium, this.release, this.stages]) if (chart.to) chart.at(time);
    if (!this.film) return;
    const calcium = valueAt(this.film.time, this.film.calcium, time), counts = this.drawing.count(time);
    const released = this.film.vesicles.filter(({ end }) => end?.[1] === "released" && end[0] <= time).reduce((sum, { end }) => sum + end[2], 0);
    const stages = Object.entries(counts).map(([stage, n]) => `${n} ${stage}`).join(", ");
    this.now.textContent = `Calcium ${number(calcium)} µM · MVBs: ${stages} · ${released} exosomes out`;
    if (!this.player.playing) this.canvas.setAttribute("aria-label", `The drawn cell. ${this.now.textContent}`);
  }
}

function legend() {
  const dot = (colour, words, kind = "ring") => el("li", {}, el("span", { class: `dot ${kind}`, style: undefined, "data-colour": colour }), words);
  const rows = [...Object.entries(STAGES).map(([stage, [colour, words]]) => dot(colour, `${stage}: ${words}`)),
    dot(INK.munc, "Munc13-4, a dot per 8 copies", "full"), dot(INK.rab11, "Rab11 vesicle arriving", "full"), dot(INK.exosome, "exosome", "full"),
    dot(calciumColour(0.1), "calcium 0.1 µM", "square"), dot(calciumColour(0.5), "0.5 µM", "square"), dot(calciumColour(2), "2 µM", "square")];
  const made = el("ul", { class: "legend", "aria-label": "Legend" }, rows);
  for (const mark of made.querySelectorAll("[data-colour]")) mark.style.setProperty("--colour", mark.dataset.colour);
  return made;
}
