// What is done to the cell, as the controls hold it and as sentences ("knock-down UNC13D=0.2") in the address.

export const USUAL = { line: "MDA-MB-231", do: ["stimulus ionomycin 5 uM at 30 min"], duration: "2 h", cells: "100", seed: "1" };
const MUTANT_OF = "UNC13D";
const LEFT_BY_KNOCK_DOWN = 0.1;
const MINUTES = { s: 1 / 60, min: 1, h: 60 };

// Sentences into what controls show; what no control shows is kept word for word in `rest`.
export function read(sentences) {
  const found = { genes: {}, mutant: "", agents: [], trace: null, rest: [] };
  for (const text of sentences) if (!one(text, found)) found.rest.push(text);
  return found;
}

function one(text, found) {
  const [, kind, rest] = /^(\S+)\s*(.*)$/.exec(text) ?? [];
  const level = /^([A-Z0-9]+)=([\d.]+)$/.exec(rest ?? "");
  if (kind === "knock-out") found.genes[rest] = 0;
  else if ((kind === "knock-down" || kind === "overexpress") && level) found.genes[level[1]] = Number(level[2]);
  else if (kind === "rescue" && rest.startsWith(`${MUTANT_OF} `)) found.mutant = rest.slice(MUTANT_OF.length + 1);
  else if (kind === "stimulus" || kind === "drug") return agent(kind, rest, found);
  else if (kind === "calcium-trace" && rest.startsWith("upload-")) return trace(rest, found);
  else return false;
  return true;
}

function agent(kind, text, found) {
  const parts = /^(.*?)\s+([\d.eE+-]+)\s*(\S+?)(?:\s+at\s+([\d.]+)\s*(s|min|h))?(?:\s+until\s+([\d.]+)\s*(s|min|h))?$/.exec(text);
  if (!parts) return false;
  const [, name, dose, unit, at, atUnit, until, untilUnit] = parts;
  const minutes = (value, of) => (value === undefined ? "" : String(Number((Number(value) * MINUTES[of]).toPrecision(6))));
  found.agents.push({ kind, name, dose, unit, at: minutes(at, atUnit) || "0", until: minutes(until, untilUnit) });
  return true;
}

function trace(text, found) {
  const [id, ...words] = text.split(" ");
  found.trace = { id, words: words.join(" ") };
  return true;
}

export function sentences({ genes, mutant, agents, trace, rest }) {
  const made = [];
  for (const [gene, level] of Object.entries(genes)) {
    if (level === 0) made.push(`knock-out ${gene}`);
    else if (level < 1) made.push(`knock-down ${gene}=${level}`);
    else if (level > 1) made.push(`overexpress ${gene}=${level}`);
  }
  if (mutant) made.push(`rescue ${MUTANT_OF} ${mutant}`);
  for (const { kind, name, dose, unit, at, until } of agents) {
    if (dose !== "") made.push(`${kind} ${name} ${dose} ${unit} at ${at || 0} min${until ? ` until ${until} min` : ""}`);
  }
  if (trace) made.push(`calcium-trace ${trace.id} ${trace.words}`.trim());
  return [...made, ...rest];
}

// As in the paper: the mutant comes into cells whose own Munc13-4 was knocked down.
export function withMutant(model, mutant) {
  const genes = { ...model.genes };
  if (mutant && !(genes[MUTANT_OF] < 1)) genes[MUTANT_OF] = LEFT_BY_KNOCK_DOWN;
  return { ...model, genes, mutant };
}
