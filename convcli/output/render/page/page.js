"use strict";
// Walks through a model. `data` holds every value and how each part of a layer makes its own; the values shown are
// those, and the working is done here, from the same numbers, for the one cell that is picked.

const data = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);
const state = { part: 0, sample: data.start.sample, map: data.start.map, cell: 0 };

const MOST_GRIDS = 8; // channels whose products are shown
const MOST_TERMS = 30; // of a sum that is written out
const MOST_CELLS = 12; // along an axis of a grid of numbers
const MOST_MAPS = 512;

// ---- values ----

/** What a function makes of an object, worked out once. */
function once(make) {
  const made = new WeakMap();
  return (key) => {
    if (!made.has(key)) made.set(key, make(key));
    return made.get(key);
  };
}

const numbersOf = once((texts) => texts.map(Number)); // "NaN", "Infinity" and "-Infinity" are texts in JSON

/** A value with its space as [depth, height, width]. One without axes in space is a row of its numbers. */
function valueOf(name) {
  const value = data.values[name];
  const vector = value.shape.length === 1;
  const own = vector ? [value.shape[0]] : value.shape.slice(0, -1);
  const space = [1, 1, 1, ...own].slice(-3);
  return {
    name, vector, own, space, names: vector ? ["values"] : value.maps,
    channels: vector ? 1 : value.shape[value.shape.length - 1],
    cells: space[0] * space[1] * space[2],
    numbers: numbersOf(value.samples[state.sample]),
  };
}

const read = (value, cell, map) => value.numbers[cell * value.channels + map];
const placeOf = (value, cell) => {
  const [, height, width] = value.space;
  return [Math.floor(cell / (height * width)), Math.floor(cell / width) % height, cell % width].slice(3 - value.own.length);
};
const cellOf = (value, place) => place.reduce((cell, each, axis) => cell * value.own[axis] + each, 0);

/** Whole numbers in full, others to six significant digits, written as the tables in a terminal write them. */
function text(number) {
  if (!Number.isFinite(number)) return String(number);
  if (Number.isInteger(number) && Math.abs(number) < 1e15) return String(number === 0 ? 0 : number);
  const whole = Math.abs(number) < 1e15 ? String(Math.trunc(Math.abs(number))).length : 0;
  const digits = Math.max(6, whole + 1);
  const [figures, power] = number.toExponential(digits - 1).split("e");
  const trimmed = (given) => (given.includes(".") ? given.replace(/\.?0+$/, "") : given);
  if (power >= -4 && power < digits) return trimmed(number.toFixed(digits - 1 - power));
  return `${trimmed(figures)}e${power[0]}${power.slice(1).padStart(2, "0")}`;
}
/** The same with so many significant digits at most. */
const brief = (number, digits) => (Number.isFinite(number) ? text(Number(number.toPrecision(digits))) : text(number));
const factor = (number) => (text(number).startsWith("-") ? `(${text(number)})` : text(number));
const cut = (parts) => (parts.length <= MOST_TERMS ? parts : [...parts.slice(0, 4), "…", ...parts.slice(-4)]);
const plus = (numbers) => cut(numbers.map(factor)).join(" + ");
const add = (numbers) => numbers.reduce((total, each) => total + each, 0);

// ---- windows ----

/** The cell of an axis that a place beyond its ends stands for; null where it is an empty one. */
function wrapped(place, width, mode) {
  if (place >= 0 && place < width) return place;
  if (mode === "replicate") return Math.min(Math.max(place, 0), width - 1);
  if (mode === "circular") return ((place % width) + width) % width;
  if (mode === "reflect") return place < 0 ? -place : 2 * (width - 1) - place;
  return null;
}

/**
 * The input as the windows meet it: stretched, then padded. A value of its own, in which `source` is for each cell that of
 * the input which it holds, null where it is empty, and `inside` whether it is one of the input's own.
 */
