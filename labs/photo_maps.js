// A photograph through a network. `labs/photo_maps.py` has the maps; here one points at their cells.

const MAP = 56, LARGE = 168, MARGIN = 32, STACK = 480, SEEN = 224;  // pixels
const END = "classes";
const MINUS = "\u2212";

const signed = value => (value < 0 ? MINUS : "+") + Math.abs(value).toPrecision(3);
const number = value => (value < 0 ? MINUS : "") + Math.abs(value).toPrecision(3);
const mean = rows => rows.flat().reduce((all, value) => all + value, 0) / rows.flat().length;
const perCent = share => `${Number((100 * share).toPrecision(3))} %`;

function render({model, el}) {
  let show = () => {}, state = {...model.get("state")};
  const root = ground("photo", {});
  const inside = h("div"), heard = h("div", {class: "touch-heard", "aria-live": "polite"});
  const chooser = model.send ? ownPhotograph(model) : null;
  root.append(...[chooser?.box, inside, heard].filter(Boolean));
  el.append(root);

  /** Everything that depends on the photograph. */
  function build() {
    const data = model.get("data");
    const stages = [...data.stages.map(stage => [stage.name, stage.title]), ...(data.end ? [[END, "→ classes"]] : [])];
    if (!stages.some(([name]) => name === state.stage)) state.stage = stages[0][0];
    const place = h("div"), words = h("p", {class: "photo-words"});
    const bar = stages.length > 1 ? choice("stage", stages, state.stage, stage => to({stage}, true)) : null;
    bar?.classList.add("photo-stages");
    inside.replaceChildren(...[bar, place, words, h("p", {class: "touch-help"},
      h("b", {}, data.network), `, ${data.weights}. `,
      data.trained ? null : h("b", {class: "photo-nothing"}, "Nobody has trained it: its maps mean nothing yet. "),
      "Point at a cell. On the maps: ", h("kbd", {}, "← ↑ → ↓"), " move the cell, ", h("kbd", {}, "page up / down"), " change the map. ",
      "Each grey map goes from its own least value, black, to its own greatest, white. ",
      model.send ? "A photograph of your own stays on this machine." : "In the notebook you can take a photograph of your own.")].filter(Boolean));
    let shown = null, view = null;
    show = () => {
      if (shown !== state.stage) {
        shown = state.stage;
        view = shown === END ? theEnd(data, place, to) : aStage(data, data.stages.find(stage => stage.name === shown), place, to);
      }
      bar?.choose(state.stage);
      state = {...state, ...view.fit(state)};
      words.textContent = view.show(state);
    };
    show();
    build.words = () => words.textContent;
  }
  function to(part, isSaid = false) {
    if (Object.entries(part).every(([key, value]) => state[key] === value)) return;
    if ("stage" in part) part = {map: 0, ...part, ...moved(part.stage)};
    state = {...state, ...part};
    show();
    if (isSaid) heard.textContent = build.words();
    keep(model, state);
  }
  /** The cell of another stage that lies over the same place of the photograph. */
  function moved(stage) {
    const data = model.get("data"), gridOf = name => name === END ? data.end.grid ?? [1, 1] : data.stages.find(each => each.name === name).grid;
    const [from, into] = [gridOf(state.stage), gridOf(stage)];
    const [row, column] = [state.row, state.column].map((at, axis) => clamp(Math.floor((at + 0.5) / from[axis] * into[axis]), 0, into[axis] - 1));
    return {row, column};
  }

  build();
  const unfollow = following(model, () => state, given => {
    state = {...state, ...given};
    show();
  });
  const renewed = () => {
    build();
    chooser?.done();
  };
  model.on("change:data", renewed);
  return () => {
    unfollow();
    model.off("change:data", renewed);
    chooser?.stop();
  };
}

