// Play, pause, speed and time of anything that can be drawn at a time. Drawing is a function of time, so that the
// slider can go anywhere.

import { choice, clock, el, labelled } from "./dom.js";

const EVERY = 5; // The slider and what follows it move every fifth frame: writing them is dearer than drawing.

export class Player {
  // draw(time, speed): each frame; follow(time): every fifth frame and when the slider is moved.
  constructor({ draw, follow = () => {}, speeds, speed, moved = () => {} }) {
    Object.assign(this, { draw, follow, moved, speed, time: 0, length: 1, playing: false, frames: 0 });
    this.button = el("button", { type: "button", class: "play", onclick: () => this.play(!this.playing) }, "Play");
    this.slider = el("input", { type: "range", min: "0", step: "any", "aria-label": "Time", oninput: () => this.to(Number(this.slider.value), true) });
    this.shown = el("output", { class: "time" });
    this.element = el("div", { class: "player", role: "group", "aria-label": "Player" }, this.button, this.slider, this.shown,
      labelled("Speed", choice(speeds.map(([n, words]) => [String(n), words]), String(speed), (n) => { this.speed = Number(n); })));
  }

  load(length, time = 0) {
    this.length = length;
    this.slider.max = String(length);
    this.slider.step = String(length / 1000);
    this.to(Math.min(time, length));
  }

  to(time, byHand = false) {
    this.time = time;
    this.#tell();
    if (!this.playing) this.draw(time, this.speed);
    if (byHand) this.moved(time);
  }

  play(on) {
    if (on === this.playing) return;
    this.playing = on;
    this.button.textContent = on ? "Pause" : "Play";
    if (on && this.time >= this.length) this.time = 0;
    if (on) this.#run();
    else this.#tell();
    if (!on) this.moved(this.time);
  }

  stop() {
    this.playing = false;
  }

  #tell() {
    this.slider.value = String(this.time);
    const words = clock(this.time);
    this.slider.setAttribute("aria-valuetext", words);
    this.shown.textContent = words;
    this.follow(this.time);
  }

  #run() {
    let last = performance.now();
    const turn = (now) => {
      if (!this.playing) return;
      this.time = Math.min(this.length, this.time + ((now - last) / 1000) * this.speed);
      last = now;
      this.frames += 1;
      this.draw(this.time, this.speed);
      if (this.frames % EVERY === 0) this.#tell();
      if (this.time >= this.length) this.play(false);
      else requestAnimationFrame(turn);
    };
    requestAnimationFrame(turn);
  }
}

export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