function laidOut(part, input, output) {
  const axes = part.windows.map((window, axis) => {
    const width = input.own[axis];
    const positions = output.vector ? 1 : output.own[axis];
    const padded = (width - 1) * window.upsample + 1 + window.before + window.after;
    const reached = (positions - 1) * window.stride + (window.size - 1) * window.dilation + 1;
    return Array.from({ length: Math.max(padded, reached) }, (_, place) => {
      const at = place - window.before;
      const empty = at % window.upsample !== 0 || place >= padded;
      const cell = empty ? null : wrapped(at / window.upsample, width, part.mode);
      return { cell, inside: !empty && at >= 0 && at / window.upsample < width, padded: place < padded };
    });
  });
  const cells = across(axes.map((axis) => [...axis.keys()])).map((place) => {
    const parts = place.map((each, axis) => axes[axis][each]);
    const source = parts.some((each) => each.cell === null) ? null : cellOf(input, parts.map((each) => each.cell));
    return { source, inside: parts.every((each) => each.inside), padded: parts.every((each) => each.padded) };
  });
  const own = axes.map((axis) => axis.length);
  const numbers = cells.flatMap(({ source }) => Array.from({ length: input.channels }, (_, map) =>
    (source === null ? 0 : read(input, source, map))));
  return { ...input, own, space: [1, 1, 1, ...own].slice(-3), cells: cells.length, numbers, laid: cells };
}

/** All places whose first coordinate is one of the first list, and so on, the last running fastest. */
const across = (lists) => lists.reduce((places, list) => places.flatMap((place) => list.map((each) => [...place, each])), [[]]);

/** The cells of the input as it is laid out that are under the windows at a place. */
function windowAt(part, laid, place) {
  const taps = part.windows.map((window, axis) =>
    Array.from({ length: window.size }, (_, tap) => place[axis] * window.stride + tap * window.dilation));
  return across(taps).map((each) => ({ cell: cellOf(laid, each), ...laid.laid[cellOf(laid, each)] }));
}

// ---- the working of each kind of part: what it meets, and the lines that say how the value comes about ----

const SCALING = {
  standard: (of) => `(${of("x")} − ${of("mean")}) / max(√${of("variance")}, ${of("epsilon")})`,
  inverse: (of) => `${of("x")}·max(√${of("variance")}, ${of("epsilon")}) + ${of("mean")}`,
  batch: (of) => `(${of("x")} − ${of("mean")}) / √(${of("variance")} + ${of("epsilon")})`,
  affine: (of) => of("x"),
};