/** A button for a photograph of one's own. The browser opens it and makes it small; only this machine's kernel gets it. */
function ownPhotograph(model) {
  const said = h("span", {class: "photo-said", role: "status"});
  const input = h("input", {type: "file", accept: "image/*", class: "photo-file", onchange: async () => {
    const file = input.files[0];
    input.value = "";
    if (!file) return;
    say(`${file.name} goes through the network …`);
    try {
      model.send({photo: await small(file)});
    } catch {
      say(`${file.name} cannot be read as an image. Take a photograph as JPEG, PNG or WebP.`, true);
    }
  }});
  const say = (text, isRefused = false) => {
    said.textContent = text;
    said.classList.toggle("photo-refused", isRefused);
  };
  const hear = message => { if (message?.refused) say(message.refused, true); };
  model.on("msg:custom", hear);
  return {
    box: h("div", {class: "touch-bar"}, h("label", {class: "photo-own"}, input, "Take a photograph of your own"), said),
    done: () => say(""),
    stop: () => model.off("msg:custom", hear),
  };
}

/** The largest square in the middle of a picture, at most 640 pixels wide, as an address. */
async function small(file) {
  const picture = await createImageBitmap(file), side = Math.min(picture.width, picture.height), size = Math.min(side, 640);
  const canvas = set(document.createElement("canvas"), {width: size, height: size}), pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, size, size);
  pen.drawImage(picture, (picture.width - side) / 2, (picture.height - side) / 2, side, side, 0, 0, size, size);
  return canvas.toDataURL("image/png");
}

/** A window on a row of maps in one image, with a mark on the cell. */
function mapOf(sprite, count, at, grid, side, point) {
  const mark = h("span", {class: "photo-mark"}), box = h("div", {class: "photo-map"}, mark);
  box.style.cssText = `width:${side}px;height:${side}px;background-image:url(${sprite});`
    + `background-size:${side * count}px ${side}px;background-position:${-side * at}px 0`;
  const pointed = event => {
    const room = box.getBoundingClientRect();
    const [column, row] = [(event.clientX - room.left) / room.width * grid[1], (event.clientY - room.top) / room.height * grid[0]].map(Math.floor);
    point(clamp(row, 0, grid[0] - 1), clamp(column, 0, grid[1] - 1));
  };
  set(box, {onpointermove: pointed, onpointerdown: pointed});
  const put = (row, column) => {
    const cell = [side / grid[1], side / grid[0]], least = cell.map(length => Math.max(length, 6));
    mark.style.transform = `translate(${(column + 0.5) * cell[0] - least[0] / 2}px, ${(row + 0.5) * cell[1] - least[1] / 2}px)`;
    [mark.style.width, mark.style.height] = least.map(length => `${length}px`);
  };
  return {box, put};
}

/** The photograph, with room around it for what lies outside. */
function photograph(data, inside, label) {
  const all = SEEN + 2 * MARGIN;
  return s("svg", {class: "photo-photo", viewBox: `${-MARGIN} ${-MARGIN} ${all} ${all}`, width: all, height: all, role: "img", "aria-label": label},
    s("rect", {class: "photo-outside", x: -MARGIN, y: -MARGIN, width: all, height: all}),
    s("image", {href: data.photo, width: SEEN, height: SEEN, class: data.size < 112 ? "photo-pixels" : null}), inside);
}

const keys = (fit, to) => event => {
  const by = {ArrowLeft: [0, -1, 0], ArrowRight: [0, 1, 0], ArrowUp: [-1, 0, 0], ArrowDown: [1, 0, 0], PageDown: [0, 0, 1], PageUp: [0, 0, -1]}[event.key];
  if (!by || event.target !== event.currentTarget) return;
  event.preventDefault();
  to(fit(by), true);
};

/** A frame for what a cell sees: nothing where that is the whole image, whose edge it then is. */
function framed(data, strip, row, column) {
  const scale = SEEN / data.size;
  if (!strip.field) return {x: 0, y: 0, width: SEEN, height: SEEN};
  const [y, x] = [row, column].map((at, axis) => scale * (strip.start[axis] + at * strip.step[axis]));
  return {x, y, width: scale * strip.field[1], height: scale * strip.field[0]};
}

/** How much of what a cell sees lies outside of the photograph, and how large it is, in words. */
function sees(data, strip, row, column) {
  if (!strip.field) return "sees the whole photograph";
  const outside = 1 - [row, column].reduce((part, at, axis) => {
    const from = strip.start[axis] + at * strip.step[axis], length = strip.field[axis];
    return part * Math.max(Math.min(from + length, data.size) - Math.max(from, 0), 0) / length;
  }, 1);
  return `sees ${strip.field.join("×")} pixels${outside > 0.004 ? `, ${Math.round(100 * outside)} % of them padding` : ""}`;
}

