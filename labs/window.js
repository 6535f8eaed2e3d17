// The window that slides. `labs/window.py` has the numbers; here everything is computed again at every move.

const TITLES = {
  convolution: "k × k", factorised: "1 × k, then k × 1", separable: "depthwise, then pointwise",
  max: "max pool", average: "average pool",
};
const MINUS = "\u2212";

/** A number as it stands in a cell: whole, or with one digit behind the point. */
const written = value => {
  if (!Number.isFinite(value)) return MINUS + "∞";
  return (Number.isInteger(value) ? String(value) : value.toFixed(1)).replace("-", MINUS);
};

const outer = (column, row) => column.map(a => row.map(b => a * b));
const sum = numbers => numbers.reduce((a, b) => a + b, 0);

/** The grids, the passes of a window over them, and the cells that they fill, in order.
 *
 * A pass reads `sources` (numbers of grids) with one window each, and fills the grid `target`. A step is one cell of one pass.
 */
export function compute(data, {mode, kernel, stride, padding}) {
  const grids = [], passes = [], steps = [];
  const add = (name, values, column, tone) => grids.push({name, values, column, tone}) - 1;
  const pass = (what, sources, target, windows, options = {}) => {
    const {strides = [stride, stride], paddings = [padding, padding], pool = null} = options;
    passes.push({what, sources, target, windows, strides, paddings, pool,
      height: windows[0].length, width: windows[0][0].length});
    const one = passes.at(-1), from = grids[sources[0]].values;
    const [rows, columns] = [0, 1].map(side => {
      const cells = side ? from[0].length : from.length, window = side ? one.width : one.height;
      return Math.floor((cells + 2 * paddings[side] - window) / strides[side]) + 1;
    });
    grids[target].values = Array.from({length: rows}, (_, row) => Array.from({length: columns}, (_, column) => {
      steps.push({pass: passes.length - 1, row, column});
      return read(grids, one, row, column).result;
    }));
  };
  if (mode === "separable") {
    const channels = data.photo.map((values, i) => add(data.channels[i], values, 0, data.channels[i]));
    const between = data.depthwise.map((window, i) => {
      const target = add(`${data.channels[i]}, filtered`, null, 1, data.channels[i]);
      pass("depthwise", [channels[i]], target, [window]);
      return target;
    });
    data.pointwise.forEach((weights, i) => pass("pointwise", between, add(`result, channel ${i + 1}`, null, 2),
      weights.map(weight => [[weight]]), {strides: [1, 1], paddings: [0, 0]}));
    return {grids, passes, steps};
  }
  const input = add("input", data.digit, 0);
  const ones = Array.from({length: kernel}, () => Array(kernel).fill(1));
  if (mode === "max" || mode === "average") {
    pass(TITLES[mode], [input], add("result", null, 1), [ones], {pool: mode});
  } else if (mode === "factorised") {
    const [column, row] = data.weights[kernel];
    const between = add("between", null, 1);
    pass(`1×${kernel}`, [input], between, [[row]], {strides: [1, stride], paddings: [0, padding]});
    pass(`${kernel}×1`, [between], add("result", null, 2), [column.map(weight => [weight])],
      {strides: [stride, 1], paddings: [padding, 0]});
  } else {
    pass(`${kernel}×${kernel}`, [input], add("result", null, 1), [outer(...data.weights[kernel])]);
  }
  return {grids, passes, steps};
}

/** What a window reads at one place: a list of terms for each source, and what it makes of them. */
function read(grids, pass, row, column) {
  const outside = pass.pool === "max" ? -Infinity : 0;
  const terms = pass.sources.map((source, number) => pass.windows[number].map((line, down) => line.map((weight, across) => {
    const y = row * pass.strides[0] + down - pass.paddings[0], x = column * pass.strides[1] + across - pass.paddings[1];
    const value = grids[source].values[y]?.[x] ?? outside;
    return {y, x, value, weight, product: value * weight, isPadding: grids[source].values[y]?.[x] === undefined};
  })));
  const all = terms.flat(2);
  if (pass.pool === "max") return {terms, result: Math.max(...all.map(term => term.value))};
  if (pass.pool === "average") return {terms, result: sum(all.map(term => term.value)) / all.length};
  return {terms, result: sum(all.map(term => term.product))};
}

