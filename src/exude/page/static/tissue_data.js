// Frames and cells as the server sends them: a head as JSON, then numbers. And what is asked of a dish.

const STEPS = 65535;

// The bytes of one answer, or the sentence that says what was wrong.
export async function bytes(path, signal) {
  let answer;
  try {
    answer = await fetch(path, { signal });
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new Error("The program behind this page does not answer. Start it again: exude app");
  }
  if (answer.ok) return unpacked(await answer.arrayBuffer());
  const said = await answer.json().catch(() => ({}));
  throw new Error(said.error ?? `The program behind this page answered ${answer.status}.`);
}

function unpacked(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return { head, buffer, at: 4 + length };
}

// A field: value of pixel p of frame i is low + steps[i * ny * nx + p] * (high - low) / 65535.
export async function field(path, signal) {
  const { head, buffer, at } = await bytes(path, signal);
  const [frames, ny, nx] = head.shape;
  return { ...head, frames, ny, nx, step: (head.high - head.low) / STEPS, steps: new Uint16Array(buffer, at, frames * ny * nx) };
}

// Cells of all frames, and those that are gone: where each was last seen.
export async function cells(path, signal) {
  const { head, buffer, at } = await bytes(path, signal);
  const rows = head.ends.at(-1) ?? 0;
  const found = { ends: head.ends, every: head.every, ids: new Uint32Array(buffer, at, rows), places: new Float32Array(buffer, at + 4 * rows, 4 * rows),
    marks: new Uint8Array(buffer, at + 20 * rows, 2 * rows) };
  return { ...found, gone: gone(found) };
}

// Row where a cell was last seen, by the frame from which on it is no longer there.
function gone({ ends, ids }) {
  const lost = ends.map(() => []);
  for (let i = 1; i < ends.length; i++) {
    const there = new Set(ids.subarray(ends[i - 1], ends[i]));
    for (let row = ends[i - 2] ?? 0; row < ends[i - 1]; row++) if (!there.has(ids[row])) lost[i].push(row);
  }
  return lost;
}

// --- what is done on a side, as the controls hold it and as sentences in the address ---

const LEVEL = /^(t_cell: )?(?:(knock-out) UNC13D|(?:knock-down|overexpress) UNC13D=([\d.]+))$/;
const GIVEN = /^drug (.+?) ([\d.eE+-]+) (\S+)$/;

export function readSide(texts, drugs) {
  const side = { level: 1, guests: 1, drug: "", dose: "", unit: "", rest: [] };
  for (const text of texts) {
    const level = LEVEL.exec(text), given = GIVEN.exec(text);
    if (level) side[level[1] ? "guests" : "level"] = level[2] ? 0 : Number(level[3]);
    else if (given && !side.drug && drugs.some(({ name }) => name === given[1])) [, side.drug, side.dose, side.unit] = given;
    else side.rest.push(text);
  }
  return side;
}

export function sentencesOf({ level, guests, drug, dose, unit, rest }) {
  const levels = [["", level], ["t_cell: ", guests]].flatMap(([who, value]) => {
    if (value === 0) return [`${who}knock-out UNC13D`];
    if (value < 1) return [`${who}knock-down UNC13D=${value}`];
    return value > 1 ? [`${who}overexpress UNC13D=${value}`] : [];
  });
  return [...levels, ...(drug && dose !== "" ? [`drug ${drug} ${dose} ${unit}`] : []), ...rest];
}
