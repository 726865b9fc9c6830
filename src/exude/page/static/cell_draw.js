// The drawn cell. Sizes are the model's, in micrometres; so are number, stage and growth of MVBs, and every time.
// Outline, nucleus, ER and where things stand are drawing: the model has no places inside a cell.

import { lastWhere, valueAt } from "./course.js";

export const STAGES = {
  immature: ["#3B9BDC", "growing: Rab11 vesicles fuse with it"],
  travelling: ["#0B5394", "on its way along microtubules"],
  peripheral: ["#00796B", "near the plasma membrane"],
  docked: ["#AA4499", "held at the membrane by Rab27"],
  primed: ["#B23A00", "ready to fuse when calcium rises"],
};
export const INK = { munc: "#CC3377", rab11: "#2E7D32", exosome: "#B23A00", lysosome: "#7A7A7A" };

const FLASH = 0.9; // seconds on the screen
const EXOSOMES_SHOWN = 3.5; // seconds on the screen
const FADE = 1.2; // seconds on the screen, of a degraded MVB
const COPIES_PER_DOT = 8; // Munc13-4 copies
const NUCLEUS = 0.36, ER_FROM = 0.42, ER_TO = 0.74; // shares of the radius
const SMALLEST_WITH_ILVS = 7; // pixels of radius from which single ILVs are drawn
const STORE_TONES = 40; // shades of the ER
const TONES = 5, FULL = 50; // how full of ILVs a small MVB looks
const REST = 0.05, HIGH = 5; // uM, ends of the calcium colours
const RAB11_RADIUS = 0.045; // um, drawing: the model counts them, their size does not matter to it
const GOLDEN = 2.399963;
const LENS = 0.31, LENS_TIMES = 5; // the lens: share of the canvas, and how much it magnifies
const PIT = 1.6; // seconds on the screen until a fused MVB has flattened into the membrane