/** What the whole costs, in words. */
function cost({grids, passes}, {mode, kernel}, {words, each}) {
  const counted = macs => `${grouped(macs * each)} ${macs * each === 1 ? words.replace(/s$/, "") : words}`;
  const cells = grid => grid.values.length * grid.values[0].length;
  const size = grid => `${grid.values.length}×${grid.values[0].length}`;
  const last = grids.at(-1), k = kernel;
  const total = sum(passes.map(pass => pass.sources.length * pass.height * pass.width * cells(grids[pass.target])));
  if (mode === "convolution") {
    return `${counted(k * k)} a cell, ${size(last)} cells: ${counted(total)}.`;
  }
  if (mode === "factorised") {
    const square = k * k * cells(last);
    return `${counted(k)} a cell in each pass: ${grouped(total * each)} in all. One ${k}×${k} window takes ${grouped(k * k * each)} a cell, `
      + `${grouped(square * each)} in all. The results are the same, because these ${k}×${k} weights are a column times a row; `
      + `most are not.`;
  }
  if (mode === "separable") {
    const channels = passes.filter(pass => pass.what === "depthwise").length, results = passes.length - channels;
    const one = cells(last);
    return `Depthwise ${grouped(channels * k * k * each)} and pointwise ${counted(results * channels)} a place: ${grouped(total * each)} in all. `
      + `Full ${k}×${k} windows over all channels take ${grouped(results * channels * k * k * each)} a place, `
      + `${grouped(results * channels * k * k * one * each)} in all.`;
  }
  return `A pool has no weights: nothing is learned, and nothing is counted.`;
}

