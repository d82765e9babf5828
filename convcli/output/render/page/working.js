// The working behind a cell, by the kind of its part.
//
// Each function of WORKINGS gets the part, its inputs (laid out if it has windows) and the picked cell: its output
// value, cell, map and result. It returns
// - elements: lines of text and grids of numbers, of which the last line ends in the result,
// - covered: for each input the set of cells that the result is made from, or null,
// - channels: the channels of the inputs that it is made from; without it, that of the picked map,
// - winner: the cell of the input that a maximum comes from.

const MOST_CHANNELS = 8; // whose products are shown

const WORKINGS = {
  dot_product: dotProductWorking,
  max: poolingWorking,
  average: poolingWorking,
  scale: scaleWorking,
  activation: activationWorking,
  copy: copyWorking,
  merge: mergeWorking,
  other: otherWorking,
};

// ---- dot products ----

function dotProductWorking(part, [input], { output, cell, map, result }) {
  const isDense = input.isRow; // its filters see all values, and its units are the cells of the output
  const filter = isDense ? cell : map;
  const covered = isDense ? [{ cell: 0, inside: true }] : coveredCells(part, input, positionOf(output, cell));
  const channels = channelProducts(part, input, covered, filter);
  const sum = total(channels.map((channel) => channel.sum));
  const elements = [
    paragraph("description", part.description),
    ...(covered.length === 1 ? oneCellGrids : channelGrids)(part, input, covered, channels, sum),
  ];
  const bias = part.bias === null ? 0 : Number(part.bias[filter]);
  if (part.bias !== null) {
    elements.push(line(`bias: ${factorText(sum)} + ${factorText(bias)} = ${numberText(sum + bias)}`));
  }
  if (part.activation) {
    const among = part.depends_on_channels && allFilterSums(part, input, covered);
    elements.push(line(activationText(part.activation, sum + bias, among, result)));
  }
  return {
    elements,
    covered: [isDense ? null : new Set(covered.map((tap) => tap.cell))],
    channels: isDense ? null : channels.map((channel) => channel.number),
  };
}

/** For each channel that a filter sees: its weights, the numbers that they meet, their products and the sum. */
function channelProducts(part, input, covered, filter) {
  const filtersPerGroup = part.filters / part.groups;
  const firstChannel = Math.floor(filter / filtersPerGroup) * part.channels_per_filter;
  const kernel = numbersOf(part.kernel);
  return Array.from({ length: part.channels_per_filter }, (_, channel) => {
    const weightAt = (tap) => kernel[(tap * part.channels_per_filter + channel) * part.filters + filter];
    const weights = covered.map((_, tap) => weightAt(tap));
    const numbers = covered.map(({ cell }) =>
      (input.isRow ? input.numbers[channel] : numberAt(input, cell, firstChannel + channel)));
    const products = weights.map((weight, tap) => weight * numbers[tap]);
    return { number: firstChannel + channel, weights, numbers, products, sum: total(products) };
  });
}

/** The sum of products with its bias of every filter, which an activation along the channels needs. */
function allFilterSums(part, input, covered) {
  return Array.from({ length: part.filters }, (_, filter) => {
    const sums = channelProducts(part, input, covered, filter).map((channel) => channel.sum);
    return total(sums) + (part.bias === null ? 0 : Number(part.bias[filter]));
  });
}

/** A window of one cell: a row of the table for each of its channels. */
function oneCellGrids(part, input, covered, channels, sum) {
  const [weights, numbers, products] = ["weights", "numbers", "products"].map((key) =>
    channels.map((channel) => channel[key][0]));
  const [kernelScale, inputScale, productScale] = productScales(part, input);
  const columns = [
    { title: input.isRow ? "at" : "channel", texts: channels.map((channel) => channel.number) },
    { title: `filter${part.orientation}`, numbers: weights, scale: kernelScale },
    { sign: "·" },
    { title: "input", numbers, scale: inputScale, isPadding: !covered[0].inside },
    { sign: "=" },
    { title: "products", numbers: products, scale: productScale },
  ];
  return [vectorTable(columns, channels.length), line(`sum: ${productsText(weights, numbers)} = ${numberText(sum)}`)];
}

