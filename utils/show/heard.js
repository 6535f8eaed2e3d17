// What a sighted learner sees of a lab's handles, said to those who listen: the name of each slider, whether a button is
// pressed or a section open, and one stop of the tab key for a grid of buttons instead of one for each. And whoever stands on a
// handle has its keys: JupyterLab's would choose another cell with an arrow, cut it with "x", delete it with "d d".
const put = (node, name, value) => node.getAttribute(name) !== value && node.setAttribute(name, value);

function press(button) {
  const isOn = String(button.matches(".mod-active, .course-chosen"));
  put(button, button.matches(".course-section") ? "aria-expanded" : "aria-pressed", isOn);
  if (button.matches(".course-unit")) put(button, "tabindex", isOn === "true" ? "0" : "-1");
}

function step(event) {
  const way = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -Infinity, ArrowDown: Infinity }[event.key];
  const buttons = [...event.currentTarget.querySelectorAll(".course-unit")];
  const at = buttons.indexOf(document.activeElement);
  if (!way || at < 0) return;
  const across = Math.sqrt(buttons.length);
  const next = buttons[at + (Number.isFinite(way) ? way : Math.sign(way) * across)];
  event.preventDefault();
  next?.focus();
}

/** With Ctrl, and Shift and Enter, keys are the notebook's also here. */
function keep(event) {
  const isForTheNotebook = event.ctrlKey || event.metaKey || event.altKey || (event.key === "Enter" && event.shiftKey);
  if (!isForTheNotebook) event.stopPropagation();
}

function name(root, pressed) {
  for (const row of root.querySelectorAll(".widget-slider")) {
    const words = row.querySelector(".widget-label")?.textContent.trim();
    for (const grip of row.querySelectorAll("[role=slider]")) {
      if (words) put(grip, "aria-label", words);
      if (grip.closest("[disabled]")) put(grip, "aria-disabled", "true"); else grip.removeAttribute("aria-disabled");
    }
    const readout = row.querySelector(".widget-readout");
    if (words && readout) [["role", "textbox"], ["aria-label", `${words}, as a number`]].forEach(pair => put(readout, ...pair));
  }
  for (const button of root.querySelectorAll(".widget-toggle-button, .course-unit")) {
    press(button);
    pressed.observe(button, { attributes: true, attributeFilter: ["class"] });
  }
  for (const group of root.querySelectorAll(".widget-toggle-buttons")) {
    put(group, "role", "group");
    put(group, "aria-label", group.querySelector(".widget-label")?.textContent.trim() || "One of these");
  }
  for (const bar of root.querySelectorAll(".progress")) {
    put(bar, "role", "progressbar");
    put(bar, "aria-label", "How much is done");
  }
  for (const image of root.querySelectorAll("img.widget-image")) put(image, "alt", ""); // words beside it say what it shows
  for (const grid of root.querySelectorAll(".course-units")) grid.addEventListener("keydown", step);
}

export default {
  render({ el }) {
    const pressed = new MutationObserver(changes => changes.forEach(({ target }) => press(target)));
    // The views of the handles are made one after another, on a busy machine long after this one.
    const made = new MutationObserver(() => { later ??= setTimeout(look, 250); });
    let later = null, root = null;
    const look = () => {
      later = null;
      root ??= el.closest(".course-live, .course-widget");
      if (!root) { later = setTimeout(look, 250); return; }
      name(root, pressed);
      root.addEventListener("keydown", keep);
      made.observe(root, { childList: true, subtree: true });
    };
    look();
    return () => {
      clearTimeout(later);
      pressed.disconnect();
      made.disconnect();
      root?.removeEventListener("keydown", keep);
    };
  },
};
