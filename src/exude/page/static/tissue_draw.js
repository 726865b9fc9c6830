// One dish on a canvas: a field as colours, matrix and vessels, cells as discs to scale, a scale bar.

const INK = "#262626", VESSEL = [184, 0, 58], BAR_SHARE = 0.25, FREE_T = "#ffffff", EDGE = 0.045;
const ON_FILM = "#ff9f1c", OUTLINE = "rgba(20, 20, 20, .6)";

// Colours from low to high, each of one hue and ever darker, or ever brighter: told apart without colour.
const MAPS = {
  collagen: ["#ffffff", "#efe3d0", "#d3b68e"], film: ["#101010", "#8a8a8a", "#f6f6f6"], exosomes: ["#ffffff", "#6db1dc", "#0a4f86", "#062a4a"],
  mmp: ["#ffffff", "#5fc3a4", "#007a59", "#00372a"], oxygen: ["#2d1146", "#8a6bb3", "#f3f0fa"], other: ["#ffffff", "#d596bb", "#8b3a73", "#3a0f32"],
};

export function mapOf(field, film) {
  if (field === "collagen") return film ? "film" : "collagen";
  if (field.includes("exosom") || field.startsWith("bound_")) return "exosomes";
  if (field.includes("mmp") || field.includes("timp") || field.includes("mt1")) return "mmp";
  return field === "oxygen" ? "oxygen" : "other";
}

const part = (hex, i) => parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16);

// 256 colours as RGBA words of an ImageData.
export function palette(name) {
  const stops = MAPS[name], made = new Uint8ClampedArray(4 * 256);
  for (let n = 0; n < 256; n++) {
    const at = (n / 255) * (stops.length - 1), low = Math.min(Math.floor(at), stops.length - 2), share = at - low;
    for (let i = 0; i < 3; i++) made[4 * n + i] = part(stops[low], i) * (1 - share) + part(stops[low + 1], i) * share;
    made[4 * n + 3] = 255;
  }
  return made;
}

export class DishDrawing {
  // box: {shape, h, origin}; kinds: [{kind, name, colour}] in the order of their numbers.
  constructor(canvas) {
    this.canvas = canvas;
    this.ink = canvas.getContext("2d");
    this.small = document.createElement("canvas");
    this.clear();
  }

  clear() {
    Object.assign(this, { box: null, kinds: [], cells: null, field: null, vessels: null, start: null, scale: null, film: false });
  }

  get wide() { return this.box.shape[2] * this.box.h; }
  get high() { return this.box.shape[1] * this.box.h; }

  // index: number of the frame; look: {way, layer}.
  draw(index, look) {
    const { canvas, ink } = this;
    if (!this.box) return ink.clearRect(0, 0, canvas.width, canvas.height);
    canvas.style.aspectRatio = `${this.wide} / ${this.high}`;
    const dots = devicePixelRatio || 1, width = Math.max(1, Math.round(canvas.clientWidth * dots)), height = Math.round((width * this.high) / this.wide);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    this.perUm = width / this.wide;
    ink.setTransform(1, 0, 0, 1, 0, 0);
    ink.fillStyle = "#f7f7f5";
    ink.fillRect(0, 0, width, height);
    if (this.field?.frames) this.#paint(Math.min(index, this.field.frames - 1));
    if (this.vessels?.frames) this.#vessels();
    // From here on um, y upwards, as in the figures.
    const [x, y] = this.box.origin;
    ink.setTransform(this.perUm, 0, 0, -this.perUm, -x * this.perUm, height + y * this.perUm);
    if (this.cells) this.#cells(Math.min(index, this.cells.ends.length - 1), look);
    else if (this.start) this.#start(look);
    ink.setTransform(1, 0, 0, 1, 0, 0);
    this.#bar(width, height, dots);
  }

  // value under a point of the canvas (CSS pixels): {x, y, value} in um.
  at(px, py, index) {
    if (!this.field?.frames) return null;
    const { nx, ny, low, step, steps, h } = this.field, k = this.wide / this.canvas.clientWidth;
    const x = px * k, y = this.high - py * k, column = Math.floor(x / h), row = Math.floor(y / h);
    if (column < 0 || row < 0 || column >= nx || row >= ny) return null;
    return { x, y, value: low + step * steps[Math.min(index, this.field.frames - 1) * nx * ny + row * nx + column] };
  }