/** One stage: its strips, and how they are joined. */
function aStage(data, stage, place, to) {
  const {strips} = stage, all = strips.flatMap((strip, of) => strip.shown.map((channel, at) => ({strip, of, channel, at})));
  const isStack = stage.join === "stack", channels = strips.at(-1).first + strips.at(-1).channels;
  const now = {row: 0, column: 0, map: 0};
  // Two of one size lie on each other, so the later one has gaps.
  const isTwin = at => strips.slice(0, at).some(other => String(other.field) === String(strips[at].field));
  const frames = strips.map((strip, at) => s("rect", {stroke: strip.color, "stroke-dasharray": isTwin(at) ? "5 5" : null}));
  const maps = [];
  const mapFor = (map, side) => {
    const {strip, at} = all[map];
    return {map, side, ...mapOf(strip.sprite, strip.shown.length, at, strip.grid, side, (row, column) => {
      // A part whose grid is another one (before a pool) is pointed at in its own cells.
      const [down, across] = [row, column].map((cell, axis) => Math.floor((cell + 0.5) / strip.grid[axis] * stage.grid[axis]));
      to({map, row: down, column: across});
    })};
  };
  let next = 0;
  const rows = strips.map(strip => {
    const swatch = h("span", {class: "photo-swatch"});
    swatch.style.background = strip.color;
    const own = strip.shown.map(() => mapFor(next++, MAP));
    maps.push(...own);
    return h("div", {class: "photo-branch"}, h("p", {}, swatch, h("b", {}, strip.name), ` ${strip.layers}; `,
      strip.every > 1 ? `each pixel the mean of ${strip.every}×${strip.every} cells; ` : null,
      strip.shown.length < strip.channels ? `the ${strip.shown.length} of ${grouped(strip.channels)} channels that vary most` : plural(strip.channels, "channel"),
      ", a cell ", strip.field ? h("span", {}, "sees ", h("b", {}, strip.field.join("×"))) : "sees the whole photograph"),
    h("div", {class: "photo-strip"}, own.map(each => each.box)));
  });

  const slider = h("input", {type: "range", min: 0, max: all.length - 1, step: 1, "aria-label": "map", oninput: () => to({map: Number(slider.value)}, true)});
  const across = count => count / channels * STACK;
  const pointer = s("path", {class: "photo-pointer"});
  let below = [];
  if (isStack) {
    const stack = s("svg", {class: "photo-stack", width: STACK, height: 40, viewBox: `0 0 ${STACK} 40`, "aria-hidden": "true"},
      strips.map(strip => s("g", {},
        s("rect", {x: across(strip.first), y: 0, width: across(strip.channels), height: 26, fill: strip.color}),
        across(strip.channels) > 24 ? s("text", {x: across(strip.first + strip.channels / 2), y: 17, "text-anchor": "middle"}, strip.channels) : null)),
      all.map(({strip, channel}) => s("path", {class: "photo-tick", d: `M${across(strip.first + channel + 0.5)} 20V26`})), pointer);
    const onStack = event => {
      if (event.type === "pointermove" && event.pointerType === "touch" && !event.buttons) return;
      const room = stack.getBoundingClientRect(), at = (event.clientX - room.left) / room.width * channels;
      const far = ({strip, channel}) => Math.abs(strip.first + channel + 0.5 - at) + (at >= strip.first && at < strip.first + strip.channels ? 0 : channels);
      to({map: all.reduce((best, each, map) => far(each) < far(all[best]) ? map : best, 0)});
    };
    set(stack, {onpointermove: onStack, onpointerdown: onStack});
    below = [h("p", {class: "photo-name"}, `The stack: ${grouped(channels)} channels, one beside the other; ${all.length} of them are shown`), stack];
  } else if (stage.join === "sum") {
    below = [h("p", {class: "photo-name"}, "Added place by place, the same channels of the parts are that of the sum.")];
  } else if (stage.join === "steps") {
    below = [h("p", {class: "photo-name"}, "One step after the other: each reads what the one above puts out.")];
  }
  const large = h("div"), title = h("p", {class: "photo-name"});
  const fit = ([down, right, on]) => ({row: clamp(now.row + down, 0, stage.grid[0] - 1), column: clamp(now.column + right, 0, stage.grid[1] - 1),
    map: clamp(now.map + on, 0, all.length - 1)});
  place.replaceChildren(h("div", {class: "photo-all"},
    h("div", {class: "photo-first"}, h("div", {}, h("p", {class: "photo-name"}, "What the cell sees"),
      photograph(data, frames, "The photograph, with what the cell sees in each part")), h("div", {}, title, large)),
    h("div", {}, h("div", {class: "photo-maps", tabindex: 0, role: "group", onkeydown: keys(fit, to),
      "aria-label": `The maps of ${stage.name}. Arrow keys move the cell, page up and page down change the map.`}, rows), ...below,
    all.length > 1 ? slider : null)));
  let enlarged = null;
  return {
    fit: state => ({row: clamp(state.row, 0, stage.grid[0] - 1), column: clamp(state.column, 0, stage.grid[1] - 1), map: clamp(state.map, 0, all.length - 1)}),
    show: state => {
      Object.assign(now, state);
      const chosen = all[now.map], {strip} = chosen;
      const cellOf = ({grid}) => [now.row, now.column].map((at, axis) => clamp(Math.floor((at + 0.5) / stage.grid[axis] * grid[axis]), 0, grid[axis] - 1));
      strips.forEach((each, at) => {
        const frame = framed(data, each, ...cellOf(each)), isNow = each === strip;
        set(frames[at], {...frame, class: isNow ? "photo-frame photo-now" : "photo-frame", "stroke-width": Math.min(isNow ? 4.5 : 2, Math.max(frame.width / 4, 1))});
      });
      if (enlarged?.map !== now.map) {
        enlarged = mapFor(now.map, LARGE);
        large.replaceChildren(enlarged.box);
      }
      for (const {map, box, put} of [...maps, enlarged]) {
        put(...cellOf(all[map].strip));
        box.classList.toggle("photo-chosen", map === now.map);
        box.style.setProperty("--tone", all[map].strip.color);
      }
      const x = across(strip.first + chosen.channel + 0.5), [row, column] = cellOf(strip);
      pointer.setAttribute("d", `M${x} 27L${x - 6} 38H${x + 6}Z`);
      title.textContent = `${strip.name}, channel ${chosen.channel + 1}`;
      slider.value = now.map;
      const told = (isStack ? `Channel ${strip.first + chosen.channel + 1} of the stack is channel ${chosen.channel + 1} of ${strip.channels} of the branch ${strip.name}. `
        : `${strip.name}, channel ${chosen.channel + 1} of ${strip.channels}. `)
        + `Its cell in row ${row + 1}, column ${column + 1} of ${strip.grid.join("×")} ${sees(data, strip, row, column)}.`;
      slider.setAttribute("aria-valuetext", told);
      return told;
    },
  };
}

