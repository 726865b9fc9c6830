// The controls of the tissue view: which dish, what is done on the left and on the right, how many cells, how long.

import { choice, el, labelled, number } from "./dom.js";
import { readSide, sentencesOf } from "./tissue_data.js";

const MOST_LEVEL = 3, STEP = 0.05, FEW = 5;
export const USUAL_LINE = "MDA-MB-231";
export const REPLAY = "replay";
const WORDS = { tumour: "Tumour cells", t_cell: "T cells", fibroblast: "Fibroblasts", normal: "Normal cells" };
const NAMES = ["Left dish", "Right dish"];

export class TissueControls {
  // bench: examples and lines; runs: of the working folder; changed(model) hears of every change; press starts and stops.
  constructor({ bench, runs, model, changed, press }) {
    Object.assign(this, { bench, runs, model, changed });
    this.run = el("button", { type: "button", class: "main run", onclick: press }, "Run");
    this.bar = el("progress", { max: 1, value: 0, hidden: true, "aria-label": "Progress of the run" });
    this.said = el("p", { class: "hint progressed" });
    this.element = el("form", { class: "controls", "aria-label": "The dish and what is done to it", onsubmit: (event) => event.preventDefault() });
    this.build();
  }

  get dish() {
    return this.bench.dishes.find(({ name }) => name === this.model.dish) ?? this.bench.dishes[0];
  }