// A number in [0, 1) that a vesicle keeps for life: the same vesicle stands at the same place in every film.
function chance(id, turn) {
  let x = Math.imul(id + 1, 0x9e3779b1) ^ Math.imul(turn + 1, 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
  return ((x ^ (x >>> 15)) >>> 0) / 4294967296;
}

const smooth = (u) => (u <= 0 ? 0 : u >= 1 ? 1 : u * u * (3 - 2 * u));
const mix = (a, b, u) => a + (b - a) * u;

// The last row that begins at or before a time.
const lastAt = (rows, time) => lastWhere(rows.length, (i) => rows[i][0] <= time);

const RAMP = [[255, 252, 240], [255, 239, 178], [255, 214, 92], [247, 176, 38]];
export function calciumColour(calcium) {
  const share = Math.min(Math.max(Math.log(calcium / REST) / Math.log(HIGH / REST), 0), 1) * (RAMP.length - 1);
  const i = Math.min(Math.floor(share), RAMP.length - 2);
  return `rgb(${RAMP[i].map((c, n) => Math.round(mix(c, RAMP[i + 1][n], share - i))).join(",")})`;
}

export class CellDrawing {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.zoom = 1;
    this.lens = true;
    this.middle = [0, 0];
    this.film = null;
    this.back = document.createElement("canvas");
  }

  load(film) {
    this.film = film;
    this.prepared = "";
    this.er = erPaths(film.radius);
    this.fullStore = Math.max(...film.er_calcium, 1e-9);
    for (const life of film.vesicles) life.place = placesOf(life, film.radius);
  }

  resize() {
    const side = this.canvas.clientWidth, dense = Math.min(devicePixelRatio || 1, 2);
    if (this.canvas.width !== Math.round(side * dense)) this.canvas.width = this.canvas.height = Math.round(side * dense);
    this.dense = dense;
    this.side = side;
  }

  // What stands at a time; `speed` (seconds of the cell per second on the screen) says how long a flash lasts.
  draw(time, speed) {
    const { pen, film } = this;
    if (!film) return;
    this.resize();
    const dots = this.#muncPerMvb(time, valueAt(film.time, film.recruited, time));
    const scene = { time, speed, dots, mvbs: this.#mvbsAt(time, speed), calcium: valueAt(film.time, film.calcium, time), store: valueAt(film.time, film.er_calcium, time) / this.fullStore };
    const own = (this.side / 2 / (film.radius * 1.16)) * this.zoom;
    this.whole = own;
    this.#prepare(scene, own);
    pen.setTransform(this.dense, 0, 0, this.dense, 0, 0);
    pen.clearRect(0, 0, this.side, this.side);
    pen.drawImage(this.back, 0, 0, this.side, this.side);
    this.#look(scene, this.middle, own, [this.side / 2, this.side / 2], this.side / 2);
    this.#ruler([14, this.side - 16], own);
    if (this.lens && this.zoom < LENS_TIMES / 2) this.#lens(scene, own);
  }

  // The scene, with `middle` (um) at the pixel `at`; what is farther off than `half` pixels is left out.
  #look(scene, middle, scale, at, half) {
    const { pen, film } = this, { time, speed } = scene, reach = (half * 1.5) / scale + 1;
    this.scale = scale;
    pen.setTransform(this.dense, 0, 0, this.dense, 0, 0);
    pen.translate(at[0] - middle[0] * scale, at[1] - middle[1] * scale);
    pen.scale(scale, scale);
    if (middle !== this.middle) this.#body(scene, Math.hypot(...middle) - reach < ER_TO * film.radius);
    this.#mvbs(scene.mvbs.filter(({ x, y }) => Math.abs(x - middle[0]) < reach && Math.abs(y - middle[1]) < reach), scene.dots);
    for (const life of film.vesicles) if (life.end?.[1] === "released") this.#fusion(life, time, speed);
  }

  // As a microscopist would: the place of the nearest fusion, magnified, in the corner.
  #lens(scene, own) {
    const { pen, film } = this, released = film.vesicles.filter((life) => life.end?.[1] === "released");
    const near = released.reduce((best, life) => (!best || Math.abs(life.end[0] - scene.time) < Math.abs(best.end[0] - scene.time) ? life : best), null);
    if (!near) return;
    const angle = near.place.angle, far = edge(angle, film.radius) - 0.15;
    const middle = [far * Math.cos(angle), far * Math.sin(angle)], radius = (this.side * LENS) / 2, at = [radius + 8, radius + 8];
    pen.setTransform(this.dense, 0, 0, this.dense, 0, 0);
    pen.save();
    pen.beginPath();
    pen.arc(at[0], at[1], radius, 0, 7);
    pen.fillStyle = "#f3f6f8";
    pen.fill();
    pen.clip();
    this.#look(scene, middle, own * LENS_TIMES, at, radius);
    pen.restore();
    pen.setTransform(this.dense, 0, 0, this.dense, 0, 0);
    pen.lineWidth = 1.5;
    pen.strokeStyle = "#44505c";
    pen.beginPath();
    pen.arc(at[0], at[1], radius, 0, 7);
    pen.stroke();
    pen.setLineDash([3, 3]);
    pen.beginPath();
    pen.arc(this.side / 2 + (middle[0] - this.middle[0]) * own, this.side / 2 + (middle[1] - this.middle[1]) * own, radius / LENS_TIMES, 0, 7);
    pen.stroke();
    pen.setLineDash([]);
    this.#ruler([at[0] - 0.25 * own * LENS_TIMES, at[1] + radius - 14], own * LENS_TIMES, 0.5);
    this.scale = own;
  }

  // The cell without its vesicles, drawn anew only where its colours or its place have changed: the ER is many lines.
  #prepare(scene, scale) {
    const key = [calciumColour(scene.calcium), Math.round(scene.store * STORE_TONES), scale, ...this.middle, this.side, this.dense].join();
    if (key === this.prepared) return;
    this.prepared = key;
    this.back.width = this.back.height = this.canvas.width;
    const shown = this.pen, pen = (this.pen = this.back.getContext("2d"));
    this.scale = scale;
    pen.setTransform(this.dense, 0, 0, this.dense, 0, 0);
    pen.translate(this.side / 2 - this.middle[0] * scale, this.side / 2 - this.middle[1] * scale);
    pen.scale(scale, scale);
    this.#body(scene, true);
    this.pen = shown;
  }

  #body({ calcium, store }, inside) {
    const { pen, film } = this;
    outline(pen, film.radius);
    pen.fillStyle = calciumColour(calcium);
    pen.fill();
    pen.lineWidth = Math.min(0.14, 5 / this.scale);
    pen.strokeStyle = "#44505c";
    pen.stroke();
    if (!inside) return;
    pen.lineWidth = Math.min(0.15, 6 / this.scale);
    pen.strokeStyle = `rgba(70, 95, 140, ${0.1 + 0.5 * store})`;
    pen.stroke(this.er);
    pen.beginPath();
    pen.ellipse(-0.06 * film.radius, 0.05 * film.radius, NUCLEUS * film.radius, 0.92 * NUCLEUS * film.radius, 0.3, 0, 7);
    pen.fillStyle = "#cfd8e3";
    pen.fill();
    pen.strokeStyle = "#8d9bab";
    pen.stroke();
  }

  // The model knows how many copies are on membranes in all; they are drawn evenly on MVBs past growth.
  #muncPerMvb(time, copies) {
    const able = this.film.vesicles.filter((life) => stageAt(life, time) && stageAt(life, time) !== "immature").length;
    return able ? Math.round(copies / COPIES_PER_DOT / able) : 0;
  }

  // Where every MVB is at a time, and as what: worked out once, drawn in the cell and in the lens.
  #mvbsAt(time, speed) {
    const found = [];
    for (const life of this.film.vesicles) {
      const stage = stageAt(life, time), gone = life.end ? time - life.end[0] : -1;
      if (!stage && !(gone >= 0 && life.end[1] === "degraded" && gone < FADE * speed)) continue;
      const i = lastAt(life.keys, time), key = life.keys[i], next = life.keys[i + 1] ?? key;
      const along = next[0] > key[0] ? Math.min(Math.max((time - key[0]) / (next[0] - key[0]), 0), 1) : 0;
      const radius = mix(key[1], next[1], along) / 2, lost = stage ? 0 : gone / (FADE * speed);
      const [x, y] = this.#where(life, Math.min(time, life.end?.[0] ?? time), radius, lost);
      found.push({ id: life.id, x, y, radius, lost, stage, along, ilvs: key[3], arriving: next[2] - key[2], colour: stage ? STAGES[stage][0] : INK.lysosome });
    }
    return found;
  }

  // Small ones share one path per colour: a thousand strokes of their own cost a frame.
  #mvbs(mvbs, dots) {
    const small = mvbs.filter(({ radius, lost }) => !lost && radius * this.scale < SMALLEST_WITH_ILVS);
    for (const [colour, all] of Map.groupBy(small, (mvb) => mvb.colour)) this.#dots(all, colour);
    for (const mvb of mvbs) if (mvb.lost || mvb.radius * this.scale >= SMALLEST_WITH_ILVS) this.#large(mvb);
    for (const mvb of mvbs) if (mvb.stage === "immature" && mvb.arriving > 0) this.#rab11(mvb);
    this.#munc(mvbs.filter(({ stage }) => stage && stage !== "immature"), dots);
  }

  #dots(mvbs, colour) {
    const { pen } = this;
    discs(pen, mvbs, (mvb) => mvb.radius);
    pen.fillStyle = "#fffdf8";
    pen.fill();
    pen.lineWidth = 1.6 / this.scale;
    pen.strokeStyle = colour;
    pen.stroke();
    pen.fillStyle = colour;
    for (const [tone, alike] of Map.groupBy(mvbs, ({ ilvs }) => Math.ceil(Math.min(ilvs / FULL, 1) * TONES))) {
      pen.globalAlpha = (0.8 * tone) / TONES;
      discs(pen, alike, (mvb) => mvb.radius * 0.72);
      pen.fill();
    }
    pen.globalAlpha = 1;
  }

  #large({ id, x, y, radius, lost, ilvs, colour }) {
    this.pen.globalAlpha = 1 - lost;
    disc(this.pen, x, y, radius, "#fffdf8", colour, Math.min(radius * 0.28, 1.8 / this.scale + 0.02));
    this.#ilvs(id, x, y, radius, ilvs, colour);
    this.pen.globalAlpha = 1;
  }

  // Where a life stands: from near the nucleus to the membrane, stage by stage, at the stage's own times.
  #where(life, time, radius, lost) {
    const { film } = this, { stages, place } = life;
    const i = lastAt(stages, time), stage = stages[i][1], until = stages[i + 1]?.[0] ?? life.end?.[0] ?? film.duration;
    const share = until > stages[i][0] ? (time - stages[i][0]) / (until - stages[i][0]) : 1;
    const membrane = edge(place.angle, film.radius) - radius - 0.1;
    const near = membrane - 0.9 - place.depth;
    const at = { immature: [place.home, place.home], travelling: [place.home, near], peripheral: [near, near - 0.1],
      docked: [near, membrane], primed: [membrane, membrane + 0.05] }[stage];
    const eased = stage === "docked" ? smooth(share * 6) : smooth(share);
    const far = mix(mix(at[0], at[1], eased), place.home * 0.8, lost);
    const wander = stage === "immature" ? 0.05 : stage === "travelling" ? 0.03 : 0.008;
    const angle = place.angle + wander * Math.sin(time / (90 + 60 * place.pace) + place.pace * 40);
    return [far * Math.cos(angle), far * Math.sin(angle)];
  }

  #ilvs(id, x, y, radius, count, colour) {
    const { pen } = this, inside = this.film.exosome / 2, shown = Math.min(count, 80);
    pen.fillStyle = colour;
    discs(pen, Array.from({ length: shown }, (_, n) => {
      const far = (radius - inside) * 0.86 * Math.sqrt((n + 0.5) / Math.max(count, 6)), angle = n * GOLDEN + id;
      return { x: x + far * Math.cos(angle), y: y + far * Math.sin(angle) };
    }), () => inside / 2);
    pen.fill();
  }

  #rab11({ id, x, y, radius, arriving, along }) {
    for (let n = 0; n < Math.min(arriving, 6); n++) {
      const due = (n + 1) / arriving, share = (along - due + 1 / arriving) * arriving;
      if (share < 0 || share > 1) continue;
      const angle = 6.283 * chance(id, 7 + n), far = radius + RAB11_RADIUS + 1.6 * (1 - smooth(share));
      disc(this.pen, x + far * Math.cos(angle), y + far * Math.sin(angle), Math.max(RAB11_RADIUS, 1.6 / this.scale), INK.rab11);
    }
  }

  #munc(mvbs, dots) {
    const size = Math.max(0.028, 1.1 / this.scale), each = Math.min(dots, 24);
    const spots = mvbs.flatMap(({ id, x, y, radius }) => Array.from({ length: each }, (_, n) => {
      const angle = (6.283 * n) / each + id, far = radius + size * 0.8;
      return { x: x + far * Math.cos(angle), y: y + far * Math.sin(angle) };
    }));
    this.pen.fillStyle = INK.munc;
    discs(this.pen, spots, () => size);
    this.pen.fill();
  }

  // A ring where the MVB met the membrane, a pit that flattens, and its ILVs as exosomes on their way.
  #fusion(life, time, speed) {
    const since = time - life.end[0];
    if (since < 0 || since > EXOSOMES_SHOWN * speed) return;
    const { pen, film } = this, angle = life.place.angle, far = edge(angle, film.radius);
    const x = far * Math.cos(angle), y = far * Math.sin(angle), flash = since / (FLASH * speed), pit = since / (PIT * speed);
    if (pit < 1) this.#pit(x, y, angle, (life.keys.at(-1)[1] / 2) * (1 - smooth(pit)));
    if (flash < 1) {
      pen.globalAlpha = 1 - flash;
      pen.beginPath();
      pen.arc(x, y, 0.3 + 1.5 * Math.sqrt(flash), 0, 7);
      pen.lineWidth = Math.min(0.1, 3 / this.scale);
      pen.strokeStyle = INK.exosome;
      pen.stroke();
    }
    const share = since / (EXOSOMES_SHOWN * speed), size = Math.max(film.exosome / 2, 1 / this.scale);
    pen.globalAlpha = 1 - share * share;
    pen.fillStyle = INK.exosome;
    pen.beginPath();
    for (let n = 0; n < Math.min(life.end[2], 120); n++) {
      const turn = angle + (chance(life.id, 100 + n) - 0.5) * 2.2, reach = 0.15 + 3.4 * Math.sqrt(share) * (0.25 + 0.75 * chance(life.id, 300 + n));
      const px = x + reach * Math.cos(turn), py = y + reach * Math.sin(turn);
      pen.moveTo(px + size, py);
      pen.arc(px, py, size, 0, 7);
    }
    pen.fill();
    pen.globalAlpha = 1;
  }

  #pit(x, y, angle, radius) {
    const { pen } = this;
    pen.beginPath();
    pen.arc(x, y, radius, angle + Math.PI / 2, angle - Math.PI / 2);
    pen.fillStyle = "#f3f6f8";
    pen.fill();
    pen.lineWidth = 0.06;
    pen.strokeStyle = STAGES.primed[0];
    pen.stroke();
  }

  #ruler([x, y], scale, length = this.zoom > 3 ? 1 : this.zoom > 1.5 ? 2 : 5) {
    const { pen } = this;
    pen.setTransform(this.dense, 0, 0, this.dense, 0, 0);
    pen.fillStyle = "#262626";
    pen.fillRect(x, y, length * scale, 2.5);
    pen.font = "13px system-ui, sans-serif";
    pen.fillText(`${length} µm`, x, y - 6);
  }

  // Vesicles at a time, for words: how many in each stage.
  count(time) {
    const found = Object.fromEntries(Object.keys(STAGES).map((stage) => [stage, 0]));
    for (const life of this.film?.vesicles ?? []) {
      const stage = stageAt(life, time);
      if (stage) found[stage] += 1;
    }
    return found;
  }
}