function channelGrids(part, input, covered, channels, sum) {
  const sizes = part.windows.map((window) => window.size);
  const isSingle = channels.length === 1;
  const elements = channels.slice(0, MOST_CHANNELS).flatMap((channel) => {
    const name = isSingle ? "" : `channel ${channel.number}`;
    const products = productsText(channel.weights, channel.numbers);
    return [
      productGrids(part, input, sizes, covered, channel, name),
      line(`${name || "sum"}: ${products} = ${numberText(channel.sum)}`),
    ];
  });
  if (channels.length > MOST_CHANNELS) elements.push(line(`… ${channels.length - MOST_CHANNELS} more channels`));
  if (!isSingle) {
    elements.push(line(`sum: ${sumText(channels.map((channel) => channel.sum))} = ${numberText(sum)}`));
  }
  return elements;
}

/** Filter · input = products, as grids of the shape `sizes`. */
function productGrids(part, input, sizes, covered, { weights, numbers, products }, channelName = "") {
  const [kernelScale, inputScale, productScale] = productScales(part, input);
  const suffix = channelName && `, ${channelName}`;
  return sideBySide([
    ["", numberGrid(sizes, weights, `filter${part.orientation}${suffix}`, kernelScale)],
    ["·", numberGrid(sizes, numbers, `input${suffix}`, inputScale, covered)],
    ["=", numberGrid(sizes, products, "products", productScale)],
  ]);
}

/** The scales of a part's weights, of its input, and of any product of the two. */
function productScales(part, input) {
  const kernel = numbersOf(part.kernel);
  const productScale = signedScale(farthestFromZero(kernel) * farthestFromZero(input.numbers));
  return [scaleOf(kernel), scaleOf(input.numbers), productScale];
}

// ---- pooling ----

function poolingWorking(part, [input], { output, cell, map, result }) {
  // Pooling of all space yields a row, in which the cell is the channel.
  const channel = output.isRow ? cell : map;
  const position = output.isRow ? part.windows.map(() => 0) : positionOf(output, cell);
  const covered = coveredCells(part, input, position);
  const numbers = covered.map((tap) => numberAt(input, tap.cell, channel));
  const inside = numbers.filter((_, tap) => covered[tap].inside);
  const winner = part.kind === "max"
    ? covered.findIndex((tap, index) => tap.inside && Object.is(numbers[index] + 0, result + 0)) : -1;
  const sizes = part.windows.map((window) => window.size);
  const elements = [
    paragraph("description", part.description),
    sideBySide([["", numberGrid(sizes, numbers, "input", scaleOf(input.numbers), covered, winner)]]),
  ];
  const working = { elements, covered: [new Set(covered.map((tap) => tap.cell))], channels: [channel] };
  if (part.kind === "average") {
    const count = part.count_padding ? covered.filter((tap) => tap.padded).length : inside.length;
    elements.push(line(`(${sumText(inside)}) / ${count} = ${numberText(result)}`));
    return working;
  }
  elements.push(line(`max(${cutTerms(inside.map(numberText)).join(", ")}) = ${numberText(result)}`));
  if (winner < 0) return working; // the result is NaN
  const { source, cell: winnerCell } = covered[winner];
  elements.push(line(`the winner is ${input.name} at ${positionOf(input.original, source).join(",")}`));
  return { ...working, winner: winnerCell };
}

// ---- formulas ----

// The formula of each kind of scaling, from a function that returns the text of a number by its name.
const SCALING_FORMULAS = {
  standard: (text) => `(${text("x")} − ${text("mean")}) / max(√${text("variance")}, ${text("epsilon")})`,
  inverse: (text) => `${text("x")}·max(√${text("variance")}, ${text("epsilon")}) + ${text("mean")}`,
  batch: (text) => `(${text("x")} − ${text("mean")}) / √(${text("variance")} + ${text("epsilon")})`,
  affine: (text) => text("x"),
};

