// The controls of the cell view, in bench words. They read the model, and say when it has been changed.

import { choice, el, labelled, number } from "./dom.js";
import { withMutant } from "./cell_model.js";
import { traceControl } from "./cell_trace.js";

const MAIN_GENES = ["UNC13D", "RAB11A", "RAB27A", "ORAI1"];
const MOST_LEVEL = 4, STEP = 0.05;
const DURATIONS = ["30 min", "1 h", "2 h", "4 h", "8 h", "24 h"];

export class Controls {
  // bench: what can be chosen; changed(model) hears of every change.
  constructor(bench, model, changed) {
    Object.assign(this, { bench, model, changed });
    this.element = el("form", { class: "controls", "aria-label": "What is done to the cell", onsubmit: (event) => event.preventDefault() });
    this.build();
  }

  build() {
    const { bench, model } = this;
    const lines = bench.lines.map(({ name, tissue }) => [name, `${name} (${tissue})`]);
    const others = bench.genes.filter(({ symbol }) => !MAIN_GENES.includes(symbol));
    this.element.replaceChildren(
      group("Cells",
        labelled("Cell line", choice(lines, model.line, (line) => this.#set({ line }))),
        labelled("Length of the run", choice(withOwn(DURATIONS, model.duration), model.duration, (duration) => this.#set({ duration })))),
      group("Protein levels",
        el("p", { class: "hint" }, "1 is what the line has; 0 is a knock-out."),
        MAIN_GENES.map((symbol) => this.#gene(bench.genes.find((g) => g.symbol === symbol))),
        labelled("Munc13-4 mutant", choice([["", "none"], ...bench.mutants.UNC13D.map((m) => [m])], model.mutant,
          (mutant) => this.#set(withMutant(this.model, mutant), true))),
        el("details", { open: others.some(({ symbol }) => symbol in model.genes) }, el("summary", {}, `${others.length} more proteins`),
          others.map((gene) => this.#gene(gene)))),
      group("Drugs and stimuli", model.agents.map((agent, i) => this.#agent(agent, i)),
        el("button", { type: "button", onclick: () => this.#add() }, "Add a drug or stimulus"),
        model.rest.map((text, i) => this.#other(text, i))),
      traceControl(bench.dyes, model.trace, (trace, rebuild) => this.#set({ trace }, rebuild)),
      el("details", { class: "group" }, el("summary", {}, "Cells, chance, mechanism"),
        labelled("Number of single cells", this.#box("cells", { min: "1", max: "2000" })),
        labelled("Seed", this.#box("seed", { min: "0", max: "2147483647" })),
        labelled("Mechanism", choice(bench.hypotheses.map(({ name }) => [name]), model.hypothesis, (hypothesis) => this.#set({ hypothesis })))),
    );
  }

  #set(changes, rebuild = false) {
    this.model = { ...this.model, ...changes };
    if (rebuild) this.build();
    this.changed(this.model);
  }

  #gene({ symbol, meaning }) {
    const level = this.model.genes[symbol] ?? 1;
    const shown = el("output", {}, number(level));
    const change = () => {
      const value = Number(slider.value), genes = { ...this.model.genes, [symbol]: value };
      if (value === 1) delete genes[symbol];
      shown.textContent = number(value);
      this.#set({ genes });
    };
    const slider = el("input", { type: "range", min: "0", max: String(Math.max(MOST_LEVEL, level)), step: String(STEP), value: String(level),
      "data-gene": symbol, oninput: change });
    return el("label", { class: "level", title: meaning }, el("span", { class: "name" }, symbol, el("small", {}, ` ${meaning}`)), slider, shown);
  }

  #agent(agent, i) {
    const known = this.bench.agents, put = (changes, rebuild) => {
      const agents = this.model.agents.map((one, n) => (n === i ? { ...one, ...changes } : one));
      this.#set({ agents }, rebuild);
    };
    const chosen = (name) => {
      const { kind, unit, usual } = known.find((one) => one.name === name);
      put({ name, kind, unit, dose: String(parseFloat(usual)) }, true);
    };
    const box = (words, key, unit) => labelled(`${words} (${unit})`, el("input", { type: "number", min: "0", step: "any", value: agent[key],
      oninput: (event) => event.target.validity.valid && put({ [key]: event.target.value }) }));
    return el("fieldset", { class: "agent" }, el("legend", {}, `${agent.kind === "drug" ? "Drug" : "Stimulus"} ${i + 1}`),
      labelled("Agent", choice(known.map(({ name }) => [name]), agent.name, chosen)),
      box("Dose", "dose", agent.unit.replace("u", "µ")), box("From", "at", "min"), box("Until", "until", "min, or empty"),
      el("button", { type: "button", class: "quiet", "aria-label": `Remove ${agent.name}`,
        onclick: () => this.#set({ agents: this.model.agents.filter((_, n) => n !== i) }, true) }, "Remove"));
  }

  #add() {
    const used = new Set(this.model.agents.map(({ name }) => name));
    const { name, kind, unit, usual } = this.bench.agents.find((one) => !used.has(one.name)) ?? this.bench.agents[0];
    this.#set({ agents: [...this.model.agents, { kind, name, unit, dose: String(parseFloat(usual)), at: "0", until: "" }] }, true);
    [...this.element.querySelectorAll(".agent select")].at(-1)?.focus();
  }

  #other(text, i) {
    const drop = () => this.#set({ rest: this.model.rest.filter((_, n) => n !== i) }, true);
    return el("p", { class: "other" }, text, " ", el("button", { type: "button", class: "quiet", "aria-label": `Remove ${text}`, onclick: drop }, "Remove"));
  }

  #box(key, given) {
    return el("input", { type: "number", ...given, value: this.model[key],
      oninput: (event) => event.target.validity.valid && event.target.value && this.#set({ [key]: event.target.value }) });
  }
}

function group(title, ...inside) {
  return el("fieldset", { class: "group" }, el("legend", {}, title), inside);
}

const withOwn = (usual, own) => (usual.includes(own) ? usual : [own, ...usual]).map((one) => [one]);
