// Runs of statements. They go on while other cards or views are looked at; a reload forgets them.

import { job } from "./api.js";

const runs = new Map();

export const runOf = (id) => runs.get(id);

// `moved` hears of the run wherever it is shown; it may be set anew when the card is opened again.
export function start(id, moved) {
  const run = { moved, state: "waiting", done: 0, total: 0, label: "", result: null, error: "", job: "" };
  const hear = (now) => {
    Object.assign(run, { state: now.state, done: now.done, total: now.total, label: now.label, job: now.id });
    run.moved?.(run);
  };
  const { result, stop } = job(`/api/study/${encodeURIComponent(id)}/run`, {}, hear);
  run.stop = stop;
  runs.set(id, run);
  result.then((found) => Object.assign(run, { state: "done", result: found }),
    (problem) => Object.assign(run, { state: problem.stopped ? "stopped" : "failed", error: problem.message }))
    .then(() => run.moved?.(run));
  return run;
}

export const underWay = (run) => run && ["waiting", "running"].includes(run.state);
