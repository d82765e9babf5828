// Windows: the input as they meet it, and the cells that they cover.

/**
 * The index in an axis of `extent` cells that an index beyond its ends stands for under a padding mode; null where the
 * padding is empty.
 */
function paddedIndex(index, extent, mode) {
  if (index >= 0 && index < extent) return index;
  if (mode === "replicate") return Math.min(Math.max(index, 0), extent - 1);
  if (mode === "circular") return ((index % extent) + extent) % extent;
  if (mode === "reflect") return index < 0 ? -index : 2 * (extent - 1) - index;
  if (mode === "symmetric") { // mirrored behind the last cell, as often as it takes
    const position = ((index % (2 * extent)) + 2 * extent) % (2 * extent);
    return Math.min(position, 2 * extent - 1 - position);
  }
  return null;
}

/** Every combination of an item from each list; the last list runs fastest. */
const combinations = (lists) =>
  lists.reduce((prefixes, list) => prefixes.flatMap((prefix) => list.map((item) => [...prefix, item])), [[]]);

/**
 * The input as the windows of a part meet it: stretched (for a transposed convolution), then padded.
 *
 * The result is a value whose `origins` say for each cell which cell of the input it copies (`source`, null if it is
 * empty), whether it is one of the input's own cells (`inside`), and whether it lies within the padding (`padded`): the
 * last windows of a layer with ceil_mode reach beyond it. `original` is the input itself.
 */
function layOut(part, input, output) {
  const axes = part.windows.map((window, axis) => laidOutAxis(window, input.extents[axis],
    output.isRow ? 1 : output.extents[axis], part.padding_mode));
  const origins = combinations(axes).map((along) => ({
    source: along.some(({ index }) => index === null) ? null : cellOf(input, along.map(({ index }) => index)),
    inside: along.every(({ inside }) => inside),
    padded: along.every(({ padded }) => padded),
  }));
  const extents = axes.map((axis) => axis.length);
  const numbers = origins.flatMap(({ source }) => Array.from({ length: input.channels }, (_, map) =>
    (source === null ? 0 : numberAt(input, source, map))));
  const volume = [1, 1, 1, ...extents].slice(-3);
  return { ...input, extents, volume, cellCount: origins.length, numbers, origins, original: input };
}

/** The origins of the cells along one axis, in which a window takes `positionCount` positions. */
function laidOutAxis(window, extent, positionCount, mode) {
  const paddedExtent = (extent - 1) * window.upsample + 1 + window.before + window.after;
  const windowsEnd = (positionCount - 1) * window.stride + (window.size - 1) * window.dilation + 1;
  return Array.from({ length: Math.max(paddedExtent, windowsEnd) }, (_, index) => {
    const stretched = index - window.before; // in the stretched input, without padding
    const padded = index < paddedExtent;
    const isCopy = padded && stretched % window.upsample === 0;
    const own = stretched / window.upsample;
    return {
      index: isCopy ? paddedIndex(own, extent, mode) : null,
      inside: isCopy && own >= 0 && own < extent,
      padded,
    };
  });
}

/** The cells of a laid-out input, with their origins, that the windows cover at a position of the output. */
function coveredCells(part, laidOut, position) {
  const taps = part.windows.map((window, axis) =>
    Array.from({ length: window.size }, (_, tap) => position[axis] * window.stride + tap * window.dilation));
  return combinations(taps).map((at) => {
    const cell = cellOf(laidOut, at);
    return { cell, ...laidOut.origins[cell] };
  });
}
