// The data of the page, its values, and how numbers are written.
//
// `data.values` holds every value of the model, input or output of a part, and `data.parts` how each part makes its
// own: a part is a layer, or one of the two convolutions of a separable layer. The page shows these values. It works
// out by itself, from the same numbers, only how the picked cell came about.

const data = JSON.parse(document.getElementById("data").textContent);

const MOST_TERMS = 30; // of a sum that is written out
const END_TERMS = 4; // of a longer sum, from either end

/** Return a function that remembers its result for each object that it gets. */
function memoized(compute) {
  const results = new WeakMap();
  return (object) => {
    if (!results.has(object)) results.set(object, compute(object));
    return results.get(object);
  };
}

const numbersOf = memoized((items) => items.map(Number)); // JSON has words for NaN and infinity

/**
 * The value of that name, of one sample. Its numbers have the shape [...extents, channels], and `volume` is the
 * extents as [depth, height, width]. A value without spatial axes is a row of cells with one channel.
 */
function valueOf(name, sample) {
  const { shape, maps, samples } = data.values[name];
  const isRow = shape.length === 1;
  const extents = isRow ? [shape[0]] : shape.slice(0, -1);
  const volume = [1, 1, 1, ...extents].slice(-3);
  return {
    name, isRow, extents, volume,
    mapNames: isRow ? ["values"] : maps,
    channels: isRow ? 1 : shape[shape.length - 1],
    cellCount: volume[0] * volume[1] * volume[2],
    numbers: numbersOf(samples[sample]),
  };
}

const numberAt = (value, cell, map) => value.numbers[cell * value.channels + map];

/** The position of a cell along each axis of its value. */
function positionOf(value, cell) {
  const [, height, width] = value.volume;
  const position = [Math.floor(cell / (height * width)), Math.floor(cell / width) % height, cell % width];
  return position.slice(3 - value.extents.length);
}

const cellOf = (value, position) => position.reduce((cell, at, axis) => cell * value.extents[axis] + at, 0);

// ---- numbers as text ----

/** A number as the tables in a terminal write it: whole numbers in full, others with six significant digits. */
function numberText(number) {
  if (!Number.isFinite(number)) return String(number);
  if (Number.isInteger(number) && Math.abs(number) < 1e15) return String(number === 0 ? 0 : number); // no -0
  const wholeDigits = Math.abs(number) < 1e15 ? String(Math.trunc(Math.abs(number))).length : 0;
  const digits = Math.max(6, wholeDigits + 1); // at least one shows that the number is not whole
  const [mantissa, exponent] = number.toExponential(digits - 1).split("e");
  const withoutZeros = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (exponent >= -4 && exponent < digits) return withoutZeros(number.toFixed(digits - 1 - exponent));
  return `${withoutZeros(mantissa)}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}

/** A number rounded to so many significant digits. */
const roundedText = (number, digits) =>
  (Number.isFinite(number) ? numberText(Number(number.toPrecision(digits))) : numberText(number));

/** A number as part of a formula: a negative one in parentheses. */
const factorText = (number) => (numberText(number).startsWith("-") ? `(${numberText(number)})` : numberText(number));

/** The terms or, if there are many, the first and the last of them. */
const cutTerms = (terms) =>
  (terms.length <= MOST_TERMS ? terms : [...terms.slice(0, END_TERMS), "…", ...terms.slice(-END_TERMS)]);

const sumText = (numbers) => cutTerms(numbers.map(factorText)).join(" + ");

const productsText = (weights, numbers) =>
  cutTerms(weights.map((weight, index) => `${factorText(weight)}·${factorText(numbers[index])}`)).join(" + ");

const total = (numbers) => numbers.reduce((sum, number) => sum + number, 0);