const KINDS = {
  products(part, [input], cell, map, result) {
    const flat = input.vector; // dense: every value, and the unit is the cell
    const output = valueOf(part.name);
    const filter = flat ? cell : map;
    const taps = flat ? [{ cell: 0, inside: true }] : windowAt(part, input, placeOf(output, cell));
    const channels = seenBy(part, input, taps, filter);
    const sum = add(channels.map((each) => each.sum));
    const parts = [paragraph("does", part.does)];
    const kernel = numbersOf(part.kernel);
    const far = farthest(kernel) * farthest(input.numbers); // what no product is beyond
    const scales = [scaleOf(kernel), scaleOf(input.numbers), { low: -far, high: far, points: palettes.diverging }];
    if (taps.length === 1) { // one cell: its channels are a row
      const row = (key) => channels.map((each) => each[key][0]);
      parts.push(grids(part, [channels.length], taps, row("weights"), row("numbers"), row("products"), scales));
      parts.push(line(`sum: ${terms(row("weights"), row("numbers"))} = ${text(sum)}`));
    } else {
      const sizes = part.windows.map((window) => window.size);
      for (const each of channels.slice(0, MOST_GRIDS)) {
        const of = channels.length > 1 ? `channel ${each.number}` : "";
        parts.push(grids(part, sizes, taps, each.weights, each.numbers, each.products, scales, of));
        parts.push(line(`${of || "sum"}: ${terms(each.weights, each.numbers)} = ${text(each.sum)}`));
      }
      if (channels.length > MOST_GRIDS) parts.push(line(`… ${channels.length - MOST_GRIDS} more channels`));
      if (channels.length > 1) parts.push(line(`sum: ${plus(channels.map((each) => each.sum))} = ${text(sum)}`));
    }
    const bias = part.bias === null ? 0 : Number(part.bias[filter]);
    if (part.bias !== null) parts.push(line(`bias: ${factor(sum)} + ${factor(bias)} = ${text(sum + bias)}`));
    if (part.activation) {
      const others = part.along && Array.from({ length: part.filters }, (_, each) =>
        add(seenBy(part, input, taps, each).map((one) => one.sum)) + (part.bias === null ? 0 : Number(part.bias[each])));
      parts.push(line(activated(part.activation, sum + bias, others, result)));
    }
    const seen = channels.map((each) => each.number);
    return { parts, met: [flat ? null : new Set(taps.map((tap) => tap.cell))], channels: flat ? null : seen };
  },

  max: pooled,
  average: pooled,

  scale(part, [input], cell, map, result) {
    const at = input.vector ? cell : map;
    const given = { x: input.vector ? input.numbers[cell] : read(input, cell, map), epsilon: part.epsilon };
    for (const [name, numbers] of Object.entries(part.numbers)) given[name] = Number(numbers[numbers.length > 1 ? at : 0]);
    const formula = (of) => {
      const scaled = (part.numbers.gamma ? `${of("gamma")}·` : "") + SCALING[part.formula](of);
      return part.numbers.beta ? `${scaled} + ${of("beta")}` : scaled;
    };
    const worked = `${formula((name) => name)} = ${formula((name) => factor(given[name]))} = ${text(result)}`;
    return { parts: [paragraph("does", part.does), line(worked)], met: [new Set([cell])] };
  },

  activation(part, [input], cell, map, result) {
    const x = read(input, cell, map);
    const along = part.along && (input.vector ? input.numbers
      : Array.from({ length: input.channels }, (_, each) => read(input, cell, each)));
    return { parts: [line(activated(part.function, x, along, result))], met: [new Set([cell])] };
  },

  moved(part, inputs, cell, map, result) {
    const output = valueOf(part.name);
    let origin = part.origins[cell * output.channels + map];
    const met = inputs.map(() => new Set());
    let from = "padding";
    let channels = null;
    inputs.forEach((input, place) => {
      const size = input.numbers.length;
      if (origin >= 0 && origin < size) {
        const at = Math.floor(origin / input.channels);
        channels = [origin % input.channels];
        met[place].add(at);
        from = `${input.name} at ${placeOf(input, at).join(",")}` + (input.channels > 1 ? `, channel ${channels[0]}` : "");
      }
      origin -= size;
    });
    return { parts: [paragraph("does", part.does), line(`${from} = ${text(result)}`)], met, channels };
  },

  joined(part, inputs, cell, map, result) {
    const operands = inputs.map((input, place) => {
      const times = part.coefficients[place];
      const number = factor(read(input, cell, map));
      return `${input.name} ${times === undefined || times === 1 ? "" : `${factor(times)}·`}${number}`;
    });
    const parts = [paragraph("does", part.does), line(`${operands.join(", ")} = ${text(result)}`)];
    return { parts, met: inputs.map(() => new Set([cell])) };
  },

  other(part, inputs, cell, map, result) {
    const parts = [paragraph("does", part.does)];
    const alike = inputs[0].numbers.length === valueOf(part.name).numbers.length;
    if (alike) parts.push(line(`${inputs[0].name} holds ${text(read(inputs[0], cell, map))} here`));
    parts.push(line(`result = ${text(result)}`));
    return { parts, met: inputs.map(() => (alike ? new Set([cell]) : null)) };
  },
};

