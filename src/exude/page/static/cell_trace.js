// The visitor's own calcium: a file, and what it holds. How it is read can be changed after it was handed in.

import { ask } from "./api.js";
import { choice, el, fault, labelled } from "./dom.js";

const GAPS = [["", "refused"], ["line", "bridged by a line"]];
const BEYOND = [["", "refused"], ["clip", "held at its ends"]];

// trace: {id, words, name} or null; changed(trace or null, rebuild).
export function traceControl(dyes, trace, changed) {
  const said = Object.fromEntries((trace?.words ?? "").split(" ").map((word) => word.split("=")).filter((pair) => pair.length === 2));
  const { dye: ownDye = "", gaps: ownGaps = "", outside: ownOutside = "", ...numbers } = said;
  const problem = el("div"), moved = () => {
    light.hidden = !dye.value;
    if (trace) changed({ ...trace, words: words() }, false);
  };
  const dye = choice([["", "calcium (µM or nM, as the head says)"], ...dyes.map((name) => [name, `light of ${name}`])], ownDye, moved);
  const gaps = choice(GAPS, ownGaps, moved), outside = choice(BEYOND, ownOutside, moved);
  const calibration = el("input", { type: "text", placeholder: "r_min=0.3 r_max=6 beta=5", size: "24", onchange: moved,
    value: Object.entries(numbers).map((pair) => pair.join("=")).join(" ") });
  const light = el("div", { hidden: !ownDye }, labelled("Calibration", calibration), labelled("Readings beyond its ends are", outside));
  const words = () => [dye.value && `dye=${dye.value} ${calibration.value.trim()}`, dye.value && outside.value && `outside=${outside.value}`,
    gaps.value && `gaps=${gaps.value}`].filter(Boolean).join(" ");
  const file = el("input", { type: "file", accept: ".csv,text/csv,text/plain", onchange: async () => {
    fault(problem);
    const [given] = file.files;
    if (!given) return;
    try {
      const headers = { "x-file-name": encodeURIComponent(given.name) };
      const { id, name } = await ask("/api/traces", { method: "POST", body: given, headers });
      changed({ id, name, words: words() }, true);
    } catch (wrong) {
      fault(problem, wrong.message);
    }
  } });
  const own = trace && el("p", { class: "other" }, `Calcium from ${trace.name ?? "your file"}. A link keeps it for an hour. `,
    el("button", { type: "button", class: "quiet", onclick: () => changed(null, true) }, "Remove the trace"));
  return el("details", { class: "group", open: Boolean(trace) }, el("summary", {}, "Your own calcium trace"), own,
    el("p", { class: "hint" }, "A CSV file whose head names the units: time_s,calcium_uM. It takes the place of the calcium equations."),
    labelled("The file holds", dye), light, labelled("Gaps in it are", gaps), labelled("Calcium trace (CSV)", file), problem);
}
