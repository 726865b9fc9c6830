// A small line chart as SVG: axes with round ticks, a grey control, a band, a cursor that follows the player,
// and the same numbers as words and as a table for those who do not see it.

import { valueAt } from "./course.js";
import { clock, el, number, svg } from "./dom.js";

const WIDE = 380, HIGH = 190, LEFT = 46, RIGHT = 8, TOP = 10, BELOW = 30;
const TABLE_ROWS = 12;
export const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#AA4499", "#B07A00", "#4C4C4C"];
export const CONTROL = "#767676";

export class Chart {
  // unit of y in the title; series are given to draw().
  constructor(title, { seek } = {}) {
    this.title = title;
    this.seek = seek;
    this.plot = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", class: "chart" });
    this.cursor = svg("line", { class: "cursor", y1: TOP, y2: HIGH - BELOW });
    this.key = el("ul", { class: "key" });
    this.rows = el("table");
    this.element = el("figure", { class: "charted" },
      el("figcaption", {}, title), this.plot, this.key,
      this.details = el("details", { class: "numbers", ontoggle: () => this.#table() }, el("summary", {}, "Numbers"),
        el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Numbers of ${title}` }, this.rows)));
    if (seek) this.plot.addEventListener("pointerdown", (event) => seek(this.#timeAt(event)));
  }

  // series: [{name, time, y, low, high, colour, dashed, thin}], all in seconds.
  draw(series) {
    const shown = series.filter((one) => one.y?.length);
    const times = shown.flatMap((one) => [one.time[0], one.time.at(-1)]);
    this.from = Math.min(...times);
    this.to = Math.max(...times);
    const most = Math.max(...shown.flatMap((one) => [...one.y, ...(one.high ?? [])]).filter(Number.isFinite), 1e-9);
    const ticks = roundTicks(most);
    this.top = Math.max(most * 1.04, ticks.at(-1));
    const axes = this.#axes(ticks);
    const bands = shown.filter((one) => one.low).map((one) => this.#band(one));
    const lines = shown.map((one) => this.#line(one));
    this.plot.replaceChildren(...axes, ...bands, ...lines, this.cursor);
    this.key.replaceChildren(...shown.map((one) => keyed(one)));
    const words = shown.map((one) => inWords(one)).join("; ");
    this.plot.setAttribute("aria-label", `${this.title}. ${words}.`);
    this.shown = shown;
    this.#table();
  }

  at(time) {
    const x = this.#x(Math.min(Math.max(time, this.from), this.to));
    this.cursor.setAttribute("x1", x);
    this.cursor.setAttribute("x2", x);
  }

  #x = (time) => LEFT + ((time - this.from) / (this.to - this.from || 1)) * (WIDE - LEFT - RIGHT);
  #y = (value) => HIGH - BELOW - (value / this.top) * (HIGH - BELOW - TOP);

  #timeAt(event) {
    const box = this.plot.getBoundingClientRect();
    const share = ((event.clientX - box.left) / box.width * WIDE - LEFT) / (WIDE - LEFT - RIGHT);
    return this.from + Math.min(Math.max(share, 0), 1) * (this.to - this.from);
  }

  #axes(ticks) {
    const made = [];
    for (const value of ticks) {
      const y = this.#y(value);
      made.push(svg("line", { class: "grid", x1: LEFT, x2: WIDE - RIGHT, y1: y, y2: y }));
      made.push(svg("text", { class: "tick", x: LEFT - 5, y: y + 3.5, "text-anchor": "end" }, number(value)));
    }
    const hours = this.to - this.from > 4 * 3600, unit = hours ? 3600 : 60;
    for (const value of roundTicks((this.to - this.from) / unit)) {
      const x = this.#x(this.from + value * unit);
      made.push(svg("text", { class: "tick", x, y: HIGH - BELOW + 14, "text-anchor": "middle" }, number(value)));
    }
    made.push(svg("text", { class: "tick", x: WIDE - RIGHT, y: HIGH - 3, "text-anchor": "end" }, hours ? "time (h)" : "time (min)"));
    return made;
  }

  #points = (time, values) => time.map((t, i) => `${this.#x(t).toFixed(1)},${this.#y(values[i]).toFixed(1)}`);

  #line(one) {
    const path = `M${this.#points(one.time, one.y).join("L")}`;
    const width = one.thin ? 1 : 2;
    const made = svg("path", { d: path, fill: "none", stroke: one.colour, "stroke-width": width, "stroke-linejoin": "round" });
    if (one.dashed) made.setAttribute("stroke-dasharray", "5 3");
    return made;
  }

  #band(one) {
    const edge = [...this.#points(one.time, one.high), ...this.#points(one.time, one.low).reverse()];
    return svg("path", { d: `M${edge.join("L")}Z`, fill: one.colour, opacity: 0.16 });
  }

  // Made when it is looked at: a slider redraws the lines many times a second.
  #table() {
    const { shown } = this;
    if (!this.details.open || !shown) return;
    const time = shown[0].time, step = Math.max(1, Math.ceil(time.length / TABLE_ROWS));
    const picked = time.map((_, i) => i).filter((i) => i % step === 0 || i === time.length - 1);
    const head = el("tr", {}, el("th", { scope: "col" }, "time"), shown.map((one) => el("th", { scope: "col" }, one.name)));
    const rows = picked.map((i) => el("tr", {}, el("th", { scope: "row" }, clock(time[i])),
      shown.map((one) => el("td", {}, number(valueAt(one.time, one.y, time[i]))))));
    this.rows.replaceChildren(el("thead", {}, head), el("tbody", {}, rows));
  }
}

function keyed(one) {
  const mark = svg("svg", { viewBox: "0 0 18 6", class: "mark", "aria-hidden": "true" },
    svg("path", { d: "M0 3H18", stroke: one.colour, "stroke-width": one.thin ? 1.2 : 2.4, "stroke-dasharray": one.dashed ? "5 3" : "none" }));
  return el("li", {}, mark, one.name);
}

function inWords(one) {
  const most = Math.max(...one.y);
  return `${one.name}: ${number(one.y[0])} at the start, ${number(most)} at most (${clock(one.time[one.y.indexOf(most)])}), ${number(one.y.at(-1))} at the end`;
}

function roundTicks(most) {
  const rough = most / 4 || 1, size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * size).find((n) => n >= rough * 0.999);
  const ticks = [];
  for (let i = 0; i * step <= most * 1.0001; i++) ticks.push(Number((i * step).toPrecision(6)));
  return ticks;
}
