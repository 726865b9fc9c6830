// The address is the only state of the page: what stands in it can be sent, kept and restored.

const own = new URLSearchParams();
const hearers = new Set();
let shown = "";

function load() {
  for (const key of [...own.keys()]) own.delete(key);
  for (const [key, value] of new URLSearchParams(location.search)) own.append(key, value);
  shown = location.search;
}
load();

addEventListener("popstate", () => {
  if (location.search === shown) return; // a jump within the page, such as that of the skip link
  load();
  for (const hear of hearers) hear();
});

export const state = {
  get: (key, usual = "") => own.get(key) ?? usual,
  all: (key) => own.getAll(key),
  has: (key) => own.has(key),

  // Change keys (null removes, a list repeats); `step` makes a place in the history to come back to.
  set(changes, { step = false } = {}) {
    for (const [key, value] of Object.entries(changes)) {
      own.delete(key);
      if (value === null || value === "") continue;
      for (const one of [value].flat()) own.append(key, one);
    }
    const address = `${location.pathname}?${own}`;
    if (step) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
    shown = location.search;
  },

  // Everything of one view goes, another begins.
  begin(changes) {
    for (const key of [...own.keys()]) own.delete(key);
    this.set(changes, { step: true });
  },

  query(keys) {
    const asked = new URLSearchParams();
    for (const key of keys) for (const value of own.getAll(key)) asked.append(key, value);
    return asked.toString();
  },

  heard: (hear) => hearers.add(hear),
  link: () => location.href,
};
