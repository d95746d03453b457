"use strict";
// What was decided, and the complete new corrections.csv that comes of it.
//
// The page brings, as JSON, the images that can be decided about, the names of the classes, and the
// rows that corrections.csv has now. A decision replaces every row for its path. Decisions live in
// the browser's storage under the fingerprint of the data, so that those about other data never mix.
// They carry what a row needs: another model's page has other cards, and must not lose them.
// `make review` serves the page with the rows that the file has by now (data.saved), and writes each
// decision into the file; the browser then keeps only those that are not there yet.

const corrections = (() => {
  const data = JSON.parse(document.getElementById("review-data").textContent);
  const KEY = `finetrack-review-${data.key}`;
  const COLUMNS = ["path", "sha256", "action", "label", "note"];
  const TAKEN_BACK = "take back"; // of a row of the file: it is left out

  const shown = new Map(data.images.map((image) => [image.path, image]));
  const fileRows = data.saved ?? data.decided;
  const earlier = new Map(fileRows.map((row) => [row.path, row]));
  const inForce = (path) => Boolean(earlier.has(path) && !earlier.get(path).problem);

  // Path -> {sha256, current, action, label, note}, where current is the label that the photo has;
  // with the action "" it is a note, and no decision yet.
  const decisions = load();
  const inFile = new Set(); // paths whose decisions are in the file
  let stored = true; // whether the browser remembers
  let saved = true; // whether the last download has every decision

  function load() {
    try {
      return new Map(JSON.parse(localStorage.getItem(KEY) ?? "[]"));
    } catch {
      return new Map(); // the storage is refused, or holds something else
    }
  }

  // What the file says by now need not be remembered.
  for (const [path, made] of decisions) {
    const row = earlier.get(path);
    if (row && ["action", "label", "note"].every((cell) => row[cell] === made[cell])) decisions.delete(path);
  }

  // Change a decision (fields that are not given stay as they were), or with null take it away.
  function decide(path, change) {
    const row = earlier.get(path);
    const { sha256 = "", label: current = "" } = shown.get(path) ?? {};
    const before = decisions.get(path) ?? { sha256, current, action: "", label: "", note: row?.note ?? "" };
    if (!decisions.has(path) && inForce(path)) Object.assign(before, { action: row.action, label: row.label });
    if (change) decisions.set(path, { ...before, ...change });
    else decisions.delete(path);
    saved = false;
    inFile.delete(path);
    store();
    document.dispatchEvent(new CustomEvent("decided", { detail: path }));
  }

  function store() {
    try {
      localStorage.setItem(KEY, JSON.stringify([...decisions].filter(([path]) => !inFile.has(path))));
    } catch {
      stored = false; // forbidden, as for pages from a disk in some browsers, or full
    }
  }

  function reviewed({ path }) {
    const action = decisions.get(path)?.action;
    return action === undefined ? inForce(path) : action !== "" && action !== TAKEN_BACK;
  }

  const reviewedEntry = ([path]) => reviewed({ path });

  function row([path, { sha256, current, action, label, note }]) {
    // Who keeps a label that an earlier row gave keeps that row.
    if (action === "keep" && inForce(path)) return { ...earlier.get(path), note };
    return { path, sha256, action, label: action === "keep" ? current : label, note };
  }

  // Quotes stand wherever a reader might need them; the text of a cell is never changed, not even
  // where a spreadsheet would take it for a formula.
  function cell(text) {
    return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  function csv() {
    const kept = fileRows.filter(({ path }) => !decisions.get(path)?.action);
    const made = [...decisions].filter(reviewedEntry).map(row);
    const lines = [...kept, ...made].map((each) => COLUMNS.map((column) => cell(each[column])).join(","));
    return [COLUMNS.join(","), ...lines].map((line) => line + "\n").join("");
  }

  // The rows that the file is to have for a photo.
  function rowsOf(path) {
    const made = decisions.get(path);
    const rows = made?.action ? [[path, made]].filter(reviewedEntry).map(row) : fileRows.filter((each) => each.path === path);
    return rows.map((each) => Object.fromEntries(COLUMNS.map((column) => [column, each[column]])));
  }

  // One line for people; "" where nothing was decided.
  function words(path) {
    const made = decisions.get(path) ?? earlier.get(path);
    if (!made) return "";
    const said = {
      keep: "✓ keep",
      drop: "✕ drop",
      relabel: `→ ${made.label}`,
      "new class": `→ ${made.label} (a new class)`,
      [TAKEN_BACK]: "taken back",
      "": "a note only: keep, relabel or drop it",
    }[made.action];
    const when = decisions.has(path) ? "" : inForce(path) ? "before: " : "before, and no longer fits: ";
    return when + (said ?? made.action) + (made.note ? ` · ${made.note}` : "");
  }

  // The classes, and those that decisions have made new.
  function classNames() {
    const made = [...earlier.values(), ...decisions.values()].filter(({ action }) => action === "new class");
    return [...new Set([...data.classes, ...made.map(({ label }) => label)])];
  }

  // Those that what was typed may mean: the class of that name, or else the only one of that name in
  // another case, or else all whose names begin with it, in any case.
  function classesFor(text) {
    const names = classNames();
    if (!text) return [];
    if (names.includes(text)) return [text];
    const typed = text.toLowerCase();
    const same = names.filter((name) => name.toLowerCase() === typed);
    return same.length === 1 ? same : names.filter((name) => name.toLowerCase().startsWith(typed));
  }

  return {
    data, classesFor, decide, reviewed, csv, words, rowsOf,
    decision: (path) => decisions.get(path) ?? (inForce(path) ? earlier.get(path) : undefined),
    isNew: (path) => decisions.has(path),
    isClass: (name) => data.classes.includes(name),
    any: () => decisions.size > 0,
    waiting: () => [...decisions.keys()],
    markInFile: (path) => {
      inFile.add(path);
      store();
    },
    isStored: () => stored,
    isSaved: () => saved,
    markSaved: () => (saved = true),
    takeBack: (path) => decide(path, decisions.get(path)?.action === TAKEN_BACK ? null : { action: TAKEN_BACK }),
  };
})();