function render({model, el}) {
  const data = model.get("data");
  let state = {...model.get("state")}, now = compute(data, state), picture = null;

  // --- the handles
  const kernels = [...new Set(Object.values(data.modes).flatMap(each => Object.keys(each).map(Number)))].sort((a, b) => a - b);
  const handles = {
    mode: choice("mode", Object.keys(data.modes).map(mode => [mode, TITLES[mode]]), state.mode, mode => change({mode})),
    kernel: choice("k", kernels.map(k => [k, k]), state.kernel, kernel => change({kernel})),
    stride: choice("stride", data.strides.map(n => [n, n]), state.stride, stride => change({stride})),
    padding: choice("padding", data.paddings.map(n => [n, n]), state.padding, padding => change({padding})),
  };
  const play = player(el, {
    begin: () => { if (state.at === now.steps.length - 1) go(0, false); },
    next: () => go(state.at + 1, false), hasNext: () => state.at < now.steps.length - 1,
  });
  const slider = h("input", {type: "range", min: 0, step: 1, "aria-label": "place of the window",
    oninput: () => { play.stop(); go(Number(slider.value)); }});
  const back = h("button", {type: "button", "aria-label": "one cell back", onclick: () => { play.stop(); go(state.at - 1); }}, "◀");
  const forth = h("button", {type: "button", "aria-label": "one cell forward", onclick: () => { play.stop(); go(state.at + 1); }}, "▶");
  const stage = h("div", {class: "window-stage", tabindex: 0, role: "group", onkeydown: pressed,
    "aria-label": "The grids. Arrow keys move the window, Home and End go to its first and last place."});
  const sums = h("div", {class: "window-sum"});
  const words = h("p", {class: "window-words"}), price = h("p", {class: "window-cost"});
  const heard = h("div", {class: "touch-heard", "aria-live": "polite"});
  el.append(ground("window", {},
    h("div", {class: "touch-bar"}, handles.mode), h("div", {class: "touch-bar"}, handles.kernel, handles.stride, handles.padding),
    h("div", {class: "touch-bar window-transport"}, play, back, slider, forth),
    h("div", {class: "window-both"}, stage, sums), words, price,
    h("p", {class: "touch-help"}, "Point at a cell of a result to put the window there, or at one of the input to see who reads it. ",
      "On the grids: ", h("kbd", {}, "← ↑ → ↓"), " move, ", h("kbd", {}, "space"), " plays."), heard));

  function change(part) {
    play.stop();
    const before = state.at / now.steps.length;
    state = {...state, ...part};
    const allowed = data.modes[state.mode];
    if (!(state.kernel in allowed)) state.kernel = 3;
    state.padding = Math.min(state.padding, allowed[state.kernel]);
    now = compute(data, state);
    state.at = clamp(Math.round(before * now.steps.length), 0, now.steps.length - 1);
    draw();
    keep(model, state);
  }
  function go(at, isSaid = true) {
    state.at = clamp(at, 0, now.steps.length - 1);
    show();
    keep(model, state);
    if (isSaid) heard.textContent = `${words.textContent}`;
  }
  function pressed(event) {
    const {pass, row, column} = now.steps[state.at];
    const by = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[event.key];
    const isEnd = event.key === "Home" || event.key === "End";
    if (!by && !isEnd && event.key !== " ") return;
    event.preventDefault();
    if (event.key === " ") return play.toggle();
    play.stop();
    if (isEnd) return go(event.key === "Home" ? 0 : now.steps.length - 1);
    const found = now.steps.findIndex(step => step.pass === pass && step.row === row + by[0] && step.column === column + by[1]);
    if (found >= 0) return go(found);
    const target = state.at + (by[0] + by[1]);  // over the edge: into the next pass or row
    if (by[1] || (by[0] > 0 && row === now.grids[now.passes[pass].target].values.length - 1)) go(target);
  }

  // --- the picture: drawn when the numbers change, moved when the window does
  function draw() {
    const most = data.modes[state.mode];
    handles.kernel.allow(k => k in most);
    handles.padding.allow(n => Number(n) <= most[state.kernel]);
    for (const [name, handle] of Object.entries(handles)) handle.choose(state[name]);
    slider.max = now.steps.length - 1;
    picture = layOut(now, el.clientWidth || 720);
    stage.replaceChildren(picture.svg);
    price.textContent = cost(now, state, data.unit);
    for (const cell of picture.cells) {
      const stepOf = cell.step;
      set(cell.box.parentNode, {onpointerenter: event => {
        if (event.pointerType === "touch") return;
        stepOf === undefined ? readers(cell) : (play.stop(), go(stepOf));
      }, onpointerleave: () => readers(null), onclick: () => { play.stop(); stepOf === undefined ? readers(cell) : go(stepOf); }});
    }
    show();
  }
  function readers(cell) {
    for (const each of picture.cells) each.box.parentNode.classList.remove("window-reader");
    if (!cell) return tell();
    const reading = now.steps.filter(step => now.passes[step.pass].sources.includes(cell.grid)
      && read(now.grids, now.passes[step.pass], step.row, step.column).terms.some((source, number) =>
        now.passes[step.pass].sources[number] === cell.grid && source.flat().some(term => term.y === cell.y && term.x === cell.x)));
    for (const step of reading) {
      picture.cellAt(now.passes[step.pass].target, step.row, step.column).box.parentNode.classList.add("window-reader");
    }
    const what = cell.isPadding ? "cell of the padding" : "cell";
    words.textContent = reading.length ? `This ${what} is read from ${plural(reading.length, "place")}: the framed ones.`
      : `This ${what} is never read.`;
  }
  function tell() {
    const {pass, row, column} = now.steps[state.at], one = now.passes[pass];
    const {terms, result} = read(now.grids, one, row, column), all = terms.flat(2);
    const name = now.grids[one.target].name, padding = all.filter(term => term.isPadding).length;
    const made = one.pool === "max" ? `the greatest of ${all.length} is` : one.pool === "average" ? `${all.length} cells, mean`
      : `${plural(all.length, "product")}, sum`;
    words.textContent = `${one.what}, ${name}, row ${row + 1}, column ${column + 1}: ${made} ${written(result)}`
      + (padding ? `; ${plural(padding, "cell")} of the padding` : "") + ".";
    return {terms, result, one};
  }
  function show() {
    const step = now.steps[state.at];
    picture.move(state.at);
    slider.value = state.at;
    back.disabled = state.at === 0;
    forth.disabled = state.at === now.steps.length - 1;
    const {terms, result, one} = tell();
    slider.setAttribute("aria-valuetext", words.textContent);
    sums.replaceChildren(...taken(terms, result, one, now.grids, step));
  }

  draw();
  let width = 0;
  const watch = new ResizeObserver(([entry]) => {
    if (Math.abs(entry.contentRect.width - width) < 2) return;
    width = entry.contentRect.width;
    draw();
  });
  watch.observe(el);
  const unfollow = following(model, () => state, given => {
    state = given;
    now = compute(data, state);
    draw();
  });
  return () => { play.stop(); watch.disconnect(); unfollow(); };
}

