"use strict";
// The review: every card with data-image gets controls, keys move and decide, a bar shows how far
// one is and hands out the file. entry.js has the box for a class, corrections.js what is decided.

{
  const { data } = corrections;
  const element = (id) => document.getElementById(id);
  const cards = [...document.querySelectorAll("[data-image]")];
  const KEYS = { k: "keep", r: "relabel", d: "drop", n: "note", u: "undo" };
  const image = (card) => data.images[card.dataset.image];
  const siblings = (card) => [...card.parentElement.querySelectorAll(":scope > [data-image]")];

  // Showing ----------------------------------------------------------------------------------------

  function showCard(card) {
    const { path } = image(card);
    const line = card.querySelector(".decision");
    line.textContent = corrections.words(path);
    line.hidden = !line.textContent;
    const action = corrections.decision(path)?.action ?? "";
    card.dataset.decided = action;
    card.classList.toggle("before", !corrections.isNew(path));
    const pressed = action === "new class" ? "relabel" : action;
    for (const button of card.querySelectorAll(".choices button"))
      button.setAttribute("aria-pressed", button.dataset.do === pressed);
  }

  function showBar(said) {
    const done = data.images.filter(corrections.reviewed).length;
    element("review-done").max = data.images.length;
    element("review-done").value = done;
    element("review-count").textContent = `${done} of ${data.images.length} reviewed`;
    const warning = "This browser forgets them on reload: download before you leave.";
    element("review-said").textContent = corrections.isStored() ? said : `${said} ${warning}`;
    element("review-bar").hidden = false;
    document.body.classList.add("reviewing");
  }

  // Deciding ---------------------------------------------------------------------------------------

  function decide({ path }, change) {
    corrections.decide(path, change);
    cards.filter((card) => image(card).path === path).forEach(showCard);
    showBar(corrections.words(path) ? `${path}: ${corrections.words(path)}` : "");
  }

  function open(card, what) {
    const { path, label, suggested } = image(card);
    const made = corrections.decision(path);
    const guess = made?.label || (suggested === label ? "" : suggested);
    entryBox.open(card.querySelector(".entry"), what, what === "note" ? (made?.note ?? "") : guess);
  }

  function accept(card) {
    const entry = card.querySelector(".entry");
    const text = entryBox.read(entry);
    if (entry.dataset.what === "note") decide(image(card), { note: text });
    else if (text) {
      const name = entryBox.classMeant(entry);
      if (!name) return;
      label(card, name);
    }
    close(card);
  }

  function label(card, name) {
    const action = corrections.isClass(name) ? "relabel" : "new class";
    decide(image(card), { action: name === image(card).label ? "keep" : action, label: name });
  }

  function makeNew(card) {
    label(card, entryBox.read(card.querySelector(".entry")));
    close(card);
  }

  function close(card) {
    card.querySelector(".entry").hidden = true;
    card.focus();
  }

  function act(card, what) {
    if (what === "relabel" || what === "note") open(card, what);
    else if (what === "accept") accept(card);
    else if (what === "new") makeNew(card);
    else if (what === "undo") decide(image(card), null);
    else decide(image(card), { action: what, label: what === "keep" ? image(card).label : "" });
  }

  // Moving -----------------------------------------------------------------------------------------

  const isOpen = (card) => !corrections.reviewed(image(card));

  function nextOf(card) {
    return siblings(card).slice(siblings(card).indexOf(card) + 1).find(isOpen);
  }

  function neighbour(card, key) {
    const all = siblings(card);
    const columns = all.filter((other) => other.offsetTop === all[0].offsetTop).length;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
    return all[all.indexOf(card) + step];
  }

  function press(event) {
    const card = event.currentTarget;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const what = KEYS[event.key.toLowerCase()];
    if (event.target.matches("input")) {
      if (event.key === "Escape") close(card);
      if (event.key !== "Enter") return;
      accept(card);
      if (!isOpen(card)) nextOf(card)?.focus();
    } else if (what) {
      act(card, what);
      if (what === "keep" || what === "drop") nextOf(card)?.focus();
    } else if (event.key.startsWith("Arrow")) {
      neighbour(card, event.key)?.focus();
    } else return;
    event.preventDefault();
  }

  // One card of each grid stands in the tab order, with its buttons; arrows lead to the others.
  function enter(card) {
    for (const other of siblings(card)) {
      other.tabIndex = other === card ? 0 : -1;
      for (const button of other.querySelectorAll("button")) button.tabIndex = other.tabIndex;
    }
  }

  for (const card of cards) {
    card.querySelector(".foot").before(element("review-controls").content.cloneNode(true));
    card.addEventListener("focusin", () => enter(card));
    card.addEventListener("keydown", press);
    card.addEventListener("input", () => entryBox.read(card.querySelector(".entry")));
    card.addEventListener("click", ({ target }) => {
      const what = target.closest("[data-do]")?.dataset.do;
      if (what) act(card, what);
    });
    showCard(card);
  }
  for (const grid of new Set(cards.map((card) => card.parentElement))) enter(grid.querySelector("[data-image]"));

  // The bar, and the rows of the file ---------------------------------------------------------------

  const suspects = cards.filter((card) => card.closest("#suspects"));
  function goOn() {
    const card = [...suspects, ...cards].find(isOpen) ?? suspects[0] ?? cards[0];
    const closed = card.closest("details");
    if (closed) closed.open = true; // what is hidden takes no focus
    card.focus();
  }
  element("review-next").addEventListener("click", goOn);
  element("review-start").hidden = cards.length === 0;
  element("review-start").addEventListener("click", () => {
    showBar("");
    goOn();
  });

  element("review-save").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([corrections.csv()], { type: "text/csv" }));
    link.download = "corrections.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    corrections.markSaved();
    showBar("Put it into data/ and run dvc repro.");
  });

  for (const line of document.querySelectorAll("tr[data-row]")) {
    const { path } = data.decided[line.dataset.row];
    const button = document.createElement("button");
    button.type = "button";
    const show = () => {
      const back = corrections.decision(path)?.action === "take back";
      line.classList.toggle("taken-back", back);
      button.textContent = back ? "Restore" : "Take back";
    };
    button.addEventListener("click", () => {
      corrections.takeBack(path);
      cards.filter((card) => image(card).path === path).forEach(showCard);
      show();
      showBar("");
    });
    line.cells[line.cells.length - 1].append(button);
    show();
  }

  addEventListener("beforeunload", (event) => {
    if (!corrections.isStored() && !corrections.isSaved()) event.preventDefault();
  });
  if (corrections.any() || data.saved) showBar("");
}
