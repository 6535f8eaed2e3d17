"""How well words can be read on a page: their contrast against what lies under them, and their size on the screen.

axe-core knows the ground of words in HTML; it passes over words in an SVG picture, and those on a bar of a table.
"""

from axe_playwright_python.sync_playwright import Axe

# The words inside elements that match, as [contrast, pixels, words]. In a picture, what is painted before them and lies
# under their beginning, middle or end is their ground. Colours come as rgb(...) or, mixed, as color(srgb ...); a canvas
# makes bytes of either.
READ = """within => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true}), known = new Map();
  const bytes = color => {
    if (!known.has(color)) {
      canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
      const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
      known.set(color, [red, green, blue, alpha / 255]);
    }
    return known.get(color);
  };
  const over = ([red, green, blue, alpha], ground, share = 1) =>
    [red, green, blue].map((byte, place) => byte * alpha * share + ground[place] * (1 - alpha * share));
  const light = color => color.slice(0, 3).reduce((all, byte, place) => {
    const share = byte / 255;
    return all + [.2126, .7152, .0722][place] * (share <= .04045 ? share / 12.92 : ((share + .055) / 1.055) ** 2.4);
  }, 0);
  const contrast = (one, other) => {
    const pair = [light(one), light(other)];
    return (Math.max(...pair) + .05) / (Math.min(...pair) + .05);
  };
  const opacity = each => {
    let share = 1;
    for (let at = each; at instanceof Element; at = at.parentElement) share *= getComputedStyle(at).opacity;
    return share;
  };
  // The grounds that an HTML element may have under its words: one, or one for each colour of a gradient.
  const grounds = each => {
    if (!each) return [[255, 255, 255]];
    const style = getComputedStyle(each), color = bytes(style.backgroundColor);
    const below = color[3] === 1 ? [color] : grounds(each.parentElement).map(ground => over(color, ground));
    const painted = style.backgroundImage.match(/(?:rgba?|color)\\([^()]*\\)/g) ?? [];
    return [...painted.flatMap(paint => below.map(ground => over(bytes(paint), ground))), ...painted.length ? [] : below];
  };
  const inPicture = (word, svg) => {
    const style = getComputedStyle(word), box = word.getBBox(), matrix = word.getScreenCTM(), drawn = [];
    for (const shape of svg.querySelectorAll('rect, path, circle, ellipse, polygon')) {
      if (word.compareDocumentPosition(shape) & Node.DOCUMENT_POSITION_FOLLOWING) break;
      const look = getComputedStyle(shape);
      if (look.fill !== 'none' && look.visibility === 'visible' && shape.checkVisibility() && !shape.closest('defs, clipPath, mask, pattern'))
        drawn.push([shape, bytes(look.fill.startsWith('url') ? 'transparent' : look.fill), look.fillOpacity * opacity(shape)]);
    }
    const halo = style.paintOrder.startsWith('stroke') && parseFloat(style.strokeWidth) >= 2 && style.stroke !== 'none';
    const worst = [.02, .5, .98].map(part => {
      const at = new DOMPoint(box.x + part * box.width, box.y + box.height / 2).matrixTransform(matrix);
      let ground = grounds(svg)[0];
      for (const [shape, paint, share] of drawn) {
        const frame = shape.getBoundingClientRect();
        if (at.x < frame.left || at.x > frame.right || at.y < frame.top || at.y > frame.bottom) continue;
        if (shape.isPointInFill(at.matrixTransform(shape.getScreenCTM().inverse()))) ground = over(paint, ground, share);
      }
      if (halo) ground = over(bytes(style.stroke), ground);
      return contrast(over(bytes(style.fill), ground, style.fillOpacity * opacity(word)), ground);
    });
    return [Math.min(...worst), parseFloat(style.fontSize) * Math.sqrt(Math.abs(matrix.a * matrix.d - matrix.b * matrix.c))];
  };
  const found = [];
  for (const word of document.querySelectorAll(`:is(${within}) *`)) {
    const box = word.getBoundingClientRect(), style = getComputedStyle(word);
    const own = [...word.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || box.width <= 1 || box.height <= 1 || style.visibility !== 'visible' || !word.checkVisibility()) continue;
    if (word.closest('style, script, title, desc, math annotation, option, .touch-heard, :disabled') || opacity(word) === 0) continue;
    const svg = word instanceof SVGElement && word.ownerSVGElement;
    const read = svg ? inPicture(word, svg) : [
      Math.min(...grounds(word).map(ground => contrast(over(bytes(style.color), ground, opacity(word)), ground))),
      parseFloat(style.fontSize),
    ];
    found.push([...read, word.textContent.trim().slice(0, 40)]);
  }
  return found.sort((a, b) => a[0] - b[0]);
}"""
# Pictures that are images of SVG, such as diagrams, opened in their place and at their size, so that `READ` sees their words.
OPEN = """within => {
  for (const image of document.querySelectorAll(`:is(${within}) img[src^="data:image/svg+xml;base64,"]`)) {
    const bytes = Uint8Array.from(atob(image.src.split(',')[1]), each => each.charCodeAt());
    const svg = new DOMParser().parseFromString(new TextDecoder().decode(bytes), 'image/svg+xml').documentElement;
    const {width, height} = image.getBoundingClientRect();
    if (width <= 1) continue;
    Object.assign(svg.style, {width: `${width}px`, height: `${height}px`, maxWidth: 'none', font: '', display: 'inline-block'});
    image.replaceWith(svg);
  }
}"""


def readings(page, within: str) -> list[tuple[float, float, str]]:
    """Contrast, size in pixels and beginning of all words inside elements that match, the least contrast first."""
    page.evaluate(OPEN, within)
    return [tuple(each) for each in page.evaluate(READ, within)]


def faults(page, within: str = "") -> list[str]:
    """What axe-core finds wrong on a page, or in the part of it that matches: each rule with the elements that break it."""
    options = {
        "resultTypes": ["violations"],
        "preload": False,
    }  # it would ask for style sheets again, which a file: page may not
    found = Axe().run(page, within or None, options).response["violations"]
    return [f"{each['id']}: {each['help']}: {[node['html'][:120] for node in each['nodes'][:3]]}" for each in found]