function pooled(part, [input], cell, map, result) {
  const output = valueOf(part.name);
  // All of space: the value has no place, and where it is one of a row, that is its channel.
  const channel = output.vector ? cell : map;
  const taps = windowAt(part, input, output.vector ? part.windows.map(() => 0) : placeOf(output, cell));
  const numbers = taps.map((tap) => read(input, tap.cell, channel));
  const inner = numbers.filter((_, tap) => taps[tap].inside);
  const sizes = part.windows.map((window) => window.size);
  const found = { met: [new Set(taps.map((tap) => tap.cell))], channels: [channel] };
  const shown = (winner) => group([grid(sizes, numbers, "input", scaleOf(input.numbers), taps, winner)]);
  if (part.kind === "average") {
    const count = part.count_padding ? taps.filter((tap) => tap.padded).length : inner.length;
    const parts = [paragraph("does", part.does), shown(-1), line(`(${plus(inner)}) / ${count} = ${text(result)}`)];
    return { ...found, parts };
  }
  const winner = taps.findIndex((tap, at) => tap.inside && Object.is(numbers[at] + 0, result + 0));
  const parts = [paragraph("does", part.does), shown(winner)];
  parts.push(line(`max(${cut(inner.map(text)).join(", ")}) = ${text(result)}`));
  if (winner < 0) return { ...found, parts };
  const place = placeOf(valueOf(input.name), taps[winner].source).join(",");
  return { ...found, parts: [...parts, line(`the winner is ${input.name} at ${place}`)], winner: taps[winner].cell };
}

/** For each channel that a filter sees: its weights, the numbers that they meet, their products and the sum. */
function seenBy(part, input, taps, filter) {
  const first = Math.floor(filter / (part.filters / part.groups)) * part.seen;
  const kernel = numbersOf(part.kernel);
  return Array.from({ length: part.seen }, (_, seen) => {
    const weights = taps.map((_tap, tap) => kernel[(tap * part.seen + seen) * part.filters + filter]);
    const numbers = taps.map((tap) => (input.vector ? input.numbers[seen] : read(input, tap.cell, first + seen)));
    const products = weights.map((weight, tap) => weight * numbers[tap]);
    return { number: first + seen, weights, numbers, products, sum: add(products) };
  });
}

const activated = (name, x, among, result) =>
  `${name}(${text(x)}${among ? ` among [${cut(among.map(text)).join(", ")}]` : ""}) = ${text(result)}`;

const terms = (weights, numbers) =>
  cut(weights.map((weight, place) => `${factor(weight)}·${factor(numbers[place])}`)).join(" + ");

// ---- elements ----

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
const paragraph = (className, content) => element("p", { className, textContent: content });
const line = (content) => paragraph("line", content);
const group = (children) => element("div", { className: "grids" }, ...children);

/** Numbers as a table; of more than two axes the slices are below each other, and a long axis is cut. */
function grid(sizes, numbers, caption, scale, taps = [], winner = -1) {
  const width = sizes.length ? sizes[sizes.length - 1] : 1;
  const rows = numbers.length / width;
  const shown = (count) => (count <= MOST_CELLS ? [...Array(count).keys()] : [0, 1, 2, 3, null, count - 3, count - 2, count - 1]);
  const height = sizes.length > 2 ? sizes[sizes.length - 2] : rows;
  const kind = (row) => ({ className: row && row % height === 0 ? "slice" : "" });
  const body = shown(rows).map((row) => element("tr", kind(row), ...shown(width).map((column) => {
    if (row === null || column === null) return element("td", { textContent: "…" });
    const tap = row * width + column;
    const outside = taps[tap] && !taps[tap].inside;
    const content = text(numbers[tap]);
    const className = outside ? "padding" : tap === winner ? "winner" : "";
    const made = element("td", { className, textContent: outside ? `(${content})` : content });
    if (!outside) [made.style.background, made.style.color] = inks(numbers[tap], scale);
    return made;
  })));
  return element("table", {}, element("caption", { textContent: caption }), element("tbody", {}, ...body));
}

function grids(part, sizes, taps, weights, numbers, products, scales, of = "") {
  const outside = taps.length === numbers.length ? taps : [];
  return group([
    grid(sizes, weights, `filter${part.turned}${of && `, ${of}`}`, scales[0]), element("span", { textContent: "·" }),
    grid(sizes, numbers, `input${of && `, ${of}`}`, scales[1], outside), element("span", { textContent: "=" }),
    grid(sizes, products, "products", scales[2]),
  ]);
}

