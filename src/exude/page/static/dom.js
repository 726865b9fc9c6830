// Elements in one line, numbers as a person writes them.

export function el(tag, given = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && typeof value !== "string") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...inside.flat(Infinity).filter((part) => part !== null && part !== undefined));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, given = {}, ...inside) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(given)) made.setAttribute(name, value);
  made.append(...inside);
  return made;
}

// A control with its label; the label holds the words, so that both are found by them.
export function labelled(words, control, ...after) {
  return el("label", { class: "field" }, el("span", { class: "name" }, words), control, ...after);
}

export function choice(options, chosen, changed, given = {}) {
  const made = options.map(([value, words]) => el("option", { value, selected: value === chosen }, words ?? value));
  return el("select", { ...given, onchange: (event) => changed(event.target.value) }, made);
}

export function number(value, digits = 3) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 10000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(digits)));
}

export function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const h = Math.floor(whole / 3600), m = Math.floor((whole % 3600) / 60), s = whole % 60;
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h} h ${two(m)} min` : `${m} min ${two(s)} s`;
}

// What a screen reader is told: once things rest, never inside an animation.
export function say(words) {
  const place = document.getElementById("said");
  if (place.textContent !== words) place.textContent = words;
}

export function fault(place, problem) {
  place.replaceChildren(problem ? el("p", { class: "fault", role: "alert" }, problem) : "");
}
