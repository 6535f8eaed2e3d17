// The map of the family. `labs/family_map.py` says where everything stands; here one points at it and goes into the lessons.

const NARROW = 780;  // pixels; below it the tall form is drawn

/** Where JupyterLab is, a link opens beside this notebook, as a link of its text does. Elsewhere it is a plain link. */
function linked(href) {
  const here = decodeURIComponent(location.pathname).match(/\/lab(?:\/workspaces\/[^/]+)?\/tree\/(.*?)[^/]*$/);
  return {href, ...here && {"data-commandlinker-command": "docmanager:open", "data-commandlinker-args": JSON.stringify({path: here[1] + href})}};
}

function render({model, el}) {
  const data = model.get("data"), byName = Object.fromEntries(data.networks.map(each => [each.name, each]));
  let state = {...model.get("state")}, form = "", links = {}, arrows = [];
  const stage = h("div", {class: "family-stage"}), told = h("div", {class: "family-told"});
  const key = Object.entries(data.key).map(([words, color]) => {
    const swatch = h("i");
    swatch.style.background = color;
    return h("span", {class: "family-key"}, swatch, words);
  });
  el.append(ground("family", {}, stage, told, h("p", {class: "touch-help"},
    `Area: parameters. Arrow: what grew from what. ${data.later} a later paper's figure. `,
    data.hasProgress ? "Blue: the share of its lesson's exercises that you have passed. " : null,
    `The small picture is the module that takes most of the ${data.unit}, its layers by their window: `, key, " ",
    h("kbd", {}, "← →"), " go along, ", h("kbd", {}, "Enter"), " or a click opens the lesson.")));

  function draw() {
    const layout = data.layouts[form], [width, height] = layout.size;
    arrows = layout.arrows.map(arrow => ({...arrow, g: s("g", {class: "family-arrow"}, s("path", {d: arrow.path}), s("polygon", {points: arrow.head}))}));
    const words = ([x, y, said, anchor, kind]) => s("text", {class: kind.split(" ").map(each => `family-${each}`).join(" "), "text-anchor": anchor,
      ...kind.includes("turned") ? {transform: `translate(${x} ${y}) rotate(-90)`} : {x, y}}, said);
    links = Object.fromEntries(data.networks.map(each => [each.name, network(each, layout, words)]));
    const svg = s("svg", {viewBox: `0 0 ${width} ${height}`, class: `family-${form}`, role: "group", "aria-label": "The Inception family, in the order of its papers"},
      s("g", {"aria-hidden": "true"}, layout.bands.map(([x, y, w, h]) => s("rect", {class: "family-band", x, y, width: w, height: h, rx: 6})),
        layout.lines.map(([x1, y1, x2, y2, kind]) => s("path", {class: `family-${kind}`, d: `M${x1} ${y1}L${x2} ${y2}`})),
        layout.words.map(words), arrows.map(arrow => arrow.g)),
      Object.values(links));
    stage.replaceChildren(svg);
    show();
  }
  function network(each, layout, words) {
    const [x, y, radius] = layout.marks[each.name], cell = layout.cells[each.name], [left, top, wide, high] = cell.module;
    const [frameX, frameY, frameWidth, frameHeight] = cell.frame, [hitX, hitY, hitWidth, hitHeight] = cell.hit;
    let isTouched = false;
    return s("a", {...linked(each.href), class: "family-one", "data-name": each.name, "aria-label": each.words,
      onpointerenter: event => { if (event.pointerType !== "touch") point(each.name); },
      onpointerdown: event => { isTouched = event.pointerType === "touch" && state.at !== each.name; },
      onfocus: () => { if (!isTouched) point(each.name); },
      onclick: event => {
        if (!isTouched) return;
        isTouched = false;  // a finger points first, and opens with the second touch
        event.preventDefault();
        event.stopPropagation();
        point(each.name);
      },
      onkeydown: pressed},
    s("rect", {class: "family-hit", x: hitX, y: hitY, width: hitWidth, height: hitHeight}),
    s("rect", {class: "family-frame", x: frameX, y: frameY, width: frameWidth, height: frameHeight, rx: 5}),
    s("circle", {class: "family-room", cx: x, cy: y, r: Math.max(radius + 4, 16)}),
    s("circle", {class: "family-mark", cx: x, cy: y, r: radius}),
    each.name in layout.filled ? s("path", {class: "family-filled", d: layout.filled[each.name]}) : null,
    each.boxes.map(([a, b, w, h, color]) => s("rect", {x: left + a * wide, y: top + b * high, width: w * wide, height: h * high, fill: color})),
    cell.words.map(words));
  }
  function pressed(event) {
    const names = data.networks.map(each => each.name), at = names.indexOf(state.at);
    const next = {ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: names.length - 1}[event.key];
    if (next === undefined) return;
    event.preventDefault();
    links[names[clamp(next, 0, names.length - 1)]].focus();
  }
  function point(name) {
    if (state.at === name) return;
    state = {...state, at: name};
    show();
    keep(model, state);
  }
  function show() {
    const at = byName[state.at] ?? data.networks[0], line = new Set([at.name]);
    for (const each of line) byName[each].from.forEach(parent => line.add(parent));  // a set grows while it is walked
    for (const [name, link] of Object.entries(links)) {
      link.classList.toggle("family-at", name === at.name);
      link.setAttribute("tabindex", name === at.name ? 0 : -1);
    }
    arrows.forEach(arrow => arrow.g.classList.toggle("family-line", line.has(arrow.to)));
    told.replaceChildren(h("p", {class: "family-head"}, h("b", {}, at.title), ` ${at.when}`, h("a", linked(at.href), at.lesson), h("span", {class: "family-progress"}, at.progress)),
      h("dl", {}, Object.entries(at.facts).map(([name, words]) => h("div", {}, h("dt", {}, name), h("dd", {}, words)))));
  }

  const fit = () => {
    const now = el.clientWidth && el.clientWidth < NARROW ? "tall" : "wide";
    if (now === form) return;
    const hadFocus = stage.contains(document.activeElement);
    form = now;
    draw();
    if (hadFocus) links[state.at].focus();
  };
  fit();
  const watch = new ResizeObserver(fit);
  watch.observe(el);
  const unfollow = following(model, () => state, given => {
    state = {...state, ...given};
    show();
  });
  return () => { watch.disconnect(); unfollow(); };
}

export default { render };
