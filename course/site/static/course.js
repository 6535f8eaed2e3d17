// What a page does without a kernel: it keeps predictions, shows them with the truth, and filters the ledger.
"use strict";

const PREFIX = "inception-course.prediction.";

// The reader's guesses live in this browser only; where it keeps nothing, they last as long as the page.
const kept = {
  memory: new Map(),
  get(name) {
    try { return localStorage.getItem(PREFIX + name) ?? this.memory.get(name) ?? null; } catch { return this.memory.get(name) ?? null; }
  },
  set(name, value) {
    this.memory.set(name, value);
    try { localStorage.setItem(PREFIX + name, value); } catch { /* private windows keep nothing */ }
  },
};

function isNumber(text) {
  return text.trim() !== "" && Number.isFinite(Number(text.replaceAll(",", "")));
}

function isRight(guess, truth, within) {
  if (isNumber(guess) && isNumber(truth)) {
    const value = Number(truth.replaceAll(",", ""));
    return Math.abs(Number(guess.replaceAll(",", "")) - value) <= (within + 1e-9) * Math.abs(value);
  }
  return guess === truth;
}

// On paper a page is light, whatever it is on the screen.
const paper = matchMedia("print");
let onScreen = "light";
paper.addEventListener("change", () => {
  const page = document.documentElement.dataset;
  if (paper.matches) [onScreen, page.theme] = [page.theme, "light"];
  else page.theme = onScreen;
});

// What the theme leaves without a name or a place: the handles that open a part of the contents, and the course's own name.
for (const handle of document.querySelectorAll(".bd-sidenav summary")) {
  handle.setAttribute("aria-label", `Pages of: ${handle.closest("li").querySelector("a").textContent.trim()}`);
}
for (const name of document.querySelectorAll(".bd-sidebar-primary .sidebar-primary-item:has(> .navbar-brand)")) {
  name.setAttribute("role", "region");
  name.setAttribute("aria-label", "The course");
}

// A figure's smaller letters, 9 pt, stay 10 pixels high; where there is no room for that, it is scrolled in its frame.
const LEGIBLE = 0.73; // of its own width
for (const figure of document.querySelectorAll(".course-figure-png")) {
  figure.style.minWidth = `${LEGIBLE * Number(figure.getAttribute("width"))}px`;
}

// A lab's still picture has letters of 11 pixels at its own width.
for (const picture of document.querySelectorAll(".course-picture > img")) {
  const size = () => { picture.style.minWidth = `${0.92 * picture.naturalWidth}px`; };
  if (picture.complete) size();
  else picture.addEventListener("load", size);
}

// What is wider than its frame is scrolled, from the keyboard too.
function reach() {
  for (const frame of document.querySelectorAll(".cell_output :is(.course, .course-row > *, .output), math[display=block]")) {
    if (frame.scrollWidth > frame.clientWidth && getComputedStyle(frame).overflowX !== "visible") frame.tabIndex = 0;
    else frame.removeAttribute("tabindex");
  }
}
addEventListener("load", reach);
addEventListener("resize", reach);

for (const table of document.querySelectorAll("table.course-ledger")) {
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  for (const row of table.tBodies[0].rows) {
    for (const [place, cell] of [...row.cells].entries()) cell.dataset.head = heads[place];
  }
}

for (const form of document.querySelectorAll("form.course-predict")) {
  const name = form.dataset.name;
  const said = form.querySelector("output");
  const inputs = [...form.querySelectorAll("input")];
  const say = (guess) => { said.textContent = `You predict ${guess}. It is kept in this browser, and stands beside the truth further down.`; };
  const guess = kept.get(name);
  if (guess !== null) {
    for (const input of inputs) {
      if (input.type === "radio") input.checked = input.value === guess;
      else input.value = guess;
    }
    say(guess);
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", (event) => {
    const value = event.target.value.trim();
    if (event.target.type === "text" && !isNumber(value)) {
      said.textContent = "Write a number.";
      return;
    }
    kept.set(name, value);
    say(value);
  });
}

for (const truth of document.querySelectorAll("details.course-truth")) {
  truth.addEventListener("toggle", () => {
    const guess = kept.get(truth.dataset.name);
    const said = truth.querySelector("output");
    if (!truth.open) return;
    if (guess === null) {
      said.textContent = "You made no prediction for this one.";
      return;
    }
    said.textContent = `You predicted ${guess}.`;
    truth.dataset.right = isRight(guess, truth.dataset.value, Number(truth.dataset.within));
  });
}

for (const table of document.querySelectorAll("table.course-filtered")) {
  const rows = [...table.tBodies[0].rows];
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  const filters = document.createElement("div");
  filters.className = "course-filters";
  const chosen = new Map();
  const count = document.createElement("output");
  const apply = () => {
    let seen = 0;
    for (const row of rows) {
      const fits = [...chosen].every(([test, value]) => !value || test(row, value));
      row.hidden = !fits;
      seen += fits;
    }
    count.textContent = `${seen} of ${rows.length} shown`;
  };
  const add = (words, control, test) => {
    const label = document.createElement("label");
    label.append(`${words} `, control);
    filters.append(label);
    control.addEventListener("input", () => { chosen.set(test, control.value); apply(); });
  };
  const text = (row, place) => (row.cells[place].querySelector("b") ?? row.cells[place]).textContent.trim();
  for (const head of ["paper", "does it hold?"]) {
    const place = heads.indexOf(head);
    const select = document.createElement("select");
    select.append(new Option("all", ""));
    for (const value of [...new Set(rows.map((row) => text(row, place)))].sort()) select.append(new Option(value, value));
    add(head === "paper" ? "Paper" : "Verdict", select, (row, value) => text(row, place) === value);
  }
  const search = document.createElement("input");
  search.type = "search";
  add("Words", search, (row, value) => row.textContent.toLowerCase().includes(value.toLowerCase()));
  filters.append(count);
  table.before(filters);
  apply();
}
