// What one takes away from a view: its link, the same as code or command, figures and data.

import { el, say } from "./dom.js";
import { state } from "./state.js";

const FIGURES = [["svg", "SVG"], ["png", "PNG"], ["pdf", "PDF"]];
const DATA = [["csv", "CSV"], ["nc", "NetCDF"]];

export class Sharing {
  // figures(kind), data(kind): addresses without their query; keys: what of the address belongs to the experiment.
  constructor({ figures, data, keys, kinds = DATA }) {
    Object.assign(this, { figures, data, keys, kinds });
    this.links = el("p", { class: "downloads" });
    this.code = { Python: "", command: "" };
    this.text = el("pre", { tabindex: "0", "aria-label": "The experiment as code" });
    this.element = el("div", { class: "sharing", role: "group", "aria-label": "Take it with you" },
      el("p", {}, this.#copy("Copy link", () => state.link()), this.#copy("Copy as Python", () => this.code.Python), this.#copy("Copy as command", () => this.code.command)),
      this.links, el("details", {}, el("summary", {}, "The same as code"), this.text));
  }

  update({ python, command }) {
    this.code = { Python: python, command };
    this.text.textContent = `${python}\n$ ${command}`;
    const query = state.query(this.keys);
    const link = (address, words) => el("a", { href: `${address}?${query}`, download: "" }, words);
    this.links.replaceChildren("Figure: ", ...FIGURES.flatMap(([kind, words]) => [link(this.figures(kind), words), " "]),
      "Data: ", ...this.kinds.flatMap(([kind, words]) => [link(this.data(kind), words), " "]));
  }

  #copy(words, text) {
    const button = el("button", { type: "button", onclick: async () => {
      const kept = await copied(text());
      button.textContent = kept ? "Copied" : "Press Ctrl+C";
      say(kept ? "Copied" : "The browser refused; the text is selected: press Ctrl+C");
      setTimeout(() => { button.textContent = words; }, 1500);
    } }, words);
    return button;
  }
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el("textarea", { "aria-label": "Text to copy" }, text);
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