  #paint(index) {
    const { nx, ny, low, step, steps, h } = this.field, { low: from, high: to, colours } = this.scale, { small, ink, canvas } = this;
    Object.assign(small, { width: nx, height: ny });
    const brush = small.getContext("2d"), picture = brush.createImageData(nx, ny), words = new Uint32Array(picture.data.buffer), lut = new Uint32Array(colours.buffer);
    const slope = (255 * step) / (to - from), base = (255 * (low - from)) / (to - from);
    for (let row = 0, p = index * nx * ny; row < ny; row++) {
      for (let column = 0, at = (ny - 1 - row) * nx; column < nx; column++, p++, at++) words[at] = lut[Math.min(255, Math.max(0, base + slope * steps[p])) | 0];
    }
    brush.putImageData(picture, 0, 0);
    // The last pixels may reach beyond the box where voxels were thinned out.
    ink.drawImage(small, 0, canvas.height - ny * h * this.perUm, nx * h * this.perUm, ny * h * this.perUm);
  }

  #vessels() {
    const { nx, ny, low, step, steps, h, bright } = this.vessels, { small, ink, canvas } = this;
    Object.assign(small, { width: nx, height: ny });
    const brush = small.getContext("2d"), picture = brush.createImageData(nx, ny);
    for (let row = 0, p = 0; row < ny; row++) {
      for (let column = 0; column < nx; column++, p++) {
        const at = 4 * ((ny - 1 - row) * nx + column);
        VESSEL.forEach((value, i) => { picture.data[at + i] = value; });
        picture.data[at + 3] = 140 * Math.min(1, (low + step * steps[p]) / (bright || 1));
      }
    }
    brush.putImageData(picture, 0, 0);
    ink.drawImage(small, 0, canvas.height - ny * h * this.perUm, nx * h * this.perUm, ny * h * this.perUm);
  }

  #cells(index, look) {
    const { places, marks, ends, gone } = this.cells, rows = [];
    if (index < 0) return;
    for (let row = ends[index - 1] ?? 0; row < ends[index]; row++) rows.push(row);
    const kind = (row) => this.kinds[marks[2 * row]] ?? { kind: "", colour: "#777777" };
    // From below, T cells last: they crawl on top.
    rows.sort((a, b) => (kind(a).kind === "t_cell") - (kind(b).kind === "t_cell") || places[4 * a + 2] - places[4 * b + 2]);
    for (let i = 1; i <= index; i++) for (const row of gone[i]) this.#cross(places[4 * row], places[4 * row + 1], places[4 * row + 2], look);
    for (const row of rows) {
      const radius = this.#cut(places[4 * row + 2], places[4 * row + 3], look);
      if (radius > 0) this.#cell(places[4 * row], places[4 * row + 1], radius, kind(row), marks[2 * row + 1] > 0);
    }
  }

  // Where the cells stand before anything was run.
  #start({ layer, way }) {
    const { kinds, places, radius } = this.start, known = Object.fromEntries(this.kinds.map((one) => [one.kind, one]));
    places.forEach(([x, y, z], i) => {
      const cut = this.#cut(z, radius[i], { layer, way });
      if (cut > 0) this.#cell(x, y, cut, known[kinds[i]] ?? { kind: kinds[i], colour: "#D55E00" }, false);
    });
  }

  // Radius of the section of a ball by the slice that is shown; the whole radius where all depths are.
  #cut(z, radius, { way, layer }) {
    if (this.box.shape[0] === 1 || way !== "slice") return radius;
    const above = z - this.box.origin[2] - (layer + 0.5) * this.box.h;
    return Math.sqrt(Math.max(0, radius * radius - above * above));
  }

  #cell(x, y, radius, { kind, colour }, bound) {
    const { ink } = this;
    ink.beginPath();
    ink.arc(x, y, radius, 0, 2 * Math.PI);
    ink.lineWidth = Math.max(0.9 / this.perUm, 0.6);
    if (kind === "t_cell") {
      ink.fillStyle = bound ? INK : FREE_T;
      ink.fill();
      ink.strokeStyle = bound ? "#ffffff" : INK;
    } else {
      ink.globalAlpha = this.film ? 0.12 : 0.62;
      ink.fillStyle = colour;
      ink.fill();
      ink.globalAlpha = 1;
      ink.strokeStyle = this.film ? ON_FILM : OUTLINE;
    }
    ink.stroke();
    this.#sign(x, y, radius, kind);
  }

  // A sign for each kind, so that colour is not all that tells them apart.
  #sign(x, y, radius, kind) {
    const { ink } = this, s = radius * 0.42;
    ink.beginPath();
    ink.strokeStyle = ink.fillStyle = INK;
    ink.lineWidth = Math.max(1.1 / this.perUm, radius * 0.1);
    if (kind === "transformed") { ink.moveTo(x - s, y); ink.lineTo(x + s, y); ink.moveTo(x, y - s); ink.lineTo(x, y + s); ink.stroke(); }
    else if (kind === "fibroblast") { ink.moveTo(x - s, y); ink.lineTo(x + s, y); ink.stroke(); }
    else if (kind === "normal") { ink.arc(x, y, radius * 0.16, 0, 2 * Math.PI); ink.fill(); }
  }

  #cross(x, y, z, { way, layer }) {
    if (this.box.shape[0] > 1 && way === "slice" && Math.abs(z - this.box.origin[2] - (layer + 0.5) * this.box.h) > this.box.h) return;
    const { ink } = this, s = 3.2;
    ink.beginPath();
    ink.strokeStyle = this.film ? ON_FILM : INK;
    ink.globalAlpha = 0.6;
    ink.lineWidth = Math.max(1.2 / this.perUm, 0.8);
    ink.moveTo(x - s, y - s); ink.lineTo(x + s, y + s);
    ink.moveTo(x - s, y + s); ink.lineTo(x + s, y - s);
    ink.stroke();
    ink.globalAlpha = 1;
  }

  #bar(width, height, dots) {
    const { ink } = this, most = BAR_SHARE * this.wide, power = 10 ** Math.floor(Math.log10(most));
    const length = [5, 2, 1].map((n) => n * power).find((n) => n <= most) ?? power, wide = length * this.perUm, size = 11 * dots;
    ink.font = `${size}px system-ui, sans-serif`;
    const words = `${length} µm`, text = ink.measureText(words).width, room = Math.max(wide, text) + 8 * dots, x = width - room - 4 * dots;
    ink.fillStyle = "rgba(255,255,255,.85)";
    ink.fillRect(x, height - size - 14 * dots, room, size + 10 * dots);
    ink.fillStyle = INK;
    ink.fillRect(x + (room - wide) / 2, height - 9 * dots, wide, Math.max(2, EDGE * size * 4));
    ink.fillText(words, x + (room - text) / 2, height - 13 * dots);
  }
}
