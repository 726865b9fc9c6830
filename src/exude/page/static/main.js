// Which view is shown. Each view is a module: show(place) builds it from the address and returns how to leave it.

import { el, fault } from "./dom.js";
import { state } from "./state.js";

const VIEWS = {
  cell: ["The cell", "./cell_view.js"],
  study: ["The study", "./study_view.js"],
  tissue: ["The tissue", "./tissue_view.js"],
};

let leave = () => {};
let turn = 0;

async function show() {
  const asked = state.get("view", "cell"), name = asked in VIEWS ? asked : "cell";
  const [title, module] = VIEWS[name], place = document.getElementById("view"), mine = ++turn;
  leave();
  leave = () => {};
  delete document.body.dataset.ready;
  document.title = `${title} · exude`;
  for (const link of document.querySelectorAll("#views a")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  try {
    const view = await import(module);
    if (mine !== turn) return;
    place.replaceChildren();
    leave = (await view.show(place)) ?? leave;
    if (mine === turn) document.body.dataset.ready = name;
  } catch (problem) {
    console.error(problem);
    fault(place, problem.message);
  }
}

function go(event) {
  if (event.metaKey || event.ctrlKey) return;
  event.preventDefault();
  state.begin({ view: event.currentTarget.dataset.view });
  show();
  document.getElementById("view").focus();
}

document.getElementById("views").append(
  ...Object.entries(VIEWS).map(([name, [title]]) =>
    el("li", {}, el("a", { href: `/?view=${name}`, "data-view": name, onclick: go }, title))),
);
addEventListener("error", (event) => console.error(event.error ?? event.message));
addEventListener("unhandledrejection", (event) => {
  if (event.reason?.name === "AbortError") event.preventDefault();
});
state.heard(show);
show();