// ---- colours ----

const palettes = Object.fromEntries(Object.entries(data.palettes).map(([name, points]) =>
  [name, points.map((point) => [0, 2, 4].map((start) => parseInt(point.slice(start, start + 2), 16)))]));

/** One scale for many numbers: from least to greatest, or about zero where any is negative. */
const scaleOf = once((numbers) => {
  const finite = numbers.filter(Number.isFinite);
  const low = finite.reduce((least, each) => Math.min(least, each), Infinity);
  const high = finite.reduce((most, each) => Math.max(most, each), -Infinity);
  if (low > high) return { low: 0, high: 0, points: palettes.sequential };
  const most = Math.max(-low, high);
  return low < 0 ? { low: -most, high: most, points: palettes.diverging } : { low, high, points: palettes.sequential };
});

const farthest = once((numbers) =>
  numbers.reduce((far, each) => Math.max(far, Number.isFinite(each) ? Math.abs(each) : 0), 0));

/** The colour of a number as red, green and blue. */
function colour(number, scale) {
  if (!Number.isFinite(number)) return Number.isNaN(number) ? [128, 128, 128] : number > 0 ? [255, 0, 255] : [0, 255, 255];
  const share = scale.high > scale.low ? (number - scale.low) / (scale.high - scale.low) : 0;
  const place = share * (scale.points.length - 1);
  const before = Math.min(Math.floor(place), scale.points.length - 2);
  return scale.points[before].map((each, part) =>
    Math.round(each + (scale.points[before + 1][part] - each) * (place - before)));
}

/** The colour of a number, and one to write on it with. */
function inks(number, scale) {
  const [red, green, blue] = colour(number, scale);
  return [`rgb(${red} ${green} ${blue})`, red * 0.299 + green * 0.587 + blue * 0.114 > 140 ? "#000" : "#fff"];
}

function legend(scale) {
  const bar = element("canvas", { width: 64, height: 1 });
  const pen = bar.getContext("2d");
  for (let step = 0; step < 64; step += 1) {
    [pen.fillStyle] = inks(scale.low + ((scale.high - scale.low) * step) / 63, scale);
    pen.fillRect(step, 0, 1, 1);
  }
  bar.setAttribute("aria-hidden", "true");
  return element("div", { className: "legend" }, text(scale.low), bar, text(scale.high));
}

// ---- pictures ----

const LEAST = 4; // pixels along a cell
const GAP = 1; // cells between the slices of a map in three dimensions
const NARROW = matchMedia("(max-width: 60rem)");
const FONT = "11px system-ui, sans-serif";

/** A map as squares, with its numbers where all of them have room. */
class Picture {
  constructor(value, map, scale, size) {
    this.value = value;
    this.map = map;
    this.scale = scale;
    const [depth, height, width] = value.space;
    this.columns = value.vector ? Math.min(width, Math.max(8, Math.floor(size / 20))) : width; // a long row is broken
    this.rows = value.vector ? Math.ceil(width / this.columns) : depth * (height + GAP) - GAP;
    const extent = value.vector ? this.columns : Math.max(this.columns, this.rows);
    this.side = Math.max(LEAST, Math.min(56, Math.floor(size / extent)));
    this.canvas = element("canvas");
    this.caption = element("figcaption", { textContent: value.vector ? value.name : value.names[map] });
    this.caption.hidden = value.channels === 1;
    this.figure = element("figure", {}, this.caption, this.canvas);
    [this.pen, this.cells] = [this.canvas, element("canvas")].map((canvas) => this.sized(canvas));
    this.labels = this.labelled();
    this.paint();
    this.drawn = undefined; // which cell is picked, null for none; undefined before anything is drawn
  }

  /** A canvas as large as the map, and what draws on it. */
  sized(canvas) {
    const density = window.devicePixelRatio || 1;
    canvas.width = this.columns * this.side * density;
    canvas.height = this.rows * this.side * density;
    canvas.style.width = `${this.columns * this.side}px`;
    canvas.style.height = `${this.rows * this.side}px`;
    const pen = canvas.getContext("2d");
    pen.scale(density, density);
    return pen;
  }