/** The grids side by side as one SVG picture, with `move(at)` that puts the window to a step. */
function layOut({grids, passes, steps}, width) {
  const columns = Math.max(...grids.map(grid => grid.column)) + 1;
  // What lies around a grid is the padding of the pass that reads it.
  const around = grids.map((_, number) => passes.find(pass => pass.sources.includes(number))?.paddings ?? [0, 0]);
  const across = number => grids[number].values[0].length + 2 * around[number][1];
  const down = number => grids[number].values.length + 2 * around[number][0];
  const inColumn = column => grids.flatMap((grid, number) => (grid.column === column ? [number] : []));
  const widest = Array.from({length: columns}, (_, column) => Math.max(...inColumn(column).map(across)));
  const between = columns > 2 ? 46 : 64, head = 22, below = 10;
  const longest = Math.max(...grids.flatMap(grid => grid.values.flat().map(value => written(value).length)));
  const least = longest > 3 ? 28 : longest > 2 ? 25 : 22;  // so that every number has room
  const cell = clamp(Math.floor((width - 16 - between * (columns - 1)) / sum(widest)), least, grids.length > 4 ? least : 30);
  const places = [];
  let left = 4, height = 0;
  widest.forEach((cells, column) => {
    const stack = inColumn(column), tall = sum(stack.map(number => down(number) * cell + head + below)) - below;
    let top = column ? Math.max((height - tall) / 2, 0) : 0;
    for (const number of stack) {
      const [source, ...others] = passes.find(pass => pass.target === number)?.sources ?? [];
      if (source !== undefined && !others.length) {  // its middle at the height of the middle of what it is made of
        top = Math.max(places[source].y + (down(source) - down(number)) * cell / 2 - head, 0);
      }
      places[number] = {x: left, y: top + head};
      top += down(number) * cell + head + below;
    }
    height = Math.max(height, top - below + 4);
    left += cells * cell + between;
  });
  const svg = s("svg", {viewBox: `0 0 ${left - between + 4} ${height}`, width: left - between + 4, height, "aria-hidden": "true"});
  const cells = [], index = new Map();
  const never = grids.map((grid, number) => unread(grids, passes, number));
  grids.forEach((grid, number) => {
    const [top, side] = around[number], {x, y} = places[number];
    const most = Math.max(...grid.values.flat().map(Math.abs), 1), source = passes.some(pass => pass.sources.includes(number));
    svg.append(s("text", {x, y: y - 7, class: "window-title"}, grid.name,
      s("tspan", {class: "window-size"}, `  ${grid.values.length}×${grid.values[0].length}`)));
    for (let row = -top; row < grid.values.length + top; row++) {
      for (let column = -side; column < grid.values[0].length + side; column++) {
        const value = grid.values[row]?.[column], isPadding = value === undefined;
        const at = {x: x + (column + side) * cell, y: y + (row + top) * cell};
        const box = s("rect", {...at, width: cell, height: cell, class: "window-cell"});
        const reader = passes.find(pass => pass.sources.includes(number));
        const shown = isPadding ? (reader?.pool === "max" ? -Infinity : 0) : value;
        const text = s("text", {x: at.x + cell / 2, y: at.y + cell / 2 + 4, "text-anchor": "middle",
          class: written(shown).length > 3 ? "window-small" : null}, written(shown));
        const group = s("g", {class: "window-one"}, box, text);
        if (isPadding) group.classList.add("window-padding");
        if (source && never[number].has(`${row},${column}`)) group.classList.add("window-never");
        if (grid.tone) group.dataset.tone = grid.tone;
        if (!isPadding) {
          group.style.setProperty("--part", `${Math.round(46 * Math.abs(value) / most)}%`);
          if (value < 0) group.classList.add("window-negative");
        }
        svg.append(group);
        const one = {grid: number, x: column, y: row, box, text, isPadding, place: at};
        index.set(`${number},${row},${column}`, one);
        cells.push(one);
      }
    }
  });
  const cellAt = (grid, row, column) => index.get(`${grid},${row},${column}`);
  steps.forEach((step, number) => { cellAt(passes[step.pass].target, step.row, step.column).step = number; });
  const links = s("g", {class: "window-links"}), frames = s("g", {class: "window-frames"});
  const mark = s("rect", {width: cell, height: cell, class: "window-mark"});
  svg.append(links, frames, mark);
  let shownPass = null;

  function move(at) {
    const {pass, row, column} = steps[at], one = passes[pass];
    for (const each of cells) {
      const group = each.box.parentNode;
      group.classList.toggle("window-open", each.step !== undefined && each.step > at);
      group.classList.remove("window-lit");
    }
    const {terms} = read(grids, one, row, column);
    terms.forEach((source, number) => source.flat().forEach(term =>
      cellAt(one.sources[number], term.y, term.x)?.box.parentNode.classList.add("window-lit")));
    if (shownPass !== pass) {
      frames.replaceChildren(...one.sources.map(() => s("rect", {width: one.width * cell, height: one.height * cell})));
      links.replaceChildren(...one.sources.flatMap(() => [s("line"), s("line")]));
    }
    const target = cellAt(one.target, row, column).place;
    one.sources.forEach((source, number) => {
      const corner = {
        x: places[source].x + column * one.strides[1] * cell, y: places[source].y + row * one.strides[0] * cell,
      };
      frames.children[number].style.transform = `translate(${corner.x}px, ${corner.y}px)`;
      const right = corner.x + one.width * cell;
      set(links.children[2 * number], {x1: right, y1: corner.y, x2: target.x, y2: target.y});
      set(links.children[2 * number + 1], {x1: right, y1: corner.y + one.height * cell, x2: target.x, y2: target.y + cell});
    });
    mark.style.transform = `translate(${target.x}px, ${target.y}px)`;
    shownPass = pass;
  }
  return {svg, cells, cellAt, move};
}

