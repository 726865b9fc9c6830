// Asking the server. Every answer is data or one sentence that says what was wrong.

export async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new Error("The program behind this page does not answer. Start it again: exude app");
  }
  if (answer.ok) return answer.json();
  const said = await answer.json().catch(() => ({}));
  throw new Error(said.error ?? `The program behind this page answered ${answer.status}.`);
}

// The newest question only: asking again takes the last one back.
export class Newest {
  #control = null;

  async ask(path) {
    this.#control?.abort();
    const own = (this.#control = new AbortController());
    const answer = await ask(path, { signal: own.signal });
    if (own !== this.#control) throw new DOMException("a newer question was asked", "AbortError");
    return answer;
  }

  stop() {
    this.#control?.abort();
    this.#control = null;
  }
}

export const taken = (problem) => problem.name === "AbortError";

// Start long work; `moved` hears of progress. Returns {result, stop}: a promise and a way to cancel.
export function job(path, request, moved) {
  let id = null, stopped = false;
  const result = (async () => {
    const body = JSON.stringify(request);
    const begun = await ask(path, { method: "POST", body, headers: { "content-type": "application/json" } });
    id = begun.id;
    moved(begun);
    if (stopped) await ask(`/api/jobs/${id}`, { method: "DELETE" });
    return follow(id, moved);
  })();
  const stop = async () => {
    stopped = true;
    if (id) await ask(`/api/jobs/${id}`, { method: "DELETE" });
  };
  return { result, stop };
}

function follow(id, moved) {
  return new Promise((done, failed) => {
    // The stream is open only while the job runs: a browser allows six to one host.
    const stream = new EventSource(`/api/jobs/${id}/events`);
    stream.onmessage = (event) => {
      const now = JSON.parse(event.data);
      moved(now);
      if (!["done", "failed", "stopped"].includes(now.state)) return;
      stream.close();
      if (now.state === "done") done(now.result);
      else failed(Object.assign(new Error(now.error || "Stopped."), { stopped: now.state === "stopped" }));
    };
    stream.onerror = async () => {
      stream.close();
      try {
        const now = await ask(`/api/jobs/${id}`);
        if (now.state === "done") done(now.result);
        else failed(new Error(now.error || "The connection to the job was lost. Start it again."));
      } catch (problem) {
        failed(problem);
      }
    };
  });
}
