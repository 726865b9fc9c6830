// Parts of the tissue view: the place of a dish, the scale of colours, marks of the legend, words and numbers.

import { COLOURS } from "./chart.js";
import { clock, el, number } from "./dom.js";
import { state } from "./state.js";
import { DishDrawing } from "./tissue_draw.js";

const UNITS = { "item/um**3": ["10⁹ per ml", 1000], "1/um": ["per µm", 1], uM: ["µM", 1] }; // as said at the bench, and the factor
export const unitOf = (unit) => UNITS[unit] ?? [unit, 1];

export function pane(pointed) {
  const canvas = el("canvas", { class: "dish", role: "img", "aria-label": "A dish", onpointermove: (event) => pointed(event.offsetX, event.offsetY) }), title = el("figcaption", {});
  return { canvas, title, drawing: new DishDrawing(canvas), element: el("figure", { class: "pane" }, title, canvas) };
}

export function seriesOf(side, i, title, several) {
  return side.courses.filter((one) => one.title === title).map(({ kind, y }) => {
    const own = kind && kind !== "cell_count" && side.courses.filter((one) => one.kind).length > 1;
    const colour = own ? side.kinds.find((one) => one.kind === kind)?.colour : COLOURS[i], who = own ? nameOf(side, kind) : "";
    return { name: [who, several ? side.label : who ? "" : side.label].filter(Boolean).join(", "), time: side.time, y, colour, dashed: i > 0 };
  });
}

// As printed: 6.4 × 10⁻⁷ where decimals would be many.
export const short = (value) => (value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(1).replace(/e-(\d+)/, (_, power) => ` × 10⁻${[...power].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("")}`) : number(value));
export const nameOf = (side, kind) => (kind === "cell_count" ? "all" : side.kinds.find((one) => one.kind === kind)?.name ?? kind);

export function inWords(side, index) {
  const counts = side.courses.filter(({ kind }) => kind).map(({ kind, y }) => counted(y[index], kind === "cell_count" ? sole(side) : nameOf(side, kind))).join(", ");
  return `${side.label} at ${clock(side.time[index])}: ${counts}.`;
}

const counted = (many, name) => `${many} ${name}${many === 1 ? "" : "s"}`;
const sole = ({ kinds }) => (kinds.length === 1 ? kinds[0].name : "cell");

export function mark({ colour = "#262626" }, words, shape) {
  const sign = el("span", { class: `sign ${shape}`, "aria-hidden": "true" });
  sign.style.setProperty("--colour", colour);
  return el("li", {}, sign, words);
}

export function colourBar({ low, high, cut, colours }, { meaning, unit }) {
  const strip = el("canvas", { width: 128, height: 1, "aria-hidden": "true" }), brush = strip.getContext("2d"), picture = brush.createImageData(128, 1);
  for (let n = 0; n < 128; n++) picture.data.set(colours.subarray(8 * n, 8 * n + 4), 4 * n);
  brush.putImageData(picture, 0, 0);
  const [said, factor] = unitOf(unit);
  return el("div", { class: "colour-bar" }, el("span", { class: "name" }, `${meaning} (${said}${low > 0 ? "; the scale does not begin at 0" : ""})`), el("span", { class: "ends" }, el("span", {}, number(low * factor)), strip, el("span", {}, `${cut ? "≥ " : ""}${number(high * factor)}`)));
}

export function replayed(sides) {
  const names = state.all("run").slice(0, sides.length), assay = sides[0].assay;
  return { python: `import exude\n\n${names.map((name, i) => `${["left", "right"][i]} = exude.open_tissue("${name}")`).join("\n")}\nprint(left.data)\n`,
    command: names.map((name) => (assay ? `exude assay ${assay} ${name}` : `exude app --folder .   # holds ${name}`)).join("\n") };
}
