"use strict";
// The live part: decisions go into the file as they are made, a run is started and shown, and a
// dropped photo is answered. The address of the page ends in the token, and all else lies beside it.

{
  const live = JSON.parse(document.getElementById("live-data").textContent);
  const element = (id) => document.getElementById(id);
  const said = (text) => (element("review-said").textContent = text);
  const post = (name, type, body) => fetch(name, { method: "POST", headers: { "Content-Type": type }, body });
  let running = live.running;

  // Saving -----------------------------------------------------------------------------------------

  const waiting = new Set(corrections.waiting()); // paths whose decisions are not in the file yet
  let fileHash = live.sha256;
  let stopped = false; // by a conflict, until a person says what counts
  let busy = false;

  async function save() {
    if (busy || stopped || running) return;
    busy = true;
    try {
      while (waiting.size && !stopped && !running) await saveOne([...waiting][0]);
      if (!waiting.size) corrections.markSaved();
    } catch {
      said("Not saved: make review has ended. Start it again; decisions stay in this page.");
    }
    busy = false;
  }

  async function saveOne(path) {
    const rows = corrections.rowsOf(path);
    const response = await post("decision", "application/json", JSON.stringify({ path, file_sha256: fileHash, rows }));
    if (response.ok) {
      fileHash = (await response.json()).sha256;
      // Decided anew in the meantime, it is saved once more.
      if (JSON.stringify(corrections.rowsOf(path)) !== JSON.stringify(rows)) return;
      waiting.delete(path);
      corrections.markInFile(path);
      said(`${path}: saved`);
    } else if (response.status === 409) {
      conflict(path, await response.json());
    } else if (response.status === 423) {
      running = true; // started in another window
      said("A run is going: decisions are saved when it has ended.");
    } else {
      stopped = true;
      said(`Not saved: ${(await response.text()).trim()}`);
    }
  }

  function conflict(path, { sha256, rows }) {
    stopped = true;
    const theirs = rows.length ? rows.map((row) => [row.action, row.label, row.note].filter(Boolean).join(" ")).join("; ") : "nothing";
    const panel = element("live-conflict");
    panel.querySelector("p").textContent =
      `corrections.csv was changed by something else, and nothing of it is overwritten. Of ${path} it says: ${theirs}. You: ${corrections.words(path) || "nothing"}.`;
    panel.hidden = false;
    panel.querySelector("[data-do=mine]").onclick = () => {
      fileHash = sha256;
      stopped = false;
      panel.hidden = true;
      save();
    };
    panel.querySelector("[data-do=theirs]").onclick = () => {
      for (const each of waiting) corrections.markInFile(each);
      waiting.clear();
      corrections.markSaved();
      location.reload();
    };
    panel.querySelector("button").focus();
  }

  document.addEventListener("decided", ({ detail }) => {
    waiting.add(detail);
    if (running) said("A run is going: decisions are saved when it has ended.");
    save();
  });
  addEventListener("beforeunload", (event) => {
    if (waiting.size) event.preventDefault();
  });

  // Running again ----------------------------------------------------------------------------------

  const progress = element("live-progress");
  let seen = null; // the run that this page has seen going

  async function run() {
    if (running || busy || waiting.size) return;
    try {
      const response = await post("run", "application/octet-stream", "");
      if (!response.ok && response.status !== 409) said(`Not started: ${(await response.text()).trim()}`);
    } catch {
      said("Not started: make review has ended. Start it again.");
    }
  }

  function show(state) {
    running = state.running;
    element("live-run").disabled = running;
    if (running) {
      seen = state.number;
      progress.hidden = false;
      progress.querySelector("pre").hidden = true;
      progress.querySelector("b").textContent = state.stage ? `Running ${state.stage}` : "Running";
      progress.querySelector("span").textContent = state.line;
    } else if (seen === -1) {
      ended({ code: 0, line: "", tail: [] }); // a run that was not started here, as outside_run.py has it
    } else if (seen === state.number) {
      ended(state);
    }
  }

  async function ended({ code, line, tail }) {
    seen = null;
    await save();
    if (code === 0 && !waiting.size) return location.reload();
    progress.querySelector("b").textContent = code === 0 ? "Done" : "The run failed";
    progress.querySelector("span").textContent = code === 0 ? "" : line;
    const output = progress.querySelector("pre");
    output.textContent = tail.join("\n");
    output.hidden = !tail.length;
  }

  const events = new EventSource("events");
  events.addEventListener("message", ({ data }) => show(JSON.parse(data)));

  // Asking the model -------------------------------------------------------------------------------

  const dialog = element("live-photo");

  async function ask(file) {
    tell("Asking the model; the first time it has to be loaded.");
    if (!dialog.open) dialog.showModal();
    try {
      const response = await post("photo", "application/octet-stream", file);
      if (!response.ok) return tell((await response.text()).trim());
      answer(await response.json());
    } catch {
      tell("No answer: make review has ended, or the file is too large.");
    }
  }

  function tell(problem) {
    dialog.querySelector(".problem").textContent = problem;
    dialog.querySelector(".answer").hidden = Boolean(problem);
  }

  function answer({ problem, predicted, sure, top, picture, saliency, trust }) {
    tell(problem);
    if (problem) return;
    const [photo, looked] = dialog.querySelectorAll("img");
    photo.src = picture;
    looked.hidden = !saliency;
    if (saliency) looked.src = saliency;
    const lines = top.map(({ name, probability }) => {
      const line = document.createElement("li");
      line.textContent = `${name} ${(100 * probability).toFixed(1)} %`;
      return line;
    });
    dialog.querySelector("ol").replaceChildren(...lines);
    const opinion = { true: `${predicted}: sure`, false: `${predicted}: not sure` }[sure] ?? predicted;
    dialog.querySelector("small").textContent = [opinion, ...trust].join("\n");
  }

  addEventListener("dragover", (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  addEventListener("dragleave", ({ relatedTarget }) => {
    if (!relatedTarget) document.body.classList.remove("dropping");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    const [file] = event.dataTransfer.files;
    if (file) ask(file);
  });

  // The parts in their places ------------------------------------------------------------------------

  const steps = document.querySelector(".how ol");
  steps.replaceChildren(steps.children[0], element("live-how").content);
  element("review-save").after(element("live-buttons").content);
  element("live-run").addEventListener("click", run);
  element("live-ask").addEventListener("change", ({ target }) => {
    if (target.files[0]) ask(target.files[0]);
    target.value = "";
  });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
    if (event.key.toLowerCase() === "g" && !event.target.matches("input") && !dialog.open) run();
  });
  save();
}
