// Maps as squares of colour on a canvas.

const SMALLEST_SPACED = 12; // pixels of a cell that has a gap to the next
const SMALLEST_MAP = 110; // pixels of one of many maps
const LARGEST_MAP = 480; // pixels
const MOST_MAPS = 512;
const NARROW_SCREEN = matchMedia("(max-width: 60rem)");
const FONT = "11px system-ui, sans-serif";

/** The view of one map: a figure with the numbers written into the cells, if all of them fit. */
class MapView {
  constructor(value, map, scale, layout) {
    this.value = value;
    this.map = map;
    this.scale = scale;
    this.layout = layout;
    this.density = window.devicePixelRatio || 1;
    this.canvas = element("canvas");
    this.caption = element("figcaption", { textContent: value.isRow ? value.name : value.mapNames[map] });
    this.caption.hidden = value.channels === 1;
    this.figure = element("figure", {}, this.caption, this.canvas);
    this.pen = this.penFor(this.canvas);
    this.cellsPen = this.penFor(element("canvas")); // the cells are painted once and then copied
    this.labels = this.cellLabels();
    this.paintCells();
    this.paintBlockLabels();
    this.drawnCell = undefined; // the picked cell that is framed, null for none; undefined before anything is drawn
  }

  /** Make a canvas as large as the map; return its drawing context. */
  penFor(canvas) {
    const { width, height } = this.layout;
    canvas.width = width * this.density;
    canvas.height = height * this.density;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d");
    pen.scale(this.density, this.density);
    return pen;
  }

  /** The texts in the cells, with as many digits as fit into all of them; null if not even two do. */
  cellLabels() {
    const { side } = this.layout;
    if (side < SMALLEST_WRITTEN) return null;
    this.cellsPen.font = FONT;
    const numbers = Array.from({ length: this.value.cellCount }, (_, cell) => numberAt(this.value, cell, this.map));
    for (const digits of [6, 3, 2]) {
      const labels = numbers.map((number) => roundedText(number, digits));
      if (labels.every((label) => this.cellsPen.measureText(label).width < side - 4)) return labels;
    }
    return null;
  }

  /** The left, top, right and bottom of a cell, on whole pixels of the screen. */
  box(cell) {
    const { side, blocks } = this.layout;
    const block = blocks[Math.floor(cell / (blocks[0].rows * blocks[0].columns))];
    const within = cell - block.first;
    const column = within % block.columns;
    const row = Math.floor(within / block.columns);
    const onPixel = (at) => Math.round(at * this.density) / this.density;
    return [
      onPixel(block.left + column * side), onPixel(block.top + row * side),
      onPixel(block.left + (column + 1) * side), onPixel(block.top + (row + 1) * side),
    ];
  }

  /** The cell at a pixel; null if there is none. */
  cellAt(x, y) {
    const { side, blocks } = this.layout;
    for (const { left, top, rows, columns, first } of blocks) {
      const [column, row] = [Math.floor((x - left) / side), Math.floor((y - top) / side)];
      if (column >= 0 && column < columns && row >= 0 && row < rows) return first + row * columns + column;
    }
    return null;
  }

  /** Paint all cells. Those of a laid-out input that are not its own are pale. */
  paintCells() {
    const { cellsPen: pen, layout: { side } } = this;
    const [padding, soft] = ["--padding", "--soft"].map(cssColour);
    [pen.textAlign, pen.textBaseline, pen.font] = ["center", "middle", FONT];
    const gap = side >= SMALLEST_SPACED ? 1 : 0;
    const { value, scale } = this;
    for (let cell = 0; cell < value.cellCount; cell += 1) {
      const [left, top, right, bottom] = this.box(cell);
      const isInside = !value.origins || value.origins[cell].inside;
      const colour = isInside ? colourOf(numberAt(value, cell, this.map), scale) : null;
      pen.fillStyle = colour ? cssText(colour) : padding;
      pen.fillRect(left, top, right - left - gap, bottom - top - gap);
      if (this.labels) {
        pen.fillStyle = colour ? inkOn(colour) : soft;
        pen.fillText(this.labels[cell], left + side / 2, top + side / 2 + 0.5);
      }
    }
  }