/** The cells of a grid and of its padding that no place of a window reads, as "row,column". */
function unread(grids, passes, number) {
  const reading = passes.filter(pass => pass.sources.includes(number)), never = new Set();
  if (!reading.length) return never;
  const [top, side] = reading[0].paddings, values = grids[number].values;
  for (let row = -top; row < values.length + top; row++) {
    for (let column = -side; column < values[0].length + side; column++) never.add(`${row},${column}`);
  }
  for (const pass of reading) {
    grids[pass.target].values.forEach((line, row) => line.forEach((_, column) =>
      read(grids, pass, row, column).terms[pass.sources.indexOf(number)].flat()
        .forEach(term => never.delete(`${term.y},${term.x}`))));
  }
  return never;
}

/** The sum, written out: what is read, times the weights, the products, and what becomes of them. */
function taken(terms, result, pass, grids) {
  const lines = (what, name, look = () => "") => h("table", {class: "window-table"}, h("caption", {}, name),
    h("tbody", {}, terms.flatMap(source => source.map(line => h("tr", {}, line.map(term =>
      h("td", {class: look(term)}, written(what(term)))))))));
  const sign = words => h("span", {class: "window-sign"}, words);
  const padding = term => (term.isPadding ? "window-zero" : "");
  const read = lines(term => term.value, "reads", padding);
  if (pass.pool === "max") {
    const best = lines(term => term.value, "reads", term => (term.value === result ? "window-best" : padding(term)));
    return [best, sign("greatest:"), h("output", {}, written(result))];
  }
  const all = terms.flat(2);
  if (pass.pool === "average") {
    const total = sum(all.map(term => term.value));
    return [read, sign(`sum ${written(total)} / ${all.length} =`), h("output", {}, written(result))];
  }
  const signed = term => (term.product < 0 ? "window-minus" : term.product > 0 ? "window-plus" : "window-zero");
  return [read, sign("×"), lines(term => term.weight, "weights"), sign("="), lines(term => term.product + 0, "products", signed),
    sign("sum"), h("output", {}, written(result))];
}

export default { render };