function scaleWorking(part, [input], { cell, map, result }) {
  const channel = input.isRow ? cell : map;
  const numbers = { x: input.isRow ? input.numbers[cell] : numberAt(input, cell, map), epsilon: part.epsilon };
  for (const [name, parameters] of Object.entries(part.parameters)) {
    numbers[name] = Number(parameters[parameters.length > 1 ? channel : 0]);
  }
  const formula = (text) => {
    const scaled = (part.parameters.gamma ? `${text("gamma")}·` : "") + SCALING_FORMULAS[part.formula](text);
    return part.parameters.beta ? `${scaled} + ${text("beta")}` : scaled;
  };
  const symbols = formula((name) => name);
  const figures = formula((name) => factorText(numbers[name]));
  const formulaLine = line(`${symbols} = ${figures} = ${numberText(result)}`);
  return { elements: [paragraph("description", part.description), formulaLine], covered: [new Set([cell])] };
}

function activationWorking(part, [input], { cell, map, result }) {
  const channels = Array.from({ length: input.channels }, (_, channel) => numberAt(input, cell, channel));
  const among = part.depends_on_channels && (input.isRow ? input.numbers : channels);
  const text = activationText(part.function, numberAt(input, cell, map), among, result);
  return { elements: [line(text)], covered: [new Set([cell])] };
}

/** `softmax(1 among [1, 2]) = 0.268941`: an activation may depend on the numbers that its own is among. */
function activationText(name, x, among, result) {
  const others = among ? ` among [${cutTerms(among.map(numberText)).join(", ")}]` : "";
  return `${name}(${numberText(x)}${others}) = ${numberText(result)}`;
}

// ---- values of other layers ----

/** A value that a part copies from elsewhere. `part.origins` count through the numbers of all inputs; -1 is padding. */
function copyWorking(part, inputs, { output, cell, map, result }) {
  const covered = inputs.map(() => new Set());
  let origin = part.origins[cell * output.channels + map];
  let from = "padding";
  let channels = null;
  inputs.forEach((input, index) => {
    if (origin >= 0 && origin < input.numbers.length) {
      const source = Math.floor(origin / input.channels);
      channels = [origin % input.channels];
      covered[index].add(source);
      const channelText = input.channels > 1 ? `, channel ${channels[0]}` : "";
      from = `${input.name} at ${positionOf(input, source).join(",")}${channelText}`;
    }
    origin -= input.numbers.length;
  });
  const elements = [paragraph("description", part.description), line(`${from} = ${numberText(result)}`)];
  return { elements, covered, channels };
}

function mergeWorking(part, inputs, { cell, map, result }) {
  const operands = inputs.map((input, index) => {
    const coefficient = part.coefficients[index] ?? 1;
    const times = coefficient === 1 ? "" : `${factorText(coefficient)}·`;
    return `${input.name} ${times}${factorText(numberAt(input, cell, map))}`;
  });
  const operandsLine = line(`${operands.join(", ")} = ${numberText(result)}`);
  const elements = [paragraph("description", part.description), operandsLine];
  return { elements, covered: inputs.map(() => new Set([cell])) };
}

/** A part that the page cannot work out: what goes in at the same cell, if the shapes agree, and what comes out. */
function otherWorking(part, inputs, { output, cell, map, result }) {
  const elements = [paragraph("description", part.description)];
  const isCellByCell = inputs[0].numbers.length === output.numbers.length;
  if (isCellByCell) {
    elements.push(line(`${inputs[0].name} holds ${numberText(numberAt(inputs[0], cell, map))} here`));
  }
  elements.push(line(`result = ${numberText(result)}`));
  return { elements, covered: inputs.map(() => (isCellByCell ? new Set([cell]) : null)) };
}