  /** Write beside each block where it lies in the value: its slice, or the position of its first cell. */
  paintBlockLabels() {
    const { cellsPen: pen, layout: { side, blocks } } = this;
    [pen.textAlign, pen.textBaseline, pen.font, pen.fillStyle] = ["left", "middle", FONT, cssColour("--soft")];
    for (const { labelAt, first, rows, columns } of blocks) {
      if (!labelAt) continue;
      const position = firstPosition(this.value, first, rows * columns);
      const isSlice = this.value.extents.length > 1;
      const short = position ?? "–";
      const long = position === null ? "padding" : `depth ${position}`;
      const isLong = isSlice && pen.measureText(long).width <= columns * side;
      pen.fillText(isLong ? long : short, ...labelAt);
    }
  }

  /** Draw the cells, with a frame around the `covered` cells of a window and one around the picked cell. */
  draw(covered, picked) {
    if (!covered && picked === this.drawnCell) return; // nothing has changed
    this.drawnCell = covered ? undefined : picked;
    const { width, height } = this.layout;
    this.pen.clearRect(0, 0, width, height);
    this.pen.drawImage(this.cellsPen.canvas, 0, 0, width, height);
    if (covered) this.frame([...covered], cssColour("--window"));
    if (picked !== null) this.frame([picked], cssColour("--cell"));
  }

  /**
   * Draw a frame around cells, but not between two that touch.
   *
   * It lies outside of them: a coloured line between a black and a white one, so that on every colour one of the three
   * is seen.
   */
  frame(cells, colour) {
    const { pen, density, layout: { side } } = this;
    const boxes = cells.map((cell) => this.box(cell));
    const frameWidth = Math.min(FRAME_WIDTH, Math.max(4, side / 6));
    for (const [ink, reach] of [["#000", frameWidth], [colour, frameWidth - 1], ["#fff", 1]]) {
      pen.fillStyle = ink;
      for (const [left, top, right, bottom] of boxes) {
        pen.fillRect(left - reach, top - reach, right - left + 2 * reach, bottom - top + 2 * reach);
      }
    }
    for (const [left, top, right, bottom] of boxes) {
      const box = [left, top, right - left, bottom - top];
      pen.clearRect(...box);
      pen.drawImage(this.cellsPen.canvas, ...box.map((at) => at * density), ...box);
    }
  }
}

const cssColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);

/** The position along the first axis of the first of `count` cells that is the value's own; null if all are padding. */
function firstPosition(value, first, count) {
  if (!value.origins) return positionOf(value, first)[0];
  const own = value.origins.slice(first, first + count).find(({ inside }) => inside);
  return own ? positionOf(value.original, own.source)[0] : null;
}

/** The legend of a value, and the views of its first maps, which share a width and a height in pixels. */
function valueViews(value, width, height) {
  const scale = scaleOf(value.numbers);
  const count = Math.min(value.channels, MOST_MAPS);
  const columns = count === 1 || NARROW_SCREEN.matches ? 1 : count <= 8 ? 2 : 3;
  const rows = Math.ceil(count / columns);
  const mapWidth = Math.min(width / columns - BLOCK_GAP, LARGEST_MAP);
  const layout = layOutMap(value, mapWidth, Math.max(SMALLEST_MAP, Math.min(height / rows, LARGEST_MAP)));
  const views = Array.from({ length: count }, (_, map) => new MapView(value, map, scale, layout));
  const elements = [element("div", { className: "maps" }, ...views.map((view) => view.figure))];
  if (value.channels > count) elements.push(line(`… ${value.channels - count} more maps`));
  return { value, scale, views, elements };
}
