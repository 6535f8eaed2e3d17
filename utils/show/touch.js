// Helpers that stand in front of every front-end module (utils/show/touch.py puts them there).

const SVG = "http://www.w3.org/2000/svg";
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** An HTML element: h("p", {class: "x", onclick: f}, "text", child). What is null or false is left out. */
const h = (name, attributes = {}, ...inside) => fill(document.createElement(name), attributes, inside);

/** An SVG element, in the same way. */
const s = (name, attributes = {}, ...inside) => fill(document.createElementNS(SVG, name), attributes, inside);

function fill(element, attributes, inside) {
  set(element, attributes);
  element.append(...inside.flat().filter(part => part !== null && part !== undefined && part !== false));
  return element;
}

/** The outermost element. */
const ground = (kind, attributes, ...inside) => h("div", {class: `touch ${kind}`, ...attributes}, ...inside);

/** Write attributes; functions under "on..." listen. Null and false take an attribute away. */
function set(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === null || value === undefined || value === false) element.removeAttribute(key);
    else element.setAttribute(key, value === true ? "" : value);
  }
  return element;
}

const clamp = (value, least, most) => Math.min(Math.max(value, least), most);
const grouped = number => number.toLocaleString("en");
const plural = (count, word) => `${grouped(count)} ${word}${count === 1 ? "" : "s"}`;

/** A row of buttons of which one is chosen: `options` are [value, words] pairs. */
function choice(name, options, chosen, choose) {
  const buttons = options.map(([value, words]) => h("button", {
    type: "button", role: "radio", "aria-checked": String(value === chosen), tabindex: value === chosen ? 0 : -1,
    "data-value": value, onclick: () => pick(value),
  }, words));
  const pick = value => { box.choose(value); choose(value); };
  const box = h("div", {class: "touch-choice", role: "radiogroup", "aria-label": name, onkeydown: event => {
    const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
    if (!step) return;
    event.preventDefault();
    const free = buttons.filter(button => !button.disabled);
    const next = free[(free.indexOf(document.activeElement) + step + free.length) % free.length];
    next.focus();
    next.click();
  }}, h("span", {class: "touch-name", "aria-hidden": "true"}, name), buttons);
  box.choose = value => buttons.forEach(button => {
    const is = button.dataset.value === String(value);
    button.setAttribute("aria-checked", String(is));
    button.tabIndex = is ? 0 : -1;
  });
  box.allow = allowed => buttons.forEach(button => { button.disabled = !allowed(button.dataset.value); });
  return box;
}

/** Tell the model how things stand now. */
function keep(model, state) {
  model.set("state", {...state});
  model.save_changes();
}

/** Call `take` with the model's state where somebody else has changed it; `now` gives this front's own. Returns how to stop. */
function following(model, now, take) {
  const changed = () => {
    const given = model.get("state");
    if (JSON.stringify(given) !== JSON.stringify(now())) take({...given});
  };
  model.on("change:state", changed);
  return () => model.off("change:state", changed);
}

/** A button that plays: `begin` comes before, `next` goes one on, for as long as `hasNext` says so. */
function player(el, {begin, next, hasNext}) {
  let timer = null;
  const start = () => {
    begin();
    timer = setInterval(() => (el.isConnected && hasNext() ? next() : button.stop()), 420);
    button.textContent = "❚❚ Stop";
  };
  const button = h("button", {type: "button", class: "touch-play", onclick: () => button.toggle()}, "▶ Play");
  button.stop = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = "▶ Play";
  };
  button.toggle = () => (timer ? button.stop() : start());
  return button;
}