  /** What is written in the cells: with as many digits as all have room for, or nothing. */
  labelled() {
    if (this.side < 18) return null;
    this.cells.font = FONT;
    const numbers = Array.from({ length: this.value.cells }, (_, cell) => read(this.value, cell, this.map));
    for (const digits of [6, 3, 2]) {
      const labels = numbers.map((number) => brief(number, digits));
      if (labels.every((label) => this.cells.measureText(label).width < this.side - 4)) return labels;
    }
    return null;
  }

  corner(cell) {
    const [, height, width] = this.value.space;
    if (this.value.vector) return [(cell % this.columns) * this.side, Math.floor(cell / this.columns) * this.side];
    const slice = Math.floor(cell / (height * width));
    const row = slice * (height + GAP) + (Math.floor(cell / width) % height);
    return [(cell % width) * this.side, row * this.side];
  }

  cellAt(x, y) {
    const [column, row] = [Math.floor(x / this.side), Math.floor(y / this.side)];
    const [, height, width] = this.value.space;
    if (column < 0 || column >= this.columns || row < 0 || row >= this.rows) return null;
    if (this.value.vector) {
      const cell = row * this.columns + column;
      return cell < this.value.cells ? cell : null;
    }
    const [slice, inner] = [Math.floor(row / (height + GAP)), row % (height + GAP)];
    return inner < height ? (slice * height + inner) * width + column : null;
  }

  /** Paint all cells, once: they stay as they are. */
  paint() {
    const { cells: pen, side } = this;
    const style = getComputedStyle(document.documentElement);
    const [padding, soft] = ["--padding", "--soft"].map((name) => style.getPropertyValue(name));
    [pen.textAlign, pen.textBaseline, pen.font] = ["center", "middle", FONT];
    const gap = side >= 12 ? 1 : 0; // between the cells
    for (let cell = 0; cell < this.value.cells; cell += 1) {
      const [x, y] = this.corner(cell);
      const inside = !this.value.laid || this.value.laid[cell].inside;
      const [paint, ink] = inside ? inks(read(this.value, cell, this.map), this.scale) : [padding, soft];
      pen.fillStyle = paint;
      pen.fillRect(x, y, side - gap, side - gap);
      if (this.labels) {
        pen.fillStyle = ink;
        pen.fillText(this.labels[cell], x + side / 2, y + side / 2 + 0.5);
      }
    }
  }

  /** The cells, and frames around those of a window (`met`) and around one of them. */
  draw(met, picked) {
    if (!met && picked === this.drawn) return; // nothing has changed
    this.drawn = met ? undefined : picked;
    const { pen, side } = this;
    const style = getComputedStyle(document.documentElement);
    pen.clearRect(0, 0, this.columns * side, this.rows * side);
    pen.drawImage(this.cells.canvas, 0, 0, this.columns * side, this.rows * side);
    if (met) this.frame(met, style.getPropertyValue("--mark"));
    if (typeof picked === "number") this.frame(new Set([picked]), style.getPropertyValue("--pick"));
  }

  /** A line around cells, none between two of them that touch. */
  frame(cells, ink) {
    const { pen, side } = this;
    const corners = new Set([...cells].map((cell) => this.corner(cell).join(" ")));
    for (const [paint, width] of [["#fff", 4], [ink, 2.5]]) {
      pen.strokeStyle = paint;
      pen.lineWidth = Math.min(width, side / 2);
      const edge = pen.lineWidth / 2;
      pen.beginPath();
      for (const cell of cells) {
        const [x, y] = this.corner(cell);
        const free = (dx, dy) => !corners.has(`${x + dx} ${y + dy}`);
        const draw = (x1, y1, x2, y2) => { pen.moveTo(x1, y1); pen.lineTo(x2, y2); };
        if (free(0, -side)) draw(x, y + edge, x + side, y + edge);
        if (free(0, side)) draw(x, y + side - edge, x + side, y + side - edge);
        if (free(-side, 0)) draw(x + edge, y, x + edge, y + side);
        if (free(side, 0)) draw(x + side - edge, y, x + side - edge, y + side);
      }
      pen.stroke();
    }
  }
}

