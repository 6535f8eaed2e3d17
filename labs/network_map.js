// The map of a network. `labs/network_map.py` has the numbers and the tree; here it is laid out, opened, moved and zoomed.

const TALL = 150;            // pixels: the image's own grid
const GAP = 3, INNER_GAP = 12, FAN = 16, PAD = 12, HEAD = 22, LABEL = 15, LANE_GAP = 8;
const MOST_ZOOM = 60, LEAST_ZOOM = 0.4;  // below that, words and gaps shrink with the blocks
const LINE = 13;             // pixels from one line of names to the next
const TITLE_SIZE = 13, TOTAL_SIZE = 12, TOTAL_LINE = 16;  // pixels: letters of a network's name, of its totals, and a line of these

const side = shape => (shape.length === 3 ? shape[1] : 1);
const shown = shape => shape.join("×");
const percent = share => (share === 0 ? "0 %" : share < 0.0005 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`);
const name = path => path.slice(path.lastIndexOf(".") + 1);

/** A count in three digits: 128 M. */
function brief(number) {
  for (const [size, letter] of [[1e9, " G"], [1e6, " M"], [1e3, " k"]]) {
    if (number >= 0.9995 * size) return (number / size).toPrecision(3) + letter;
  }
  return grouped(number);
}

const pen = document.createElement("canvas").getContext("2d");
const widths = new Map();
/** How wide words in 11 px are. */
function textWidth(words) {
  if (!widths.has(words)) {
    pen.font = "11px system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";
    widths.set(words, pen.measureText(words).width + 2);
  }
  return widths.get(words);
}

/** What may stand at a block, the longest first. */
function labels(place) {
  const own = name(place.path), layer = place.title.split(" + ").find(words => words !== "ReLU") ?? place.title;
  const window = layer.match(/\d+×\d+/)?.[0];
  if (place.parts.length || place.level === 0) {
    return /^\d+$/.test(own) ? [layer, window ?? own] : [own];
  }
  if (/pool/.test(layer)) return [layer, layer.match(/^\w+ pool/)?.[0] ?? "pool", "pool"];
  if (/\(LRN\)/.test(layer)) return [layer, "LRN"];
  return window ? [layer, layer.replace(" conv", ""), window] : [layer];
}

/** A stage's name without what all of its kind have in common: 4e, b_3, 12. */
const short = place => name(place.path).match(/(?:_|^block)([a-z]_\d+|\d+[a-z]?)$/)?.[1] ?? "";

/** Give every place its id, its level, what it stands in, and the grid that comes in; all of them, in the order of execution. */
function prepared(networks) {
  const all = [], seen = new Set();
  const walk = (series, inside, level, number, grid) => series.reduce((grid, part) => {
    if (part.lanes) return Math.min(...part.lanes.map(lane => walk(lane, inside, level, number, grid)));
    let id = networks.length > 1 ? `${number + 1}:${part.path}` : part.path;
    while (seen.has(id)) id += "'";
    seen.add(id);
    Object.assign(part, {id, inside, level, number, grid});
    part.labels = labels(part);
    all.push(part);
    walk(part.parts, part, level + 1, number, grid);
    return side(part.shape);
  }, grid);
  networks.forEach((network, number) => walk(network.series, null, 0, number, network.input[1]));
  return all;
}

/** The seconds of a forward, in words. */
function lasting(seconds) {
  const thousandths = 1e3 * seconds;
  return thousandths >= 1000 ? `${seconds.toPrecision(3)} s` : `${thousandths.toFixed(thousandths >= 100 ? 0 : thousandths >= 10 ? 1 : 2)} ms`;
}

/** All places, those inside of others too, in the order of `prepared`. */
const everyPlace = series => series.flatMap(part => (part.lanes ? part.lanes.flatMap(everyPlace) : [part, ...everyPlace(part.parts)]));

const placesOf = series => series.flatMap(part => (part.lanes ? part.lanes.flatMap(placesOf) : [part]));

const gaps = squeeze => [GAP, INNER_GAP, FAN, PAD].map(each => each * squeeze);

/** Where everything stands, in pixels, for one zoom: blocks, frames around what is open, and the lines between them. Words and gaps
 * take `squeeze` of their room. */
export function layOut(networks, open, thick, high, squeeze = 1) {
  const [GAP, INNER_GAP, FAN, PAD] = gaps(squeeze);
  const block = place => {
    const width = Math.max(Math.sqrt(place.shape[0]) * thick, 1.5 * squeeze);
    const [left, right] = [place.grid, side(place.shape)].map(grid => Math.max(Math.sqrt(grid) * high, 4));
    return {width, height: Math.max(left, right), edges: [left, right], slot: place.level ? Math.max(width, squeeze * textWidth(place.labels.at(-1))) : width};
  };
  // Of a part or a series: its width, and how far it reaches above and below the line that flows through it.
  const sized = new Map();
  function size(part) {
    if (sized.has(part)) return sized.get(part);
    let found;
    if (part.lanes) {
      const lanes = part.lanes.map(sizeOf), lines = [];
      let top = 0;
      for (const lane of lanes) {
        lines.push(top + lane.up);
        top += lane.up + lane.down + LANE_GAP;
      }
      const up = (lines[0] + lines.at(-1)) / 2;
      found = {width: Math.max(...lanes.map(lane => lane.width)) + 2 * FAN, up, down: top - LANE_GAP - up, lines: lines.map(y => y - up)};
    } else if (open.has(part.id)) {
      const inner = sizeOf(part.parts);
      found = {width: Math.max(inner.width + 2 * PAD, squeeze * (textWidth(part.labels[0]) + 30)), up: inner.up + HEAD, down: inner.down + PAD};
    } else {
      const one = block(part);
      found = {width: one.slot, up: one.height / 2, down: one.height / 2 + (part.level ? LABEL : 0)};
    }
    sized.set(part, found);
    return found;
  }
  const sizeOf = series => (series.length ? {
    width: series.reduce((all, part) => all + size(part).width, 0) + (series.length - 1) * gapOf(series),
    up: Math.max(...series.map(part => size(part).up)), down: Math.max(...series.map(part => size(part).down)),
  } : {width: 0, up: 6, down: 6});
  const gapOf = series => (placesOf(series)[0]?.level ? INNER_GAP : GAP);

  const blocks = [], frames = [], lines = [];
  const link = (from, to) => {
    if (to.x - from.x < 0.5) return;
    const middle = (from.x + to.x) / 2;
    lines.push(Math.abs(from.y - to.y) < 0.5 ? `M${from.x} ${from.y}H${to.x}`
      : `M${from.x} ${from.y}C${middle} ${from.y} ${middle} ${to.y} ${to.x} ${to.y}`);
  };
  // Each of these puts something between `left` and what it returns, its middle at `y`, and joins it to where `from` ends.
  function putSeries(series, left, y, from) {
    const gap = gapOf(series);
    let x = left, end = from;
    series.forEach((part, number) => {
      if (number) x += gap;
      end = part.lanes ? putLanes(part, x, y, end) : putPlace(part, x, y, end);
      x += size(part).width;
    });
    return end;
  }
  function putLanes(part, left, y, from) {
    const {width, lines: places} = size(part), right = left + width;
    const fork = {x: Math.max(left - INNER_GAP / 2, from.x), y: from.y}, join = {x: right, y};
    link(from, fork);
    part.lanes.forEach((lane, number) => {
      const middle = y + places[number], own = sizeOf(lane).width;
      if (lane.length) {
        link(putSeries(lane, left + (width - own) / 2, middle, fork), join);
      } else {  // a shortcut
        link(fork, {x: left + FAN, y: middle});
        link({x: left + FAN, y: middle}, {x: right - FAN, y: middle});
        link({x: right - FAN, y: middle}, join);
      }
    });
    return join;
  }
  function putPlace(place, left, y, from) {
    if (open.has(place.id)) {
      const {width, up, down} = size(place);
      frames.push({place, x: left, y: y - up, width, height: up + down});
      const entry = {x: left + 3, y};
      link(from, entry);
      link(putSeries(place.parts, left + (width - sizeOf(place.parts).width) / 2, y, entry), {x: left + width, y});
      return {x: left + width, y};
    }
    const {width, height, slot, edges} = block(place), x = left + (slot - width) / 2;
    blocks.push({place, x, y: y - height / 2, width, height, slot, left, edges});
    link(from, {x, y});
    return {x: x + width, y};
  }
  const rows = networks.map((network, number) => {
    const all = sizeOf(network.series), input = Math.max(Math.sqrt(network.input[0]) * thick, 1.5 * squeeze);
    const up = Math.max(all.up, TALL / 2), down = Math.max(all.down, TALL / 2);
    const first = [blocks.length, frames.length, lines.length];
    const end = putSeries(network.series, input + 2 * GAP, 0, {x: input, y: 0});
    return {width: input + 2 * GAP + all.width, up, down, input, end,
      blocks: blocks.slice(first[0]), frames: frames.slice(first[1]), lines: lines.slice(first[2])};
  });
  return {rows, width: Math.max(...rows.map(row => row.width))};
}

/** Names for the blocks that have none on a line of their own: above a neighbour that is lower, or higher up with a line down to the
 * block. What stands in the way is never covered; what finds no place is left out. Gives [block, words, x, y] with the words' middle. */
export function namedAbove(row, nameless, named) {
  const taken = named.map(({at, words}) => boxOf(words, at.x + at.width / 2, at.y - 5));
  const topAt = (at, x) => at.y + at.height / 2 - (at.edges[0] + (at.edges[1] - at.edges[0]) * clamp((x - at.x) / at.width, 0, 1)) / 2;
  const isFree = (box, own = null) => !taken.some(each => each.left < box.right && box.left < each.right && each.top < box.bottom && box.top < each.bottom)
    && !row.frames.some(at => at.x < box.right && box.left < at.x + at.width && at.y < box.bottom)
    && !row.blocks.some(at => at !== own && at.x < box.right && box.left < at.x + at.width
      && Math.min(topAt(at, box.left), topAt(at, box.right)) < box.bottom);
  const found = [];
  for (const at of nameless) {
    const words = at.place.labels[0], half = textWidth(words) / 2, middle = at.x + at.width / 2;
    const place = () => {
      for (let line = 0; at.y - 5 - line * LINE >= -row.up - 7; line++) {
        const y = at.y - 5 - line * LINE, aside = line ? [half - 4, half] : [Math.min(half - at.width / 2, 10)];
        for (const x of [middle, ...aside.flatMap(far => [middle + far, middle - far])]) {
          const box = boxOf(words, x, y), lead = {left: middle - 1, right: middle + 1, top: box.bottom, bottom: topAt(at, middle)};
          if (box.left < -5 || box.right > row.width || (!line && Math.abs(x - middle) + half > at.width / 2 + 16)) continue;
          if (isFree(box) && (!line || isFree(lead, at))) return {x, y, box, lead: line ? lead : null};
        }
      }
      return null;
    };
    const it = place();
    if (!it) continue;
    taken.push(it.box, ...(it.lead ? [it.lead] : []));
    found.push({at, words, ...it});
  }
  return found;
}
const boxOf = (words, x, y) => ({left: x - textWidth(words) / 2, right: x + textWidth(words) / 2, top: y - 9, bottom: y + 2});

function render({model, el}) {
  const {networks, measures, sources, timed} = structuredClone(model.get("data"));
  const places = prepared(networks), byId = new Map(places.map(place => [place.id, place]));
  let state = {...model.get("state")}, open = new Set(state.open.filter(id => byId.has(id)));
  const isTimed = () => networks[0].time !== undefined;
  const offered = Object.entries(measures).filter(([key]) => key !== "time" || model.send || isTimed());
  if (state.measure === "time" && !isTimed()) state.measure = "macs";
  let where = timed, isAsked = false, refused = "";
  let zoom = 1, fitted = "legible", offset = 0, width = 900, plan = null, pointed = null, found = [], thickAtOne = 1;
  const high = TALL / Math.sqrt(Math.max(...networks.map(network => network.input[1])));

  // --- what stands around the map
  const measure = choice("colour", offered, state.measure, colour);
  const search = h("input", {type: "search", placeholder: "find a layer", "aria-label": "find a layer by its name",
    oninput: () => look(), onkeydown: event => {
      event.stopPropagation();
      if (event.key === "Enter") next(event.shiftKey ? -1 : 1);
      if (event.key === "Escape") { search.value = ""; look(); }
    }});
  const count = h("span", {class: "map-count", "aria-live": "polite"});
  const button = (words, title, act) => h("button", {type: "button", "aria-label": title, title, onclick: act}, words);
  const heard = h("div", {class: "touch-heard", "aria-live": "polite"});
  const world = s("g", {class: "map-world"});
  const svg = s("svg", {class: "map-svg", role: "tree", "aria-label": `The map of ${networks.map(each => each.name).join(" and ")}`}, world);
  const strip = s("svg", {class: "map-strip", "aria-hidden": "true", height: 8 * networks.length + 2});
  const surface = h("div", {class: "map-surface"}, svg);
  const facts = h("div", {class: "map-facts"}), code = h("div", {class: "map-code"});
  const legend = h("div", {class: "map-legend"});
  el.append(ground("map", {},
    h("div", {class: "touch-bar"}, measure,
      h("span", {class: "map-buttons"}, button("−", "zoom out", () => zoomBy(1 / 1.5)), button("+", "zoom in", () => zoomBy(1.5)),
        button("all", "show all of it", () => fit("whole")),
        button("close all", "close every module", () => { open.clear(); fitted = "legible"; changed(null); })),
      h("span", {}, search, " ", count)),
    surface, strip, legend, h("div", {class: "map-panel"}, facts, code),
    h("p", {class: "touch-help"}, "Point at a block; a click or ", h("kbd", {}, "Enter"), " opens what it is made of, ", h("kbd", {}, "Esc"),
      " closes it. ", h("kbd", {}, "← →"), " next block, ", h("kbd", {}, "↑ ↓"), " next branch, ", h("kbd", {}, "+ −"),
      " or the wheel on the chosen map zoom, ", h("kbd", {}, "0"), " shows all, drag or ", h("kbd", {}, "shift ← →"), " moves."), heard));

  // --- one group for each place that is seen, kept as long as it is
  const drawn = new Map();
  const rowParts = networks.map(network => {
    const lines = s("path", {class: "map-lines"}), brackets = s("g", {class: "map-brackets"}), frames = s("g"), blocks = s("g");
    const image = s("rect", {class: "map-input"});
    const total = s("tspan", {class: "map-total"}), title = s("text", {class: "map-title"}, network.name, total);
    svg.insertBefore(title, world);
    const group = s("g", {}, image, brackets, frames, lines, blocks);
    world.append(group);
    return {group, lines, brackets, frames, blocks, image, title, total};
  });
  /** A network's totals behind its name, in as many lines as it takes; returns how many. */
  function writeTotals(number) {
    const network = networks[number];
    const counts = Object.entries(measures).filter(([key]) => key !== "time").map(([key, words]) => `${brief(network[key])} ${words}`);
    const rows = [[]];
    let right = 6 + textWidth(network.name) * TITLE_SIZE / 11;
    for (const words of [...(isTimed() ? [lasting(network.time)] : []), ...counts]) {
      const wide = textWidth(`${words} · `) * TOTAL_SIZE / 11;
      if (right + wide > width) {
        rows.push([]);
        right = 6;
      }
      rows.at(-1).push(words);
      right += wide;
    }
    const texts = rows.map((row, line) => `${line ? "" : "  "}${row.join(" · ")}${row.length && line < rows.length - 1 ? " · " : ""}`);
    const {total} = rowParts[number];
    if ([...total.children].map(each => each.textContent).join("\n") !== texts.join("\n"))
      total.replaceChildren(...texts.map((words, line) => s("tspan", line ? {x: 6, dy: TOTAL_LINE} : {}, words)));
    return rows.length;
  }
  const over = s("text", {class: "map-over", "text-anchor": "middle"});
  world.append(over);

  const share = (place, key = state.measure) => place[key] / (networks[place.number][key] || 1);

  function groupOf(place, isFrame) {
    const id = (isFrame ? "frame " : "") + place.id;
    if (!drawn.has(id)) {
      const box = isFrame ? s("rect", {class: "map-frame", rx: 4}) : s("path", {class: "map-block"});
      const text = s("text", {class: "map-label", "text-anchor": isFrame ? "start" : "middle"}), lead = s("path", {class: "map-lead"});
      const group = s("g", {role: "treeitem", tabindex: -1, "aria-level": place.level + 1, "data-id": place.id,
        class: place.parts.length ? "map-opens" : null,
        onpointermove: event => { if (event.movementX || event.movementY) point(place); },  // not where a block comes under a mouse at rest
        onpointerleave: () => point(null), onfocus: () => chosen(place)}, box, text, lead);
      const room = isFrame ? null : s("rect", {class: "map-room"});  // what is pointed at: the block and its name
      if (room) group.prepend(room);
      drawn.set(id, {group, box, text, lead, room, place, isFrame});
    }
    return drawn.get(id);
  }

  // --- drawing
  function draw() {
    const squeeze = squeezed(), [gap, innerGap] = gaps(squeeze);
    plan = layOut(networks, open, thickAtOne * zoom, high, squeeze);
    const limit = Math.max(plan.width + 12 - width, 0);
    offset = clamp(offset, 0, limit);
    const seen = new Set();
    let top = 0;
    plan.rows.forEach((row, number) => {
      const {group, lines, brackets, frames, blocks, image, title} = rowParts[number];
      const middle = top + 40 + TOTAL_LINE * (writeTotals(number) - 1) + row.up;
      set(title, {x: 6, y: top + 15});
      group.style.transform = `translate(6px, ${middle}px)`;
      const input = Math.sqrt(networks[number].input[1]) * high;
      set(image, {x: 0, y: -input / 2, width: row.input, height: input});
      lines.setAttribute("d", row.lines.join(""));
      for (const {place, ...at} of row.frames) {
        const one = groupOf(place, true);
        seen.add(one);
        one.group.style.transform = `translate(${at.x}px, ${at.y}px)`;
        set(one.box, {width: at.width, height: at.height});
        set(one.text, {x: 8, y: 15});
        const heading = `▾ ${/^\d+$/.test(name(place.path)) ? place.title : name(place.path)}`;
        one.text.textContent = textWidth(heading) + 8 <= at.width ? heading : "";
        if (!one.group.isConnected) frames.append(one.group);
      }
      // Stages are called by their whole names where all of them have room for it.
      const isShort = row.blocks.some(at => !at.place.level && short(at.place) && textWidth(at.place.labels[0]) > at.slot + gap);
      const named = [], nameless = [];
      row.blocks.forEach((at, index) => {
        const one = groupOf(at.place, false);
        seen.add(one);
        one.group.style.transform = `translate(${at.x}px, ${at.y}px)`;
        const [down, up] = at.edges.map(edge => (at.height - edge) / 2);
        one.box.setAttribute("d", `M0 ${down}L${at.width} ${up}V${at.height - up}L0 ${at.height - down}Z`);
        const room = at.slot + (at.place.level ? innerGap - 2 : gap);
        const names = isShort && !at.place.level && short(at.place) ? [short(at.place)] : at.place.labels;
        const words = names.find(each => textWidth(each) <= room) ?? "";
        if (one.words !== words) one.text.textContent = one.words = words;
        if (!at.place.level && words) named.push({at, words});
        else if (!at.place.level && names === at.place.labels) nameless.push(at);
        set(one.lead, {d: null});
        const above = at.place.level ? 2 : 16;
        set(one.room, {x: at.left - at.x, y: -above, width: at.slot, height: at.height + above + (at.place.level ? LABEL : 4)});
        set(one.text, {x: at.width / 2, y: at.place.level ? at.height + 12 : -5});
        if (blocks.children[index] !== one.group) blocks.insertBefore(one.group, blocks.children[index] ?? null);
        one.at = {...at, middle};
      });
      for (const {at, words, x, y, lead} of namedAbove(row, nameless, named)) {
        const one = groupOf(at.place, false);
        one.text.textContent = one.words = words;
        set(one.text, {x: x - at.x, y: y - at.y});
        if (lead) set(one.lead, {d: `M${at.width / 2} ${lead.top - at.y}V${lead.bottom - at.y}`});
      }
      drawBrackets(brackets, row);
      top = middle + row.down + 32;
    });
    for (const [id, one] of drawn) {
      if (!seen.has(one)) { one.group.remove(); drawn.delete(id); }
    }
    set(svg, {width, height: top, viewBox: `0 0 ${width} ${top}`});
    slide();
    drawStrip();
    paint();
  }
  function drawBrackets(group, row) {
    const parts = [];
    let run = null;
    const end = () => {
      if (!run || run.grid < 2) return;
      const words = `${run.grid}×${run.grid}`, room = run.to - run.from;
      const at = row.down + 6;
      parts.push(s("path", {d: `M${run.from} ${at - 3}V${at}H${run.to}V${at - 3}`}));
      if (room > textWidth(words)) parts.push(s("text", {x: (run.from + run.to) / 2, y: at + 14, "text-anchor": "middle"}, words));
    };
    const stages = [...row.blocks.filter(at => !at.place.level).map(at => [at.place, at.left, at.left + at.slot, at]),
      ...row.frames.filter(at => !at.place.level).map(at => [at.place, at.x, at.x + at.width, at])].sort((a, b) => a[1] - b[1]);
    for (const [place, from, to] of stages) {
      const grid = side(place.shape);
      if (run && run.grid === grid) run.to = to;
      else { end(); run = {grid, from, to}; }
    }
    end();
    group.replaceChildren(...parts);
  }
  function drawStrip() {
    const whole = plan.width + 12, isMore = whole > width + 1;
    strip.style.visibility = isMore ? "visible" : "hidden";
    if (!isMore) return;
    const scale = width / whole, parts = [];
    plan.rows.forEach((row, number) => {
      for (const at of [...row.blocks, ...row.frames].filter(each => !each.place.level)) {
        parts.push(s("rect", {x: (6 + (at.left ?? at.x)) * scale, y: 8 * number + 1, width: Math.max((at.slot ?? at.width) * scale - 0.5, 0.5),
          height: 7, class: "map-block", "data-of": at.place.id}));
      }
    });
    parts.push(s("rect", {class: "map-view", y: 0, height: 8 * networks.length + 2, rx: 2}));
    set(strip, {width, viewBox: `0 0 ${width} ${8 * networks.length + 2}`});
    strip.replaceChildren(...parts);
    slideStrip();
  }
  function slideStrip() {
    const scale = width / (plan.width + 12), view = strip.lastElementChild;
    if (view) set(view, {x: offset * scale + 0.5, width: Math.max(width * scale - 1, 4)});
  }
  function slide() {
    world.style.transform = `translate(${-offset}px, 0)`;
    slideStrip();
  }
  /** Colours: the share of the measure, and what is pointed at, chosen or found. */
  function paint() {
    const most = Math.max(...places.filter(place => !place.level).map(place => share(place)), 1e-9);
    const tone = place => `${Math.round(6 + 84 * clamp(share(place) / most, 0, 1))}%`;
    const hits = new Set(found.map(place => { while (place.inside && !open.has(place.inside.id)) place = place.inside; return place; }));
    const now = pointed ?? byId.get(state.at);
    for (const {group, box, place, isFrame} of drawn.values()) {
      if (!isFrame) box.style.setProperty("--part", tone(place));
      group.classList.toggle("map-pointed", place === now);
      group.classList.toggle("map-found", hits.has(place));
      const opens = place.parts.length ? String(isFrame) : null;
      set(group, {tabindex: place.id === state.at ? 0 : -1, "aria-expanded": opens, "aria-selected": String(place.id === state.at),
        "aria-label": `${place.path}, ${place.title}, ${shown(place.shape)}, ${percent(share(place))} of ${networks.length > 1 ? "its network's" : "the"} ${measures[state.measure]}`});
    }
    for (const box of strip.children) {
      if (box.dataset.of) box.style.setProperty("--part", tone(byId.get(box.dataset.of)));
    }
    if (!drawn.size) return;
    if (![...drawn.values()].some(one => one.place.id === state.at)) drawn.values().next().value.group.setAttribute("tabindex", 0);
    writeLegend(percent(most));
    overBlock(now);
  }
  function writeLegend(most) {
    const isTime = state.measure === "time";
    const words = `of ${networks.length > 1 ? "each network's own" : "the"} ${measures[state.measure]}. `
      + "Height: side of the grid, from what comes in on the left to what goes out on the right; thickness: channels; both by their square "
      + "roots. Dashed: the image. ";
    const said = isAsked ? "Measuring on this machine …" : refused || (isTime ? `${where}.` : "");
    if (legend.last === most + words + said) return;
    legend.last = most + words + said;
    legend.replaceChildren(h("span", {}, "0 %"), h("span", {class: "map-ramp"}), h("span", {}, most), h("span", {}, words),
      h("span", {role: "status"}, said), isTime && model.send && !isAsked ? h("button", {type: "button", onclick: ask}, "measure again") : "");
  }
  /** Colour by another measure; the time is measured when it is first asked for. */
  function colour(key) {
    refused = "";
    if (key === "time" && !isTimed()) return ask();
    isAsked = false;
    state.measure = key;
    paint();
    tell();
    remember();
  }
  function ask() {
    isAsked = true;
    model.send({measure: "time"});
    paint();
  }
  function renewed() {
    const given = model.get("data"), times = given.networks.flatMap(network => everyPlace(network.series)).map(place => place.time);
    places.forEach((place, number) => { place.time = times[number]; });
    networks.forEach((network, number) => { network.time = given.networks[number].time; });
    where = given.timed;
    tell.last = null;
    draw();
    if (isAsked) {
      measure.choose("time");
      heard.textContent = `Measured: ${networks.map(network => `${network.name} ${lasting(network.time)}`).join(", ")}. ${where}.`;
      colour("time");
    } else { paint(); tell(); }
  }
  function hear(message) {
    if (!message.refused) return;
    [isAsked, refused] = [false, message.refused];
    measure.choose(state.measure);
    paint();
  }
  function overBlock(place) {
    const one = place && drawn.get(place.id);
    over.textContent = one && one.words !== name(place.path) ? (place.level ? place.title : name(place.path)) : "";
    if (!one || !over.textContent) return;
    const half = textWidth(over.textContent) / 2 + 4;
    over.style.transform = `translate(${clamp(6 + one.at.x + one.at.width / 2, offset + half, offset + width - half)}px, `
      + `${one.at.middle + one.at.y - (place.level || !one.words ? 5 : 18)}px)`;
  }

  // --- what is said of the place that is pointed at
  function point(place) {
    if (pointed === place || surface.classList.contains("map-dragging")) return;
    pointed = place;
    requestAnimationFrame(() => { paint(); tell(); });
  }
  function tell() {
    const place = pointed ?? byId.get(state.at);
    if (tell.last === place && tell.measure === state.measure) return;
    [tell.last, tell.measure] = [place, state.measure];
    const network = networks[place?.number ?? 0];
    if (!place) {
      facts.replaceChildren(h("h3", {}, network.name), h("p", {}, `${shown(network.input)} comes in on the left; `
        + `${places.filter(each => !each.level && each.number === 0).length} stages follow. Point at one.`));
      code.replaceChildren();
      return;
    }
    const bar = part => h("span", {class: "map-bar"}, sized(h("span"), part));
    const count = (key, number) => (key === "time" ? lasting(number) : grouped(number));
    const fact = key => h("tr", {}, h("th", {scope: "row"}, measures[key]), h("td", {}, count(key, place[key])), h("td", {}, percent(share(place, key))),
      h("td", {}, bar(share(place, key))));
    const kind = place.parts.length && !place.title.includes(place.kind) ? `${place.title} (${place.kind})` : place.title;
    facts.replaceChildren(h("h3", {}, place.path), h("p", {}, kind, networks.length > 1 ? `, in ${network.name}` : ""),
      h("table", {class: "map-table"}, h("tbody", {},
        h("tr", {}, h("th", {scope: "row"}, "puts out"), h("td", {colspan: 3, class: "map-words"}, shown(place.shape))),
        h("tr", {}, h("th", {scope: "row"}, "sees, in pixels"), h("td", {colspan: 3, class: "map-words"}, place.field)),
        Object.keys(measures).filter(key => key !== "time" || isTimed()).map(fact))), inParts(place, bar, count) ?? "");
    code.replaceChildren(...written(place));
  }
  const sized = (element, part) => { element.style.setProperty("--share", `${100 * part}%`); return element; };
  /** The measure of its branches, and of what lies beside them in a row. */
  function inParts(place, bar, count) {
    const lotsOf = series => series.flatMap(part => {
      const lanes = part.lanes?.filter(lane => lane.length);
      return !lanes ? [[part]] : lanes.length > 1 ? lanes : lotsOf(lanes[0] ?? []);
    });
    const sum = lot => lot.flatMap(part => (part.lanes ? placesOf([part]) : [part])).reduce((all, each) => all + each[state.measure], 0);
    const lots = lotsOf(place.parts).filter(sum);
    if (lots.length < 2) return null;
    return h("table", {class: "map-table"}, h("caption", {}, `In it, of its ${measures[state.measure]}`), h("tbody", {},
      lots.slice(0, 9).map(lot => h("tr", {}, h("th", {scope: "row"}, labelOf(lot[0]) + (lot.length > 1 ? " …" : "")),
        h("td", {}, count(state.measure, sum(lot))), h("td", {}, percent(sum(lot) / place[state.measure])), h("td", {}, bar(sum(lot) / place[state.measure]))))));
  }
  const labelOf = part => { const place = placesOf([part])[0]; return /^\d+$/.test(name(place.path)) ? place.title : name(place.path); };
  /** The lines that make and call it, marked; and the text of its own class where it opens into parts. */
  function written(place) {
    const said = place.said.filter(([of]) => sources[of]), own = sources[place.own] && !said.some(([of]) => of === place.own);
    if (!said.length && !own) return [networks[place.number].source].filter(of => sources[of]).flatMap(of => whole(of, []));
    if (own) return [...said.flatMap(([of, lines]) => excerpt(of, lines)), ...whole(place.own, [])];
    return said.flatMap(([of, lines], number) => (number ? excerpt(of, lines) : whole(of, lines)));
  }
  const listing = (of, lines, name) => h("pre", {tabindex: 0, role: "group", "aria-label": `source of ${of}`, class: name}, h("code", {}, lines));
  /** Runs of lines: [[4, 6], [9, 9]]. */
  const runsOf = lines => lines.reduce((runs, line) => {
    if (runs.length && line === runs.at(-1)[1] + 1) runs.at(-1)[1] = line;
    else runs.push([line, line]);
    return runs;
  }, []);
  const placed = (of, lines) => {
    const {module, line} = sources[of], runs = runsOf(lines).map(([from, to]) => (to > from ? `${line + from}–${line + to}` : `${line + from}`));
    return h("p", {class: "map-where"}, `${module}, line${runs.length > 1 || /–/.test(runs[0]) ? "s" : ""} ${runs.length ? runs.join(", ") : line}`);
  };
  function whole(of, marked) {
    const lines = sources[of].text.split("\n").map((line, number) => h(marked.includes(number) ? "mark" : "span", {}, `${line}\n`));
    const text = listing(of, lines, "map-whole");
    requestAnimationFrame(() => {
      const first = lines.find(line => line.tagName === "MARK") ?? lines.find(line => line.textContent.startsWith("    def "));
      text.scrollTop = first ? Math.max(first.offsetTop - 24, 0) : 0;
    });
    return [placed(of, marked), text];
  }
  function excerpt(of, marked) {
    const text = sources[of].text.split("\n");
    const lines = runsOf(marked).flatMap(([from, to], number) => [
      ...(number ? [h("span", {}, "⋮\n")] : []),
      ...text.slice(from, to + 1).map(line => h("mark", {}, `${line.slice(text[from].search(/\S|$/))}\n`)),
    ]);
    return [placed(of, marked), listing(of, lines, "map-excerpt")];
  }

  // --- choosing, opening, closing
  function chosen(place) {
    if (state.at === place.id) return;
    state.at = place.id;
    paint();
    tell();
    remember();
  }
  function remember() {
    state.open = [...open];
    keep(model, state);
  }
  function changed(place) {
    surface.classList.add("map-moving");
    clearTimeout(changed.timer);
    changed.timer = setTimeout(() => surface.classList.remove("map-moving"), 320);
    if (fitted) fit();  // the others make room for what is opened
    else draw();
    remember();
    if (place) show(place, true);
  }
  function toggle(place) {
    if (!place.parts.length) return;
    const isOpen = !open.delete(place.id);
    if (isOpen) open.add(place.id);
    state.at = place.id;
    changed(place);
    focus(place);
    heard.textContent = `${place.path} ${isOpen ? `open: ${plural(placesOf(place.parts).length, "part")}` : "closed"}`;
  }
  const visible = place => drawn.get(place.id) ?? drawn.get("frame " + place.id);
  function focus(place) {
    visible(place)?.group.focus({preventScroll: true});
    show(place);
  }
  /** From where to where a place reaches on the whole map; nothing where it is not drawn. */
  function reach(place) {
    const row = plan.rows[place.number];
    const at = row.frames.find(each => each.place === place) ?? row.blocks.find(each => each.place === place);
    return at && {left: at.x + 6, right: at.x + 6 + at.width};
  }
  /** Move the map so that a place is seen, in its middle where asked. */
  function show(place, isMiddle = false) {
    const at = reach(place);
    if (!at) return;
    const {left, right} = at, before = offset;
    if (isMiddle) offset = right - left > width ? left - 10 : (left + right - width) / 2;
    else if (left - 20 < offset) offset = left - 20;
    else if (right + 20 > offset + width) offset = right + 20 - width;
    offset = clamp(offset, 0, Math.max(plan.width + 12 - width, 0));
    if (offset !== before) slide();
    overBlock(pointed ?? byId.get(state.at));
  }

  // --- zoom and drag
  function zoomBy(factor, at = width / 2) {
    const here = offset + at - 6;
    const stage = row => [...row.blocks, ...row.frames].filter(each => !each.place.level);
    const under = plan.rows.flatMap(stage).find(each => here >= (each.left ?? each.x) && here <= (each.left ?? each.x) + (each.slot ?? each.width) + GAP);
    const part = under ? (here - (under.left ?? under.x)) / (under.slot ?? under.width) : here / plan.width;
    zoom = clamp(zoom * factor, Math.min(zoom, LEAST_ZOOM), MOST_ZOOM);
    fitted = "";
    draw();
    const now = under && plan.rows.flatMap(stage).find(each => each.place === under.place);
    offset = (now ? (now.left ?? now.x) + part * (now.slot ?? now.width) : part * plan.width) + 6 - at;
    offset = clamp(offset, 0, Math.max(plan.width + 12 - width, 0));
    slide();
    overBlock(pointed ?? byId.get(state.at));
  }
  const squeezed = (at = zoom) => Math.min(at / LEAST_ZOOM, 1);
  /** The zoom at which all of it fits: "whole", or "legible" where names inside of modules would not fit any more. */
  function fit(how = "legible") {
    fitted = how;
    const widthAt = at => layOut(networks, open, thickAtOne * at, high, squeezed(at)).width;
    let [low, top] = how === "whole" && widthAt(LEAST_ZOOM) + 12 > width ? [0, LEAST_ZOOM] : [LEAST_ZOOM, MOST_ZOOM];
    for (let n = 0; n < 16; n++) {
      const middle = low ? Math.sqrt(low * top) : top / 2;
      if (widthAt(middle) + 12 > width) top = middle;
      else low = middle;
    }
    zoom = low || top;
    offset = 0;
    draw();
  }
  let drag = null, wanted = null;
  const move = () => { offset = clamp(wanted, 0, Math.max(plan.width + 12 - width, 0)); wanted = null; slide(); };
  set(surface, {
    onpointerdown: event => {
      if (event.button || !event.isPrimary) return;
      drag = {x: event.clientX, offset, id: event.pointerId, isMoved: false, on: event.target.closest("[data-id]")};
    },
    onpointermove: event => {
      if (!drag || event.pointerId !== drag.id) return;
      if (!drag.isMoved && Math.abs(event.clientX - drag.x) < 4) return;
      if (!drag.isMoved) {
        drag.isMoved = true;
        surface.setPointerCapture(drag.id);
        surface.classList.add("map-dragging");
      }
      if (wanted === null) requestAnimationFrame(move);
      wanted = drag.offset + drag.x - event.clientX;
    },
    onpointerup: () => {
      const was = drag;
      drag = null;
      surface.classList.remove("map-dragging");
      if (was?.isMoved) return;
      const place = was?.on && byId.get(was.on.dataset.id);
      if (place) { place.parts.length ? toggle(place) : focus(place); }
    },
    onpointercancel: () => { drag = null; surface.classList.remove("map-dragging"); },
    onkeydown: pressed,
  });
  surface.addEventListener("wheel", event => {
    const isSideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
    if (isSideways) {
      offset = clamp(offset + (event.deltaX || event.deltaY), 0, Math.max(plan.width + 12 - width, 0));
      slide();
    } else if (event.ctrlKey || event.metaKey || surface.contains(document.activeElement)) {
      zoomBy(Math.exp(-clamp(event.deltaY, -100, 100) / 250), event.clientX - surface.getBoundingClientRect().left);
    } else return;
    event.preventDefault();
  }, {passive: false});
  const onStrip = event => {
    if (event.type === "pointermove" && !event.buttons) return;
    const at = (event.clientX - strip.getBoundingClientRect().left) / width * (plan.width + 12) - width / 2;
    offset = clamp(at, 0, Math.max(plan.width + 12 - width, 0));
    slide();
  };
  set(strip, {onpointerdown: onStrip, onpointermove: onStrip});

  function pressed(event) {
    const here = byId.get(document.activeElement?.dataset?.id);
    const zoomHere = factor => {  // around the block with the keys' focus, which stays in sight
      const at = here && reach(here);
      zoomBy(factor, at ? clamp((at.left + at.right) / 2 - offset, 0, width) : width / 2);
      if (at) show(here);
    };
    const act = {
      "+": () => zoomHere(1.25), "=": () => zoomHere(1.25), "-": () => zoomHere(0.8), "_": () => zoomHere(0.8), "0": () => fit("whole"),
      Enter: () => here && toggle(here), " ": () => here && toggle(here),
      Escape: () => {
        let place = here;
        while (place && !open.has(place.id)) place = place.inside;
        if (place) toggle(place);
      },
      ArrowRight: () => beside(here, 1), ArrowLeft: () => beside(here, -1),
      ArrowDown: () => across(here, 1), ArrowUp: () => across(here, -1),
      Home: () => focus(ordered()[0]), End: () => focus(ordered().at(-1)),
    }[event.key];
    if (!act || event.altKey || event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    event.stopPropagation();
    pointed = null;  // from here on the keys point, wherever the mouse has been left
    if (event.shiftKey && event.key.startsWith("Arrow")) {
      const by = {ArrowRight: 0.3, ArrowLeft: -0.3}[event.key];
      if (by) { offset = clamp(offset + by * width, 0, Math.max(plan.width + 12 - width, 0)); slide(); }
    } else act();
    paint();
    tell();
  }
  /** The places that are seen, in the order of execution; an open one stands before what is in it. */
  const ordered = () => places.filter(visible);
  function beside(here, step) {
    const all = ordered(), next = here ? all[all.indexOf(here) + step] : all[0];
    if (next) focus(next);
  }
  /** The nearest block above or below: the next branch, or the other network. */
  function across(here, step) {
    const one = here && visible(here);
    if (!one) return beside(null, 1);
    const {left, right, top, bottom} = one.box.getBoundingClientRect();
    const far = each => {
      const box = each.box.getBoundingClientRect();
      const down = (box.top + box.bottom - top - bottom) / 2 * step, aside = Math.abs(box.left + box.right - left - right) / 2;
      return {place: each.place, down, aside, isBeside: box.left >= right || box.right <= left};
    };
    // What stands straight above or below comes before what stands beside it: the next branch before their concatenation.
    const others = [...drawn.values()].filter(each => !each.isFrame && each !== one).map(far).filter(each => each.down > 8)
      .sort((a, b) => a.isBeside - b.isBeside || Math.hypot(a.aside, 2 * a.down) - Math.hypot(b.aside, 2 * b.down));
    if (others.length) focus(others[0].place);
  }

  // --- search
  let hit = -1;
  function look() {
    const words = search.value.trim().toLowerCase().replace(/(?<=\d)[x*](?=\d)/g, "×");  // as it is typed
    found = words ? places.filter(place => `${place.path} ${place.title}`.toLowerCase().includes(words)) : [];
    hit = -1;
    count.textContent = words ? (found.length ? `${found.length} found; Enter shows the next` : "none is called so") : "";
    paint();
  }
  function next(step) {
    if (!found.length) return;
    hit = (hit + step + found.length) % found.length;
    const place = found[hit];
    for (let around = place.inside; around; around = around.inside) open.add(around.id);
    state.at = place.id;
    pointed = null;  // what was found is told, wherever the mouse has been left
    changed(place);
    tell();
    count.textContent = `${hit + 1} of ${found.length}: ${place.path}`;
  }

  // --- the room there is
  function resized() {
    width = Math.max(surface.clientWidth || el.clientWidth || 900, 320);
    const row = network => {
      const all = [...network.series.flatMap(part => placesOf([part]))];
      return {channels: all.reduce((sum, place) => sum + Math.sqrt(place.shape[0]), Math.sqrt(network.input[0])), gaps: (all.length + 2) * GAP};
    };
    thickAtOne = Math.min(...networks.map(row).map(({channels, gaps}) => (width - 14 - gaps) / channels));
    if (fitted) fit(fitted);
    else draw();
  }
  resized();
  tell();
  let known = width;
  const watch = new ResizeObserver(() => {
    if (Math.abs(surface.clientWidth - known) < 2) return;
    known = surface.clientWidth;
    resized();
  });
  watch.observe(surface);
  const unfollow = following(model, () => state, given => {
    state = given;
    open = new Set(state.open.filter(id => byId.has(id)));
    measure.choose(state.measure);
    draw();
    tell();
  });
  model.on("change:data", renewed);
  model.on("msg:custom", hear);
  return () => {
    watch.disconnect();
    unfollow();
    model.off("change:data", renewed);
    model.off("msg:custom", hear);
  };
}

export default { render };