/** The end: what speaks for each of the likeliest classes, cell by cell and channel by channel. */
function theEnd(data, place, to) {
  const {end} = data;
  if (end.none) {
    place.replaceChildren(h("p", {class: "photo-none"}, end.none));
    return {fit: () => ({}), show: () => ""};
  }
  const {grid, classes} = end, now = {row: 0, column: 0, class: 0}, cell = [SEEN / grid[1], SEEN / grid[0]];
  const seen = data.stages.find(stage => stage.name === end.stage)?.strips ?? [];
  const widest = seen.reduce((best, strip) => !best || !strip.field || (best.field && strip.field[0] > best.field[0]) ? strip : best, null);
  const cells = classes[0].map.map((line, row) => line.map((_, column) => s("rect", {x: column * cell[0], y: row * cell[1], width: cell[0], height: cell[1]})));
  const frame = s("rect", {class: "photo-frame photo-sees"}), mark = s("rect", {class: "photo-cell", width: cell[0], height: cell[1]});
  const photo = photograph(data, [s("g", {class: "photo-cam"}, cells.flat()), frame, mark], "The photograph, with what speaks for the class in orange and against it in blue");
  photo.classList.add("photo-grey");
  const pointed = event => {
    const room = photo.getBoundingClientRect(), all = SEEN + 2 * MARGIN;
    const [x, y] = [event.clientX - room.left, event.clientY - room.top].map(at => at / room.width * all - MARGIN);
    to({row: clamp(Math.floor(y / cell[1]), 0, grid[0] - 1), column: clamp(Math.floor(x / cell[0]), 0, grid[1] - 1)});
  };
  set(photo, {onpointermove: pointed, onpointerdown: pointed});
  const most = Math.max(...classes.flatMap(each => each.map.flat().map(Math.abs))) || 1;
  const names = choice("class", classes.map((each, at) => [at, `${each.name} ${perCent(each.probability)}`]), 0, at => to({class: at}, true));
  names.classList.add("photo-classes");
  const sum = h("p", {class: "photo-sum"}), strip = h("div", {class: "photo-strip"}), lead = h("p");
  const scale = h("div", {class: "photo-scale", "aria-hidden": "true"}, h("span", {}, number(-most)), h("i"), h("span", {}, number(most)));
  const fit = ([down, right, on]) => ({row: clamp(now.row + down, 0, grid[0] - 1), column: clamp(now.column + right, 0, grid[1] - 1),
    class: clamp(now.class + on, 0, classes.length - 1)});
  place.replaceChildren(h("div", {class: "photo-all"},
    h("div", {class: "photo-first"}, h("div", {tabindex: 0, role: "group", class: "photo-maps", onkeydown: keys(fit, to),
      "aria-label": "The class activation map. Arrow keys move the cell, page up and page down change the class."},
      h("p", {class: "photo-name"}, "Where the logit comes from"), photo, scale),
    h("div", {}, h("p", {class: "photo-name"}, "The photograph"), s("svg", {width: LARGE, height: LARGE, viewBox: `0 0 ${SEEN} ${SEEN}`, class: "photo-plain",
      role: "img", "aria-label": "The photograph as it is"}, s("image", {href: data.photo, width: SEEN, height: SEEN, class: data.size < 112 ? "photo-pixels" : null})))),
    h("div", {}, h("p", {class: "photo-name"}, `The ${classes.length} likeliest of ${grouped(end.count)} classes`), names,
      sum, h("div", {class: "photo-branch"}, lead, strip))));
  let drawn = null, maps = [];
  return {
    fit: state => ({row: clamp(state.row, 0, grid[0] - 1), column: clamp(state.column, 0, grid[1] - 1), class: clamp(state.class, 0, classes.length - 1)}),
    show: state => {
      Object.assign(now, state);
      const chosen = classes[now.class];
      names.choose(now.class);
      if (drawn !== chosen) {
        drawn = chosen;
        cells.forEach((line, row) => line.forEach((rect, column) => {
          const value = chosen.map[row][column];
          set(rect, {class: value > 0 ? "photo-for" : "photo-against", "fill-opacity": (0.85 * Math.abs(value) / most).toFixed(3)});
        }));
        const from = mean(chosen.map);
        sum.replaceChildren("mean of the map ", h("b", {}, number(from)), chosen.bias < 0 ? ` ${MINUS} bias ` : " + bias ",
          h("b", {}, number(Math.abs(chosen.bias))), " = logit ", h("b", {}, number(from + chosen.bias)), ` of ${chosen.name}`);
        lead.replaceChildren(`The ${chosen.shown.length} of ${grouped(end.channels)} channels that add most to the logit, and how much:`);
        maps = chosen.shown.map((channel, at) => mapOf(chosen.sprite, chosen.shown.length, at, grid, MAP, (row, column) => to({row, column})));
        strip.replaceChildren(...maps.map(({box}, at) => h("figure", {class: "photo-share"}, box,
          h("figcaption", {}, h("b", {}, signed(chosen.adds[at])), h("br"), chosen.from[at] || `no. ${chosen.shown[at] + 1}`))));
      }
      maps.forEach(({put}) => put(now.row, now.column));
      set(mark, {x: now.column * cell[0], y: now.row * cell[1]});
      if (widest) set(frame, framed(data, widest, now.row, now.column));
      const value = chosen.map[now.row][now.column];
      return `The cell in row ${now.row + 1}, column ${now.column + 1} of ${grid.join("×")} holds ${signed(value)} ${value < 0 ? "against" : "for"} ${chosen.name}`
        + (widest ? ` and ${sees(data, widest, now.row, now.column)}` : "") + ". The logit is the mean over all cells, plus the bias.";
    },
  };
}

export default { render };