/** Pictures of a value's maps in a place of the page, as large as fits so many. */
function pictures(value, scale, room, also) {
  const width = room.clientWidth - 8;
  const wanted = value.channels <= 2 || NARROW.matches ? 1 : value.channels <= 8 ? 2 : 3;
  const [depth, rows, cells] = value.space;
  const least = LEAST * Math.max(cells, depth * (rows + GAP)) + 16; // pixels of a picture, with the gap beside it
  const columns = value.vector ? 1 : Math.max(1, Math.min(wanted, Math.floor(width / least)));
  const size = Math.min(480, Math.max(columns > 1 ? 110 : 0, width / columns - 8));
  const maps = [...Array(Math.min(value.channels, MOST_MAPS)).keys()];
  if (also >= maps.length) maps.push(also);
  return maps.map((map) => new Picture(value, map, scale, size));
}

function shown(value, room, also = 0) {
  const scale = scaleOf(value.numbers);
  const made = pictures(value, scale, room, also);
  const parts = [legend(scale), element("div", { className: "maps" }, ...made.map((each) => each.figure))];
  if (value.channels > made.length) parts.push(line(`… ${value.channels - made.length} more maps`));
  return { pictures: made, parts };
}

// ---- what is on the page ----

let inputs = []; // of the part: { value, pictures }
let output = null;

/** Build all that depends on the part and the sample. */
function build() {
  const part = data.parts[state.part];
  const value = valueOf(part.name);
  [...find("parts").children].forEach((button, place) => {
    if (place === state.part) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  });
  find("map").replaceChildren(...value.names.map((name, map) => element("option", { value: map, textContent: name })));
  find("map-label").hidden = value.channels < 2;
  state.map = Math.min(state.map, value.channels - 1);
  state.cell = Math.min(state.cell, value.cells - 1);
  find("position").max = value.cells - 1;
  const given = part.takes.map(valueOf);
  const windowed = part.windows && !given[0].vector;
  inputs = (windowed ? [laidOut(part, given[0], value)] : given).map((each) => ({ value: each, ...shown(each, find("input")) }));
  find("input-title").textContent = `Input: ${part.takes.join(", ")}`;
  const named = (each) => (inputs.length > 1 ? [element("h3", { textContent: each.value.name })] : []);
  find("input").replaceChildren(...inputs.flatMap((each) => [...named(each), ...each.parts]));
  output = { value, ...shown(value, find("output"), state.map) };
  find("output-title").textContent = `Output: ${part.name}`;
  find("output").replaceChildren(...output.parts);
  output.pictures.forEach((picture) => listen(picture));
  update();
}

/** Show the working of the picked cell. */
function update() {
  const part = data.parts[state.part];
  const { value } = output;
  const result = read(value, state.cell, state.map);
  const place = placeOf(value, state.cell).join(",");
  const name = value.vector ? part.name : `${part.name}: ${value.names[state.map]}`;
  find("value").textContent = `${name} at ${place} = ${text(result)}`;
  find("map").value = state.map;
  find("position").value = state.cell;
  find("position").setAttribute("aria-valuetext", place);
  find("back").disabled = state.cell === 0;
  find("on").disabled = state.cell === value.cells - 1;
  const given = inputs.map((each) => each.value);
  const found = KINDS[part.kind](part, given, state.cell, state.map, result);
  find("working").replaceChildren(...found.parts);
  inputs.forEach(({ pictures: made }, operand) => made.forEach((picture) => {
    const seen = found.channels ? found.channels.includes(picture.map) : picture.map === state.map || made.length === 1;
    picture.figure.classList.toggle("seen", seen);
    picture.draw(seen ? found.met[operand] : null, seen ? found.winner ?? null : null);
  }));
  output.pictures.forEach((picture) => {
    const picked = picture.map === state.map;
    picture.figure.classList.toggle("picked", picked);
    picture.canvas.tabIndex = picked ? 0 : -1;
    picture.draw(null, picked ? state.cell : null);
  });
}

