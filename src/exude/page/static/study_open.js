// One statement open: its run, its figure, the experiment, the evidence, rivals, and what one takes away.

import { el, fault, number, say } from "./dom.js";
import { badge, claim, worstFirst } from "./study_card.js";
import { runOf, start, underWay } from "./study_runs.js";
import { Sharing } from "./sharing.js";

const WORDS = { svg: "SVG", png: "PNG", pdf: "PDF" };

export class OpenStatement {
  constructor(detail) {
    this.detail = detail;
    this.numbers = el("section", { "aria-label": "Reported and predicted" });
    this.shown = el("figure", { class: "drawn" });
    this.runner = el("section", { class: "runner", "aria-label": "Run it" });
    this.sharing = new Sharing({ figures: () => "", data: () => "", keys: [] });
    this.sharing.update(detail);
    this.mechanisms = el("div");
    this.element = el("div", { class: "opened" },
      el("div", { class: "result" }, this.runner, this.shown, this.sharing.element),
      el("div", {}, this.numbers, this.mechanisms, experiment(detail), evidence(detail)));
    const run = runOf(detail.id);
    if (run) run.moved = () => this.#moved(run);
    this.#moved(run);
  }

  leave() {
    const run = runOf(this.detail.id);
    if (run) run.moved = null;
  }

  // What a run changes: its bar; and when it is done numbers, figure and downloads.
  #moved(run) {
    const fresh = run?.result;
    this.#runner(run);
    if (this.drawn && this.fresh === fresh) return;
    Object.assign(this, { drawn: true, fresh });
    this.#rows(fresh);
    this.mechanisms.replaceChildren(...rivals(this.detail, fresh));
    this.#figure(run);
    if (fresh) say(`The run is done: ${fresh.rows.length} rows, ${number(fresh.seconds)} seconds`);
  }

  // Stored rows, or those of a run with the stored ones below each.
  #rows(fresh) {
    const { rows } = this.detail, own = fresh ? fresh.rows.filter(({ hypothesis }) => !hypothesis) : rows;
    const one = (row) => {
      const stored = rows.find(({ finding }) => finding === row.finding);
      return el("li", {}, claim(row), fresh && stored ? el("p", { class: "hint" }, `Stored: ${stored.predicted}, ${stored.verdict}`) : null, why(row, stored));
    };
    this.numbers.replaceChildren(el("h3", {}, fresh ? "This run: reported and predicted" : "Reported and predicted"), key(), el("ul", { class: "claims" }, worstFirst(own).map(one)));
  }

  #runner(run) {
    const running = underWay(run);
    if (running && this.bar) return this.#advance(run);
    const held = this.runner.contains(document.activeElement);
    this.runner.replaceChildren(...(running ? this.#running(run) : this.#offered(run)));
    if (running) this.#advance(run);
    if (held) this.runner.querySelector("button").focus();
  }

  #running(run) {
    this.bar = el("progress", { "aria-label": "Progress of the run" });
    this.label = el("p", { class: "hint" });
    return [this.bar, this.label, el("button", { type: "button", onclick: () => run.stop() }, "Cancel")];
  }

  #offered(run) {
    const { detail } = this, done = run?.result, said = el("div");
    this.bar = null;
    if (run?.error) fault(said, run.state === "stopped" ? "The run was stopped. What is shown is as it was." : run.error);
    const begin = () => this.#moved(start(detail.id, (now) => this.#moved(now)));
    const size = done ? `Shown is a run of your own: ${done.size}, seed 1, ${number(done.seconds)} s. The card keeps the stored verdict.`
      : `Runs every dish of this statement anew. ${sentence(detail.quick)}, where the study has ${detail.size}.`;
    return [el("button", { type: "button", class: "main", onclick: begin }, `${done ? "Run it again" : "Run it now"}${about(detail.seconds)}`), said, el("p", { class: "hint" }, size)];
  }

  #advance(run) {
    if (run.total) Object.assign(this.bar, { max: run.total, value: run.done });
    const dish = `Dish ${Math.min(run.done + 1, run.total)} of ${run.total}: ${run.label}`;
    const words = run.state === "waiting" ? "Waiting for its turn" : run.total ? dish : "Starting";
    if (this.label.textContent !== words) this.label.textContent = words;
  }

  #figure(run) {
    const { detail } = this, fresh = run?.result, base = `/api/study/${detail.id}${fresh ? `/runs/${run.job}` : ""}`;
    const { alt, caption, kinds } = fresh ?? detail.figure;
    const image = kinds.length ? [el("img", { src: `${base}/figure.svg`, alt, loading: "lazy" })] : [];
    this.shown.replaceChildren(...image, el("figcaption", { class: "hint" }, caption));
    const link = (file, words) => [el("a", { href: `${base}/${file}`, download: "" }, words), " "];
    const drawn = kinds.length ? ["Figure: ", ...kinds.flatMap((kind) => link(`figure.${kind}`, WORDS[kind]))] : [];
    this.sharing.links.replaceChildren(...drawn, "Rows: ", ...link("data.csv", "CSV"));
  }
}

const sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1);

function about(seconds) {
  if (!seconds) return "";
  const steps = [5, 10, 20, 30, 60, 120, 180, 300, 600], most = steps.find((step) => step >= seconds) ?? 600;
  return ` (about ${most < 60 ? `${most} s` : `${most / 60} min`})`;
}

function why(row, stored) {
  const reason = row.verdict === "disagrees" ? stored?.reason : "";
  return [el("p", { class: "why" }, `Why: ${row.why.replace(/\.$/, "")}.`), reason ? el("p", { class: "why" }, reason) : null];
}

function key() {
  return el("p", { class: "hint" }, "Orange: what was reported. Dashed: no effect, with an arrow the way it was reported. Dot and line: prediction with its 95 % interval over parameter sets.");
}

function rivals(detail, fresh) {
  const others = (fresh ? fresh.rows : detail.rivals).filter(({ hypothesis }) => hypothesis);
  if (!others.length) return [];
  const own = fresh ? fresh.rows.filter(({ hypothesis }) => !hypothesis) : detail.rows;
  const names = [...new Set(others.map(({ hypothesis }) => hypothesis))];
  const findings = [...new Set(others.map(({ finding }) => finding))];
  const at = (rows, finding, name) => rows.find((row) => row.finding === finding && row.hypothesis === name);
  const cell = (row) => el("td", {}, row ? [row.predicted, el("br"), badge(row.state)] : "–");
  const head = el("tr", {}, ["Finding", `${detail.mechanisms[0]?.name} (default)`, ...names].map((name) => el("th", { scope: "col" }, name)));
  const body = findings.map((finding) => el("tr", {}, el("th", { scope: "row" }, finding), cell(own.find((row) => row.finding === finding)), names.map((name) => cell(at(others, finding, name)))));
  return [el("h3", {}, "Rival mechanisms"),
    el("ul", { class: "plain" }, detail.mechanisms.map(({ name, says }) => el("li", {}, el("strong", {}, name), `: ${says}`))),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Rows under rival mechanisms" }, el("table", {}, el("thead", {}, head), el("tbody", {}, body)))];
}

function experiment({ dishes, size }) {
  const one = ({ name, says, link }) => el("li", {}, el("strong", {}, name), says ? `: ${says}. ` : ". ", link ? el("a", { href: link }, "Open in the cell view") : null);
  const list = el("ul", { class: "plain" }, dishes.map(one));
  const many = dishes.length > 8;
  return el("section", { "aria-label": "Experiment" }, el("h3", {}, "The experiment"),
    dishes.length ? (many ? el("details", {}, el("summary", {}, `${dishes.length} dishes`), list) : list) : null,
    el("p", { class: "hint" }, `The study: ${size}. Each parameter set was accepted by the fit; each cell has protein levels of its own.`));
}

function evidence({ evidence: found, notes }) {
  return el("section", { "aria-label": "Evidence" }, el("h3", {}, "The evidence"),
    found.map((one, i) => el("details", { open: i === 0 }, el("summary", {}, el("strong", {}, one.finding), ` ${one.says}`), facts(one))),
    notes.map(({ source, text }) => el("details", {}, el("summary", {}, `What was seen of ${source}`), el("p", {}, text))));
}

function facts(one) {
  const rows = [["Source", cited(one)], ["Place", `${one.place} (seen: ${one.seen})`], ["Condition", `${one.lines}: ${one.condition}, against ${one.reference}`],
    ["As the source has it", one.seen_condition], ["Read as", one.assay],
    ["Claim", one.relation + (one.tolerance ? " (limits: our tolerance, set before fitting)" : "")], ["Rule", one.rule], ["Obtained", one.obtained],
    ...one.contradicts.map((other) => ["Contradicted by", [`${other.finding}: ${other.says} `, cited(other)]])];
  return el("dl", {}, rows.filter(([, text]) => text && text.length !== 0).flatMap(([name, text]) => [el("dt", {}, name), el("dd", {}, text)]));
}

function cited({ source, link }) {
  return [source, " ", link ? el("a", { href: link, rel: "noreferrer", target: "_blank" }, new URL(link).host === "doi.org" ? "DOI" : "PubMed") : "(no DOI noted)"];
}
