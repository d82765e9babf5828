// Where the cells of a map stand.

const SMALLEST_CELL = 1.5; // pixels
const LARGEST_CELL = 56;
const SMALLEST_WRITTEN = 18; // pixels of a cell in which a number is written
const BLOCK_GAP = 5; // pixels between two blocks of cells
const FRAME_WIDTH = 5; // pixels of the widest frame around cells, for which the edge of a map leaves room
const LABEL_HEIGHT = 15;
const DIGIT_WIDTH = 7;

/**
 * Lay a map out with the largest cells that fit into a width and a height; the height may be exceeded by the smallest.
 *
 * The cells of one or two axes are one block. Three axes are a block for each slice, side by side, and a long row is
 * broken into lines, a block for each. Return
 * - side: that of a cell, in pixels,
 * - columns: how many cells lie between a cell and the one below it,
 * - blocks: { left, top, rows, columns, first, labelAt } in pixels and cells. A block holds its cells from the number
 *   `first` on, and `labelAt` is where its label begins, null if it needs none,
 * - width, height: of all, in pixels.
 */
function layOutMap(value, width, height) {
  const [depth] = value.volume;
  const attempt = value.extents.length === 1 ? linesOf : depth > 1 ? slicesOf : planeOf;
  for (let side = LARGEST_CELL; side > SMALLEST_CELL; side -= side > 4 ? 1 : 0.5) {
    const layout = attempt(value, side, width - 2 * FRAME_WIDTH);
    if (layout.width <= width && layout.height <= height) return layout;
  }
  return attempt(value, SMALLEST_CELL, width - 2 * FRAME_WIDTH);
}

function planeOf({ volume: [, rows, columns] }, side) {
  return layoutOf(side, [{ left: 0, top: 0, rows, columns, first: 0, labelAt: null }]);
}

/** Slices of three axes in rows of at least two. */
function slicesOf({ volume: [depth, rows, columns] }, side, width) {
  const [blockWidth, blockHeight] = [columns * side + BLOCK_GAP, rows * side + BLOCK_GAP + LABEL_HEIGHT];
  const sideBySide = Math.max(Math.floor((width + BLOCK_GAP) / blockWidth), Math.min(depth, 2));
  return layoutOf(side, Array.from({ length: depth }, (_, slice) => {
    const left = (slice % sideBySide) * blockWidth;
    const labelTop = Math.floor(slice / sideBySide) * blockHeight;
    const labelAt = [left, labelTop + LABEL_HEIGHT / 2];
    return { left, top: labelTop + LABEL_HEIGHT, rows, columns, first: slice * rows * columns, labelAt };
  }));
}

/** A row of cells, in lines of equal length if it is too long; each then begins with the position of its first cell. */
function linesOf({ cellCount }, side, width) {
  if (cellCount * Math.min(side, SMALLEST_WRITTEN) <= width) { // then one line of smaller cells will fit
    return layoutOf(side, [{ left: 0, top: 0, rows: 1, columns: cellCount, first: 0, labelAt: null }]);
  }
  const left = DIGIT_WIDTH * (String(cellCount).length + 1);
  const columns = Math.max(1, Math.floor((width - left) / side));
  const lineHeight = Math.max(side, DIGIT_WIDTH) + BLOCK_GAP;
  return layoutOf(side, Array.from({ length: Math.ceil(cellCount / columns) }, (_, row) => {
    const first = row * columns;
    const labelAt = [0, row * lineHeight + side / 2];
    return { left, top: row * lineHeight, rows: 1, columns: Math.min(columns, cellCount - first), first, labelAt };
  }));
}

/** The layout of blocks that begin at 0,0, moved so that a frame has room on all sides. */
function layoutOf(side, blocks) {
  const move = (at) => at + FRAME_WIDTH;
  return {
    side,
    columns: blocks[0].columns,
    blocks: blocks.map((block) =>
      ({ ...block, left: move(block.left), top: move(block.top), labelAt: block.labelAt && block.labelAt.map(move) })),
    width: Math.max(...blocks.map(({ left, columns }) => left + columns * side)) + 2 * FRAME_WIDTH,
    height: Math.max(...blocks.map(({ top, rows }) => top + rows * side)) + 2 * FRAME_WIDTH,
  };
}