const pictureOf = (map) => output.pictures.find((picture) => picture.map === map);

function pick(cell, map = state.map) {
  if (cell === null || (cell === state.cell && map === state.map)) return;
  state.cell = Math.min(Math.max(cell, 0), output.value.cells - 1);
  state.map = Math.min(Math.max(map, 0), output.value.channels - 1);
  if (pictureOf(state.map)) update();
  else build(); // with that map among the others
}

/** Pointing at a cell of an output map picks it. */
function listen(picture) {
  const { canvas } = picture;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", `${picture.caption.textContent}: arrow keys move from cell to cell`);
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    pick(picture.cellAt(event.clientX - box.left, event.clientY - box.top), picture.map);
  };
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerdown", point);
}

/** The arrow keys move from cell to cell: left and right everywhere, what also scrolls the page on the map alone. */
function press(event) {
  const sideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
  if (!sideways && !event.target.closest?.("#output canvas")) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("select, input")) return;
  const { cell, map } = state;
  const { columns } = output.pictures[0];
  const moves = {
    ArrowLeft: [cell - 1, map], ArrowRight: [cell + 1, map], ArrowUp: [cell - columns, map],
    ArrowDown: [cell + columns, map], Home: [0, map], End: [output.value.cells - 1, map],
    PageUp: [cell, map - 1], PageDown: [cell, map + 1],
  };
  if (!(event.key in moves)) return;
  event.preventDefault();
  const [to, other] = moves[event.key];
  if (to < 0 || to >= output.value.cells || other < 0 || other >= output.value.channels) return;
  const focused = output.pictures.some((picture) => picture.canvas === document.activeElement);
  pick(to, other);
  if (focused) pictureOf(state.map).canvas.focus();
}

// ---- walking ----

let walking = null;

function walk(on) {
  clearInterval(walking);
  walking = on ? setInterval(step, 700) : null;
  find("play").setAttribute("aria-pressed", String(on));
  find("play").textContent = on ? "Stop" : "Walk";
  find("value").setAttribute("aria-live", on ? "off" : "polite");
}

function step() {
  if (state.cell === output.value.cells - 1) walk(false);
  else pick(state.cell + 1);
}

// ---- the start ----

const left = new Map(); // where each part was left

function go(place) {
  walk(false);
  left.set(state.part, [state.cell, state.map]);
  [state.cell, state.map] = left.get(place) || [0, 0];
  state.part = place;
  build();
}

find("title").textContent = data.title;
find("parts").append(...data.parts.map((part, place) => {
  const shape = data.values[part.name].shape.join("×");
  const button = element("button", { type: "button" }, part.name, element("small", { textContent: `${part.type} ${shape}` }));
  button.addEventListener("click", () => go(place));
  return button;
}));
const samples = Object.values(data.values)[0].samples.length;
find("sample").append(...Array.from({ length: samples }, (_, place) => element("option", { value: place, textContent: place })));
find("sample-label").hidden = samples < 2;
find("sample").value = state.sample;
find("sample").addEventListener("change", () => { state.sample = Number(find("sample").value); build(); });
find("map").addEventListener("change", () => pick(state.cell, Number(find("map").value)));
find("position").addEventListener("input", () => pick(Number(find("position").value)));
find("back").addEventListener("click", () => pick(state.cell - 1));
find("on").addEventListener("click", () => pick(state.cell + 1));
find("play").addEventListener("click", () => {
  if (!walking && state.cell === output.value.cells - 1) pick(0);
  walk(!walking);
});
document.addEventListener("keydown", press);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", build);
let width = innerWidth;
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; build(); } });

if (data.start.name !== null) state.part = data.parts.findIndex((part) => part.name === data.start.name);
const opened = valueOf(data.parts[state.part].name);
if (opened.vector) [state.cell, state.map] = [data.start.map, 0]; // a map of one value is a cell of the row
else if (data.start.at) state.cell = cellOf(opened, data.start.at);
build();
