// One statement closed: verdict in mark, word and colour, and per row what was reported and what the model predicts.

import { el, svg } from "./dom.js";

export const STATES = {
  agrees: ["✓", "agrees", "The prediction meets what was reported."],
  weak: ["≈", "agrees, weak", "It agrees, but most random parameter sets do so too: it could hardly have failed."],
  disagrees: ["✗", "disagrees", "Model and paper disagree, and it stays so."],
  "not scored": ["–", "not scored", "Shown without a verdict; the rule says why."],
};
export const ROLES = { fit: "fitted", predicted: "predicted" };

const WORST_FIRST = ["disagrees", "agrees", "weak", "not scored"];
const SHOWN_CLOSED = 1;

export function badge(state, words) {
  const [mark, usual, meaning] = STATES[state];
  return el("span", { class: `verdict ${state.replace(" ", "-")}`, title: meaning }, el("span", { class: "mark", "aria-hidden": "true" }, mark), ` ${words ?? usual}`);
}

// The verdict of a statement: its rows counted, the worst one's colour.
export function statementBadge(rows) {
  const scored = rows.filter(({ verdict }) => verdict !== "not scored"), agreed = scored.filter(({ verdict }) => verdict === "agrees");
  if (!scored.length) return badge("not scored");
  const one = scored.length === 1;
  if (agreed.length < scored.length) return badge("disagrees", one ? undefined : `${agreed.length} of ${scored.length} agree`);
  const weak = scored.every(({ state }) => state === "weak");
  return badge(weak ? "weak" : "agrees", one ? undefined : `all ${scored.length} agree${weak ? ", weak" : ""}`);
}

export const worstFirst = (rows) => [...rows].sort((a, b) => WORST_FIRST.indexOf(a.state) - WORST_FIRST.indexOf(b.state));

export function closedRows(rows) {
  const first = worstFirst(rows).slice(0, SHOWN_CLOSED), more = rows.length - first.length;
  return [el("ul", { class: "claims" }, first.map((row) => el("li", {}, claim(row, rows.length > 1)))),
    more > 0 ? el("p", { class: "hint" }, `and ${more} more ${more === 1 ? "row" : "rows"}`) : null];
}

// What was said, reported and predicted, with the small graph; the verdict where it does not stand above already.
export function claim(row, judged = true) {
  return [el("p", { class: "says" }, el("span", { class: "id" }, row.finding), ` ${row.says}`), graph(row),
    el("p", { class: "numbers-of" }, el("span", { class: "reported" }, `Reported: ${row.reported}`), el("span", {}, `Predicted: ${row.predicted}`),
      judged ? el("span", {}, badge(row.state), ` · ${ROLES[row.role]}`) : null)];
}

const WIDE = 300, HIGH = 26, EDGE = 6, MIDDLE = 13, DECADES = 100, ROOM = 0.06;

// Orange: reported range; dashed: no effect, with an arrow the way that was reported; dot and line: prediction, 95 %.
export function graph({ graph: g }) {
  if (typeof g.value !== "number") return null;
  const x = scaled(g), made = [svg("line", { class: "axis", x1: EDGE, x2: WIDE - EDGE, y1: HIGH - 4, y2: HIGH - 4 })];
  if (g.band) {
    const left = g.band[0] === null ? EDGE : x(g.band[0]), right = g.band[1] === null ? WIDE - EDGE : x(g.band[1]);
    made.push(svg("rect", { class: "band", x: left, width: Math.max(right - left, 2), y: 3, height: HIGH - 7 }));
  }
  if (g.null !== null) made.push(...noEffect(x(g.null), g.way));
  if (g.low !== null && g.high !== null) made.push(svg("line", { class: "interval", x1: x(g.low), x2: x(g.high), y1: MIDDLE, y2: MIDDLE }));
  made.push(svg("circle", { class: "value", cx: x(g.value), cy: MIDDLE, r: 4.5 }));
  return svg("svg", { class: "strip", viewBox: `0 0 ${WIDE} ${HIGH}`, "aria-hidden": "true" }, ...made);
}

// From a number to its place: zero is in sight where nothing is below it; decades where numbers differ by so much.
function scaled(g) {
  const known = [g.value, g.low, g.high, g.null, ...(g.band ?? [])].filter((v) => typeof v === "number");
  const above = known.filter((v) => v > 0), least = Math.min(...above);
  const wide = g.null === null && above.length === known.length && Math.max(...above) / least > DECADES;
  const scale = wide ? (v) => Math.log10(v) : (v) => v;
  const places = (wide || known.some((v) => v < 0) ? known : [...known, 0]).map(scale);
  const from = Math.min(...places), to = Math.max(...places), room = (to - from) * ROOM || 1;
  return (v) => EDGE + ((scale(v) - from + room) / (to - from + 2 * room)) * (WIDE - 2 * EDGE);
}

function noEffect(x, way) {
  const made = [svg("line", { class: "null", x1: x, x2: x, y1: 1, y2: HIGH - 4 })];
  const step = { up: 9, down: -9 }[way];
  if (step) made.push(svg("path", { class: "way", d: `M${x} 4h${step}m${-step / 3} -3l${step / 3} 3l${-step / 3} 3` }));
  return made;
}