function stageAt(life, time) {
  if (time < life.born || (life.end && time >= life.end[0])) return null;
  return life.stages[lastAt(life.stages, time)][1];
}

function placesOf(life, radius) {
  return {
    angle: 6.283 * chance(life.id, 0),
    home: radius * mix(NUCLEUS + 0.08, 0.66, Math.sqrt(chance(life.id, 1))),
    depth: 0.9 * chance(life.id, 2),
    pace: chance(life.id, 3),
  };
}

const edge = (angle, radius) => radius * (1 + 0.028 * Math.sin(3 * angle + 1) + 0.018 * Math.sin(5 * angle + 2));

function outline(pen, radius) {
  pen.beginPath();
  for (let i = 0; i <= 120; i++) {
    const angle = (i / 120) * 2 * Math.PI, far = edge(angle, radius);
    pen.lineTo(far * Math.cos(angle), far * Math.sin(angle));
  }
  pen.closePath();
}

function erPaths(radius) {
  const path = new Path2D();
  for (let ring = 0; ring < 9; ring++) {
    const far = radius * mix(ER_FROM, ER_TO, ring / 8), parts = 5 + (ring % 3);
    for (let part = 0; part < parts; part++) {
      const from = (6.283 * (part + chance(ring, part))) / parts, length = 0.35 + 0.5 * chance(ring, 20 + part);
      for (let i = 0; i <= 14; i++) {
        const angle = from + (length * i) / 14, here = far + 0.16 * Math.sin(angle * 17 + ring);
        const [x, y] = [here * Math.cos(angle), here * Math.sin(angle)];
        if (i) path.lineTo(x, y);
        else path.moveTo(x, y);
      }
    }
  }
  return path;
}

// One path of many discs.
function discs(pen, places, radius) {
  pen.beginPath();
  for (const place of places) {
    pen.moveTo(place.x + radius(place), place.y);
    pen.arc(place.x, place.y, radius(place), 0, 7);
  }
}

function disc(pen, x, y, radius, fill, stroke, width) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.fillStyle = fill;
  pen.fill();
  if (!stroke) return;
  pen.lineWidth = width;
  pen.strokeStyle = stroke;
  pen.stroke();
}
