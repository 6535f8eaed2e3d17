// Scrubbing through a training. `labs/scrubber.py` has the kept steps; here one slider moves every picture of them.

const THUMB = 16;  // pixels: a slider's thumb stands half of it inside of either end
const POWERS = {"-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹"};

/** A number with three digits that count; what is none is said so. */
const short = value => {
  if (value === null) return "not finite";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 0.001 && size < 10000) return (size >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)))).replace("-", "−");
  const [digits, power] = value.toExponential(1).replace(/^-/, "−").split("e");
  return `${digits}·10${[...String(Number(power))].map(digit => POWERS[digit]).join("")}`;
};
const spread = (run, number) => (run.spread[number] === null ? "undefined" : short(run.spread[number]));
const percent = (share, digits = 1) => (share === null ? "not finite" : `${Number((100 * share).toFixed(digits))} %`);
const remembered = make => { const known = []; return number => (known[number] ??= make(number)); };
const bytesOf = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));

/** A weight from -1 to 1 as red, green and blue: orange below zero, near white at it, purple above. */
const tone = weight => {
  const end = weight < 0 ? [179, 88, 6] : [84, 39, 136], part = Math.abs(weight);
  return [247, 247, 247].map((white, i) => Math.round(white + (end[i] - white) * part));
};

function render({model, el}) {
  const {runs, steps, colors} = structuredClone(model.get("data")), last = steps.length - 1, two = runs.length > 1;
  let state = {...model.get("state")};
  for (const run of runs) {
    run.end = run.steps.length - 1;
    run.swatch = () => (two ? h("span", {class: "scrub-swatch"}) : null);
    run.toned = element => { element.style.setProperty("--tone", run.color); return element; };
    run.named = (...more) => run.toned(h("p", {class: "scrub-run"}, run.swatch(), two ? `${run.name}: ` : "", more));
  }
  const colored = (element, number) => { element.style.setProperty("--tone", colors[number % colors.length]); return element; };
  const at = run => Math.min(state.at, run.end);
  const across = number => `calc(${THUMB / 2}px + (100% - ${THUMB}px) * ${last ? number / last : 0.5})`;
  const moves = [];  // each puts one picture to the step that is chosen

  // --- the curves, with the slider under them: its thumb stands where the line stands
  function curve(name, key, written, most) {
    const up = value => 100 * (1 - value / most);
    const plot = h("div", {class: "scrub-plot"});
    const lines = s("svg", {viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true"});
    const x = number => 100 * (last ? number / last : 0.5);
    for (const run of runs) {
      const path = run[key].map((value, number) => (value === null ? "" : `${run[key][number - 1] == null ? "M" : "L"}${x(number)} ${up(value)}`));
      lines.append(run.toned(s("path", {d: path.join(""), class: "scrub-line"})));
    }
    plot.append(h("span", {class: "scrub-most"}, written(most)), h("span", {class: "scrub-least"}, written(0)),
      h("div", {class: "scrub-lines"}, lines), h("div", {class: "scrub-now"}));
    const values_ = h("span", {class: "scrub-values"});
    for (const run of runs) {
      const dot = run.toned(h("div", {class: "scrub-dot"})), text = run.toned(h("span", {class: "scrub-value"}));
      plot.append(dot);
      values_.append(text);
      moves.push(() => {
        const value = run[key][at(run)];
        dot.hidden = value === null;
        dot.style.left = across(at(run));
        dot.style.top = `${up(value ?? 0)}%`;
        text.replaceChildren(...[run.swatch(), written(value)].filter(Boolean));
      });
    }
    return h("div", {}, h("p", {class: "scrub-name"}, `${name} `, values_), plot);
  }
  const slider = h("input", {type: "range", min: 0, max: last, step: 1, "aria-label": "kept step of the training",
    oninput: () => { play.stop(); go(Number(slider.value)); }});
  const play = player(el, {
    begin: () => { if (state.at === last) go(0, false); },
    next: () => go(state.at + 1, false), hasNext: () => state.at < last,
  });
  const back = h("button", {type: "button", "aria-label": "one kept step back", onclick: () => { play.stop(); go(state.at - 1); }}, "◀");
  const forth = h("button", {type: "button", "aria-label": "one kept step forward", onclick: () => { play.stop(); go(state.at + 1); }}, "▶");
  const step = h("b", {class: "scrub-step"});
  const ticks = h("div", {class: "scrub-ticks", "aria-hidden": "true"});
  steps.forEach((number, place) => {
    const tick = h("span", {}, String(number));
    tick.style.left = across(place);
    ticks.append(tick);
  });
  const curves = h("div", {class: "scrub-curves"},
    curve(`Accuracy on ${runs[0].images} test images`, "accuracy", percent, 1),
    curve("Loss on the same images", "loss", short, 1.04 * Math.max(...runs.flatMap(run => run.loss)) || 1));
  const drag = event => {
    if (event.type === "pointerdown") curves.setPointerCapture(event.pointerId);
    else if (!event.buttons) return;
    const room = curves.querySelector(".scrub-plot").getBoundingClientRect();
    play.stop();
    go(Math.round((event.clientX - room.left - THUMB / 2) / (room.width - THUMB) * last), false);
  };
  set(curves, {onpointerdown: drag, onpointermove: drag});
  const line = h("div", {class: "scrub-slider"}, slider, ticks);

  // --- layer by layer: what it puts out, how large that is, and how large its gradient
  function track(key) {
    const found = runs.flatMap(run => run.layers.flatMap(layer => layer[key])).filter(value => value > 0);
    const low = Math.log(Math.min(...found)), high = Math.log(Math.max(...found));
    return value => (value > 0 && high > low ? 100 * (Math.log(value) - low) / (high - low) : value > 0 ? 50 : 0);
  }
  const tracks = [["size", "size"], ["gradient", "gradient"]].map(([key, name]) => ({key, name, place: track(key)}));
  const hasZeros = runs.some(run => run.layers.some(layer => layer.zeros.some(share => share > 0)));
  const rows = runs[0].layers.map((layer, number) => {
    const bars = s("svg", {viewBox: "0 0 41 100", preserveAspectRatio: "none", "aria-hidden": "true"});
    const ends = [Math.min(...runs.map(run => run.layers[number].low)), Math.max(...runs.map(run => run.layers[number].high))];
    const zero = 41 * (0 - ends[0]) / (ends[1] - ends[0]);
    if (zero >= 0 && zero <= 41) bars.append(s("path", {d: `M${zero} 0V100`, class: "scrub-zero"}));
    const cells = tracks.map(() => ({dots: h("div", {class: "scrub-track"}), words: h("div", {class: "scrub-numbers"})}));
    const zeros = h("td", {class: "scrub-numbers"});
    for (const run of runs) {
      const own = run.layers[number], path = run.toned(s("path", {class: "scrub-bars"})), counts = bytesOf(own.histogram);
      const scale = 41 / (ends[1] - ends[0]), left = (own.low - ends[0]) * scale, wide = (own.high - own.low) * scale / 41;
      bars.append(path);
      const drawn = remembered(number => {
        let d = `M${left} 100`;
        for (let bar = 0; bar < 41; bar++) d += `V${100 - counts[41 * number + bar] / 255 * 96}H${left + (bar + 1) * wide}`;
        return d + "V100Z";
      });
      moves.push(() => set(path, {d: drawn(at(run))}));
      cells.forEach(({dots, words}, which) => {
        const {key, place} = tracks[which], dot = run.toned(h("div", {class: "scrub-dot"})), text = run.toned(h("span", {class: "scrub-value"}));
        dots.append(dot);
        words.append(text);
        moves.push(() => {
          const value = own[key][at(run)];
          dot.hidden = value === null;
          dot.style.left = `calc(5px + (100% - 10px) * ${place(value) / 100})`;
          text.textContent = short(value);
        });
      });
      const text = run.toned(h("span", {class: "scrub-value"}));
      zeros.append(text);
      moves.push(() => {
        const dead = own.dead[at(run)];
        text.textContent = percent(own.zeros[at(run)], 0) + (dead ? `, ${dead} of ${own.channels} dead` : "");
      });
    }
    return h("tr", {}, h("th", {scope: "row"}, layer.name), h("td", {class: "scrub-histogram"}, bars,
      h("div", {class: "scrub-ends", "aria-hidden": "true"}, h("span", {}, short(ends[0])), h("span", {}, short(ends[1])))),
    cells.map(({dots, words}) => h("td", {}, dots, words)), hasZeros ? zeros : null);
  });
  const table = h("table", {class: "scrub-table"}, h("thead", {}, h("tr", {}, h("th", {scope: "col"}, "layer"),
    h("th", {scope: "col"}, "values"), tracks.map(({name}) => h("th", {scope: "col"}, name)), hasZeros ? h("th", {scope: "col"}, "zeros") : null)),
  h("tbody", {}, rows));

  // --- the clouds, and the first filters
  const clouds = runs.map(run => {
    const points = bytesOf(run.cloud.points), labels = bytesOf(run.labels), count = labels.length;
    const svg = s("svg", {viewBox: "-4 -4 263 263", "aria-hidden": "true"}), box = h("div", {class: "scrub-cloud"}, svg);
    const groups = run.classes.map((name, number) => {
      const members = [...labels.keys()].filter(image => labels[image] === number);
      const path = colored(s("path", {class: "scrub-points"}), number), label = h("span", {class: "scrub-class"}, name);
      svg.append(path);
      box.append(label);
      return {path, label, drawn: remembered(step => {
        const places = members.map(image => [0, 1].map(axis => points[2 * (count * step + image) + axis])).map(([x, y]) => [x, 255 - y]);
        const middle = [0, 1].map(axis => places.reduce((sum, place) => sum + place[axis], 0) / places.length);
        return {d: places.map(([x, y]) => `M${x} ${y}h0`).join(""), middle};
      })};
    }).filter(({drawn}) => drawn(0).d);
    const words = h("span", {});
    moves.push(() => {
      const now = groups.map(({drawn}) => drawn(at(run)));
      groups.forEach(({path, label}, number) => {
        const {d, middle} = now[number];
        set(path, {d});
        // Names that would lie on each other are left to the colours.
        label.hidden = now.some((other, place) => place !== number && Math.hypot(other.middle[0] - middle[0], other.middle[1] - middle[1]) < 11);
        label.style.left = `${100 * (middle[0] + 4) / 263}%`;
        label.style.top = `${100 * (middle[1] + 4) / 263}%`;
      });
      words.textContent = `spread ${spread(run, at(run))}`;
    });
    return h("div", {class: "scrub-one"}, run.named(words), box,
      h("p", {class: "scrub-note"}, `${short(run.cloud.side)} wide; ${percent(run.cloud.explained, 0)} of the variance`));
  });
  const filters = runs.filter(run => run.filters).map(run => {
    const {shape: [count, channels, height, width], values, reach} = run.filters, all = bytesOf(values), size = channels * height * width;
    const sheets = Array.from({length: count}, () => {
      const canvas = h("canvas", {width, height});
      return {canvas, context: canvas.getContext("2d"), image: new ImageData(width, height)};
    });
    moves.push(() => sheets.forEach(({context, image}, number) => {
      const from = (at(run) * count + number) * size;
      for (let pixel = 0; pixel < height * width; pixel++) {
        const color = channels === 1 ? tone(clamp((all[from + pixel] - 128) / 127, -1, 1)) : [0, 1, 2].map(channel => all[from + channel * height * width + pixel]);
        image.data.set([...color, 255], 4 * pixel);
      }
      context.putImageData(image, 0, 0);
    }));
    const sheet = h("div", {class: "scrub-filters", role: "img", "aria-label": `${two ? `${run.name}: ` : ""}the first ${count} filters`}, sheets.map(({canvas}) => canvas));
    sheet.style.setProperty("--scrub-filters", count > 8 ? 8 : 4);
    return h("div", {class: "scrub-one"}, run.named(`full colour at ±${short(reach)}`), sheet);
  });
  const words = h("p", {class: "scrub-words"}), heard = h("div", {class: "touch-heard", "aria-live": "polite"});
  const legend = two ? h("span", {class: "scrub-legend"}, runs.map(run => run.toned(h("span", {}, run.swatch(), run.name)))) : null;
  const name = text => h("p", {class: "scrub-name"}, text);
  el.append(ground("scrub", {"data-runs": runs.length},
    h("div", {class: "touch-bar"}, play, back, forth, step, legend),
    h("div", {class: "scrub-all"},
      h("div", {class: "scrub-left"}, curves, line, name("Layer by layer"), table),
      h("div", {class: "scrub-right"}, h("div", {}, name("The images as the classifier gets them"), h("div", {class: "scrub-pair"}, clouds),
        h("p", {class: "scrub-classes"}, runs[0].classes.map((name, number) => colored(h("span", {}, h("span", {class: "scrub-swatch"}), name), number)))),
        filters.length ? h("div", {}, name("First filters"), h("div", {class: "scrub-pair"}, filters)) : null)),
    words,
    h("p", {class: "touch-help"}, "Drag the slider or a curve; the kept steps stand at equal distances. Each histogram is as high as its highest bar, zeros left out, "
      + "and its last bars hold what lies beyond. Size: the root of the mean square, on a logarithmic scale; gradient: the same of the gradient of the images' summed loss there. "
      + "The plane of the images is the one in which they vary most at the last step that tells them apart; spread: mean squared distance to the middle of the class, over that between two classes. ",
    h("kbd", {}, "← →"), " on the slider move, ", h("kbd", {}, "Home"), " and ", h("kbd", {}, "End"), " go to the ends."), heard));

  function go(place, isSaid = true) {
    place = clamp(place, 0, last);
    if (place === state.at) return;
    state.at = place;
    show();
    if (isSaid) heard.textContent = words.textContent;
    keep(model, state);
  }
  function show() {
    for (const move of moves) move();
    for (const each of curves.querySelectorAll(".scrub-now")) each.style.left = across(state.at);
    slider.value = state.at;
    back.disabled = state.at === 0;
    forth.disabled = state.at === last;
    const epoch = runs[0].epoch, now = steps[state.at];
    step.textContent = `Step ${grouped(now)} of ${grouped(runs[0].total)}` + (epoch ? `, epoch ${Number((now / epoch).toFixed(2))}` : "");
    words.textContent = `${step.textContent}. ` + runs.map(run => {
      const number = at(run), ended = run.steps[number] < now ? ` (kept up to step ${run.steps[number]})` : "";
      const [from, to] = [run.layers[0], run.layers.at(-1)].map(layer => `${short(layer.size[number])} (${layer.name})`);
      return `${two ? `${run.name}${ended}: a` : "A"}ccuracy ${percent(run.accuracy[number])}, loss ${short(run.loss[number])}, spread ${spread(run, number)}; `
        + `size ${from} to ${to}.`;
    }).join(" ");
    slider.setAttribute("aria-valuetext", words.textContent);
  }
  show();
  const thin = () => {  // as many of the ticks as have room
    let free = -Infinity;
    const spans = [...ticks.children], boxes = spans.map(tick => tick.getBoundingClientRect());
    const end = boxes.at(-1).left;
    boxes.forEach((box, number) => {
      const fits = number === last || (box.left > free + 6 && box.right < end - 6);
      spans[number].style.visibility = fits ? "visible" : "hidden";
      if (fits) free = box.right;
    });
  };
  const watch = new ResizeObserver(thin);
  watch.observe(ticks);
  const unfollow = following(model, () => state, given => {
    state = given;
    show();
  });
  return () => { play.stop(); watch.disconnect(); unfollow(); };
}

export default { render };
