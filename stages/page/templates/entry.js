"use strict";
// The box of a card in which a class or a note is typed: what is typed, and what Enter makes of it.

const entryBox = {
  open(entry, what, value) {
    const input = entry.querySelector("input");
    entry.dataset.what = what;
    entry.querySelector("span").textContent = what;
    if (what === "note") input.removeAttribute("list");
    else input.setAttribute("list", "class-names");
    input.value = value;
    entry.hidden = false;
    delete entry.dataset.asked;
    input.focus();
    input.select();
    entryBox.read(entry);
  },

  // What is typed, as ingest will compare it. Below it stands what Enter would make of it.
  read(entry) {
    const text = entry.querySelector("input").value.normalize("NFC").trim();
    const means = corrections.classesFor(text);
    const isLabel = entry.dataset.what === "relabel" && text !== "";
    const hint = entry.querySelector(".new");
    hint.hidden = !isLabel || means[0] === text;
    hint.classList.toggle("class", means.length === 1);
    const others = means.length ? `${means.length} classes begin` : "No class begins";
    const next = means.length ? "; type more." : ".";
    hint.textContent =
      means.length === 1 ? `→ ${means[0]}`
      : `${others} with these letters${entry.dataset.asked === text ? ". Enter again makes a new class." : next}`;
    entry.querySelector("[data-do=new]").hidden = hint.hidden;
    return text;
  },

  // The class that is meant; nothing at the first Enter on what is none, since a typing mistake
  // makes no class: a new one has to be asked for, by its button or a second Enter.
  classMeant(entry) {
    const text = entryBox.read(entry);
    const means = corrections.classesFor(text);
    if (means.length === 1) return means[0];
    if (entry.dataset.asked === text) return text;
    entry.dataset.asked = text;
    entryBox.read(entry);
    return "";
  },
};