  build() {
    const { bench, model } = this, replay = model.dish === REPLAY;
    const options = [...bench.dishes.map(({ name, title }) => [name, title]), [REPLAY, "Replay a run from the working folder"]];
    this.element.replaceChildren(
      el("fieldset", { class: "group" }, el("legend", {}, "The dish"),
        labelled("Example", choice(options, model.dish, (dish) => this.#choose(dish))), el("p", { class: "hint" }, replay ? REPLAYED : this.dish.says)),
      ...(replay ? this.#replay() : this.#made()));
  }

  #made() {
    const { model } = this;
    return [
      el("div", { class: "running" }, this.run, this.bar, this.said),
      this.#side(0),
      el("label", { class: "switch" }, el("input", { type: "checkbox", checked: model.sides.length > 1, onchange: (event) => this.#pair(event.target.checked) }), " Compare with a second dish"),
      model.sides.length > 1 ? this.#side(1) : null,
      this.#further(),
    ].filter(Boolean);
  }

  #set(changes, rebuild = false) {
    this.model = { ...this.model, ...changes };
    if (rebuild) this.build();
    this.changed(this.model);
  }

  #choose(dish) {
    if (dish === REPLAY) {
      this.#set({ dish, runs: this.runs.slice(0, 1).map(({ name }) => name) }, true);
    } else {
      const found = this.bench.dishes.find(({ name }) => name === dish);
      this.#set({ ...begun(found), sides: [[], found.against].map((texts, i) => ({ line: this.#known(this.model.sides[i]?.line), ...readSide(texts, found.drugs) })) }, true);
    }
    this.element.querySelector("select")?.focus();
  }

  #known(line) {
    return this.bench.lines.some(({ name }) => name === line) ? line : USUAL_LINE;
  }

  #pair(two) {
    const { drugs, against } = this.dish, [left] = this.model.sides;
    this.#set({ sides: two ? [left, { line: left.line, ...readSide(against, drugs) }] : [left] }, true);
    this.element.querySelector(".switch input")?.focus();
  }

  #side(i) {
    const side = this.model.sides[i], { drugs, kinds } = this.dish;
    const put = (changes, rebuild) => this.#set({ sides: this.model.sides.map((one, n) => (n === i ? { ...one, ...changes } : one)) }, rebuild);
    const chosen = (name) => {
      const found = drugs.find((one) => one.name === name);
      put(found ? { drug: name, unit: found.unit, dose: String(parseFloat(found.usual)) } : { drug: "", dose: "" }, true);
      this.element.querySelectorAll(".side")[i].querySelector("[data-drug]").focus();
    };
    const lines = this.bench.lines.map(({ name, tissue }) => [name, `${name} (${tissue})`]);
    const drug = drugs.find(({ name }) => name === side.drug);
    return el("fieldset", { class: "group side" }, el("legend", {}, this.model.sides.length > 1 ? NAMES[i] : "The dish's cells"),
      labelled("Cell line", choice(withAsked(lines, side.line), side.line, (line) => put({ line }))),
      this.#level("Munc13-4 of tumour cells", side.level, (level) => put({ level })),
      kinds.includes("t_cell") ? this.#level("Munc13-4 of T cells", side.guests, (guests) => put({ guests })) : null,
      el("div", { class: "dosed" },
        labelled("Drug", choice([["", "none"], ...drugs.map(({ name }) => [name])], side.drug, chosen, { "data-drug": "" })),
        drug ? labelled(`Dose (${drug.unit.replace("u", "µ")})`, el("input", { type: "number", min: "0", step: "any", value: side.dose,
          oninput: (event) => event.target.validity.valid && event.target.value !== "" && put({ dose: event.target.value }) })) : null),
      drug ? el("p", { class: "hint" }, drug.summary) : null,
      side.rest.map((text, n) => el("p", { class: "other" }, text, " ", el("button", { type: "button", class: "quiet", "aria-label": `Remove ${text}`,
        onclick: () => put({ rest: side.rest.filter((_, m) => m !== n) }, true) }, "Remove"))));
  }

  #level(words, value, put) {
    const shown = el("output", {}, number(value));
    const slider = el("input", { type: "range", min: "0", max: String(Math.max(MOST_LEVEL, value)), step: String(STEP), value: String(value), oninput: () => {
      shown.textContent = number(Number(slider.value));
      put(Number(slider.value));
    } });
    return el("label", { class: "level", title: "1 is what the line has, 0 a knock-out" }, el("span", { class: "name" }, words), slider, shown);
  }

  #further() {
    const { dish, model } = this, box = (key, given, value, put) => el("input", { type: "number", step: "1", required: true, ...given, value, "data-count": key,
      oninput: (event) => event.target.validity.valid && put(event.target.value) });
    const own = dish.durations.includes(model.duration) ? dish.durations : [model.duration, ...dish.durations];
    return el("fieldset", { class: "group" }, el("legend", {}, "Cells, time, chance"),
      el("div", { class: "counted" },
        dish.counts.map(({ kind }) => labelled(WORDS[kind] ?? kind, box(kind, { min: "1", max: String(dish.most) }, model.n[kind],
          (value) => this.#set({ n: { ...this.model.n, [kind]: value } })))),
        labelled("Length of the run", choice(own.map((one) => [one]), model.duration, (duration) => this.#set({ duration }))),
        labelled("Seed", box("seed", { min: "0", max: "2147483647" }, model.seed, (seed) => this.#set({ seed })))));
  }

  #replay() {
    const { runs, model } = this, names = runs.map(({ name }) => [name]);
    const put = (i) => (name) => this.#set({ runs: [0, 1].map((n) => (n === i ? name : model.runs[n])).filter(Boolean) }, true);
    const made = el("details", { class: "group", open: !runs.length }, el("summary", {}, "How to make a large one"),
      el("p", { class: "hint" }, "In the working folder of this page, in a terminal:"),
      el("pre", { tabindex: "0", "aria-label": "Command" }, "exude tissue examples/spheroid.toml -o spheroid.zarr"),
      el("p", { class: "hint" }, "It may run for hours; it can be looked at here while it does, and goes on with --resume after a stop. Any example of this page can be downloaded as a file and made larger."));
    const about = (name) => (name ? el("p", { class: "hint" }, runs.find((one) => one.name === name)?.says ?? "") : null);
    if (!runs.length) return [el("p", {}, "There is no run in the working folder yet."), made];
    return [el("fieldset", { class: "group" }, el("legend", {}, "Runs"),
      labelled("Run on the left", choice(withAsked(names, model.runs[0]), model.runs[0], put(0))), about(model.runs[0]),
      labelled("Run on the right", choice([["", "none"], ...withAsked(names, model.runs[1])], model.runs[1] ?? "", put(1))), about(model.runs[1])), made];
  }

  // What the button says, and the bar. state: {running, done, total, words, estimate}
  progress({ running, done = 0, total = 0, words = "", estimate }) {
    this.run.textContent = running ? "Cancel" : estimate === undefined ? "Run" : `Run (${lasting(estimate)})`;
    this.run.classList.toggle("main", !running);
    this.bar.hidden = !running;
    this.bar.max = total || 1;
    if (total) this.bar.value = done;
    else this.bar.removeAttribute("value");
    this.said.textContent = words;
  }
}

// What a link asks for stands in the list even where there is no such thing: the first of the list would be a lie.
function withAsked(options, asked) {
  return !asked || options.some(([value]) => value === asked) ? options : [[asked, `${asked} (unknown)`], ...options];
}

// Starting and settling in take a few seconds whatever the dish.
function lasting(estimate) {
  if (estimate < FEW) return "a few seconds";
  return `about ${estimate < 90 ? `${Math.round(estimate)} s` : `${number(estimate / 60, 2)} min`}`;
}

const REPLAYED = "What exude tissue wrote into the working folder, thinned out to what a screen can show.";

// A model of an example as its file has it.
export function begun(dish) {
  return { dish: dish.name, duration: dish.duration, seed: String(dish.seed), n: Object.fromEntries(dish.counts.map(({ kind, usual }) => [kind, String(usual)])) };
}

// The model as the keys of the address.
export function keysOf({ dish, duration, seed, n, sides, runs }) {
  const none = { dish: null, line: null, line2: null, n: null, duration: null, seed: null, a: null, b: null, sides: null, run: null };
  if (dish === REPLAY) return { ...none, dish, run: runs };
  return { ...none, dish, duration, seed, n: Object.entries(n).map(([kind, count]) => `${kind}=${count}`), sides: String(sides.length),
    line: sides[0].line, line2: sides[1]?.line ?? null, a: sentencesOf(sides[0]), b: sides[1] ? sentencesOf(sides[1]) : null };
}
