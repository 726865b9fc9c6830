// The study: every statement as a card, counted and filtered; a click opens one with its experiment and evidence.

import { ask } from "./api.js";
import { choice, el, fault, labelled, say } from "./dom.js";
import { ROLES, STATES, closedRows, statementBadge } from "./study_card.js";
import { OpenStatement } from "./study_open.js";
import { state } from "./state.js";

export async function show(place) {
  const view = new StudyView(await ask("/api/study"));
  place.replaceChildren(view.element);
  await view.begin();
  return () => view.leave();
}

class StudyView {
  constructor(study) {
    this.study = study;
    this.problem = el("div");
    this.left = el("p", { class: "hint" });
    this.cards = new Map(study.groups.flatMap(({ cards }) => cards.map((card) => [card.id, new Card(card, (id) => this.#toggle(id))])));
    this.groups = study.groups.map(({ title, cards }) => el("section", { "aria-label": title }, el("h2", {}, title),
      el("ul", { class: "cards" }, cards.map(({ id }) => this.cards.get(id).element))));
    this.element = el("div", { class: "study-view" }, el("h1", {}, "The study"), this.#head(), this.problem, this.left, this.groups);
    this.escape = (event) => event.key === "Escape" && this.open && this.#toggle(this.open.card.id);
  }

  async begin() {
    addEventListener("keydown", this.escape);
    this.#filter();
    if (state.has("statement")) await this.#unfold(state.get("statement"), true);
  }

  leave() {
    removeEventListener("keydown", this.escape);
    this.open?.close();
  }

  #head() {
    const { counts: n, made, problem } = this.study;
    const told = `${n.predicted_agree} of ${n.predicted} predicted rows agree, ${n.fit_agree} of ${n.fit} fitted ones; ${n.weak} agree only weakly, ${n.not_scored} ${n.not_scored === 1 ? "is" : "are"} not scored.`;
    const by = (name, usual, options) => labelled(usual, choice([["", "all"], ...options], state.get(name), (value) => {
      state.set({ [name]: value });
      this.#filter();
    }));
    return el("div", { class: "study-head" }, el("p", { class: "answer" }, told),
      el("p", { class: "hint" }, `${made} Rules and roles stood before fitting: fitted rows were used to choose the parameters, predicted ones were not.`),
      problem ? el("p", { class: "notice" }, problem) : null,
      el("div", { class: "filters", role: "group", "aria-label": "Which rows" },
        by("verdict", "Verdict", Object.entries(STATES).map(([name, [mark, words]]) => [name, `${mark} ${words}`])), by("role", "Role", Object.entries(ROLES))));
  }

  // A card stays where one of its rows is asked for, and as long as it is open.
  #filter() {
    const verdict = state.get("verdict"), role = state.get("role");
    let left = 0;
    for (const card of this.cards.values()) {
      const kept = card.rows.some((row) => (!verdict || row.state === verdict) && (!role || row.role === role));
      card.element.hidden = !kept && card !== this.open;
      left += kept;
    }
    for (const group of this.groups) group.hidden = !group.querySelector(".card:not([hidden])");
    this.left.textContent = verdict || role ? `${left} of ${this.cards.size} statements have such a row.` : "";
    if (this.left.textContent) say(this.left.textContent);
  }

  #toggle(id) {
    const same = this.open?.card.id === id;
    this.open?.close();
    this.open = null;
    if (!same) return this.#unfold(id);
    state.set({ statement: null });
    this.cards.get(id).button.focus();
  }

  async #unfold(id, restored = false) {
    fault(this.problem);
    try {
      const card = this.cards.get(id);
      const detail = await ask(`/api/study/${encodeURIComponent(id)}`); // an unknown one is refused with the nearest
      card.element.hidden = false;
      this.open?.close();
      card.show(detail);
      this.open = card;
      state.set({ statement: id });
      (restored ? card.element : card.button).scrollIntoView({ block: restored ? "start" : "nearest" });
    } catch (problem) {
      fault(this.problem, problem.message);
    }
  }
}

class Card {
  constructor(card, toggle) {
    this.card = card;
    this.rows = card.rows;
    this.inside = el("div");
    this.body = el("div", {}, closedRows(card.rows));
    this.button = el("button", { type: "button", class: "title", "aria-expanded": "false", onclick: () => toggle(card.id) }, card.title);
    this.element = el("li", { class: "card", id: `statement-${card.id}` }, el("h3", {}, this.button), el("p", { class: "sums" }, statementBadge(card.rows), ` · ${roles(card.rows)}`), this.body, this.inside);
  }

  show(detail) {
    this.opened = new OpenStatement(detail);
    this.inside.replaceChildren(this.opened.element);
    this.#open(true);
  }

  close() {
    this.opened?.leave();
    this.inside.replaceChildren();
    this.#open(false);
  }

  #open(open) {
    this.body.hidden = open;
    this.element.classList.toggle("open", open);
    this.button.setAttribute("aria-expanded", String(open));
  }
}

const roles = (rows) => [...new Set(rows.map(({ role }) => ROLES[role]))].join(" and ");
