// Maps as squares of colour on a canvas.

const SMALLEST_CELL = 4; // pixels
const LARGEST_CELL = 56;
const SMALLEST_WRITTEN = 18; // pixels of a cell in which a number is written
const SLICE_GAP = 1; // cells between the slices of a map with three axes
const MOST_MAPS = 512;
const NARROW_SCREEN = matchMedia("(max-width: 60rem)");
const FONT = "11px system-ui, sans-serif";

/** The view of one map: a figure with the numbers written into the cells, if all of them fit. */
class MapView {
  constructor(value, map, scale, size) {
    this.value = value;
    this.map = map;
    this.scale = scale;
    const [depth, height, width] = value.volume;
    this.columns = value.isRow ? Math.min(width, Math.max(8, Math.floor(size / 20))) : width; // a long row is broken
    this.rows = value.isRow ? Math.ceil(width / this.columns) : depth * (height + SLICE_GAP) - SLICE_GAP;
    const longest = value.isRow ? this.columns : Math.max(this.columns, this.rows);
    this.side = Math.max(SMALLEST_CELL, Math.min(LARGEST_CELL, Math.floor(size / longest)));
    this.canvas = element("canvas");
    this.caption = element("figcaption", { textContent: value.isRow ? value.name : value.mapNames[map] });
    this.caption.hidden = value.channels === 1;
    this.figure = element("figure", {}, this.caption, this.canvas);
    this.pen = this.penFor(this.canvas);
    this.cellsPen = this.penFor(element("canvas")); // the cells are painted once and then copied
    this.labels = this.cellLabels();
    this.paintCells();
    this.drawnCell = undefined; // the picked cell that is framed, null for none; undefined before anything is drawn
  }

  /** Make a canvas as large as the map; return its drawing context. */
  penFor(canvas) {
    const density = window.devicePixelRatio || 1;
    canvas.width = this.columns * this.side * density;
    canvas.height = this.rows * this.side * density;
    canvas.style.width = `${this.columns * this.side}px`;
    canvas.style.height = `${this.rows * this.side}px`;
    const pen = canvas.getContext("2d");
    pen.scale(density, density);
    return pen;
  }

  /** The texts in the cells, with as many digits as fit into all of them; null if not even two do. */
  cellLabels() {
    if (this.side < SMALLEST_WRITTEN) return null;
    this.cellsPen.font = FONT;
    const numbers = Array.from({ length: this.value.cellCount }, (_, cell) => numberAt(this.value, cell, this.map));
    for (const digits of [6, 3, 2]) {
      const labels = numbers.map((number) => roundedText(number, digits));
      if (labels.every((label) => this.cellsPen.measureText(label).width < this.side - 4)) return labels;
    }
    return null;
  }

  /** The upper left pixel of a cell. */
  corner(cell) {
    const [, height, width] = this.value.volume;
    if (this.value.isRow) return [(cell % this.columns) * this.side, Math.floor(cell / this.columns) * this.side];
    const slice = Math.floor(cell / (height * width));
    const row = slice * (height + SLICE_GAP) + (Math.floor(cell / width) % height);
    return [(cell % width) * this.side, row * this.side];
  }

  /** The cell at a pixel; null if there is none. */
  cellAt(x, y) {
    const [column, row] = [Math.floor(x / this.side), Math.floor(y / this.side)];
    const [, height, width] = this.value.volume;
    if (column < 0 || column >= this.columns || row < 0 || row >= this.rows) return null;
    if (this.value.isRow) {
      const cell = row * this.columns + column;
      return cell < this.value.cellCount ? cell : null;
    }
    const [slice, rowInSlice] = [Math.floor(row / (height + SLICE_GAP)), row % (height + SLICE_GAP)];
    return rowInSlice < height ? (slice * height + rowInSlice) * width + column : null;
  }

  /** Paint all cells. Those of a laid-out input that are not its own are pale. */
  paintCells() {
    const { cellsPen: pen, side } = this;
    const [padding, soft] = ["--padding", "--soft"].map(cssColour);
    [pen.textAlign, pen.textBaseline, pen.font] = ["center", "middle", FONT];
    const gap = side >= 12 ? 1 : 0; // between the cells
    for (let cell = 0; cell < this.value.cellCount; cell += 1) {
      const [x, y] = this.corner(cell);
      const inside = !this.value.origins || this.value.origins[cell].inside;
      const number = numberAt(this.value, cell, this.map);
      const [background, ink] = inside ? cellColours(number, this.scale) : [padding, soft];
      pen.fillStyle = background;
      pen.fillRect(x, y, side - gap, side - gap);
      if (this.labels) {
        pen.fillStyle = ink;
        pen.fillText(this.labels[cell], x + side / 2, y + side / 2 + 0.5);
      }
    }
  }

  /** Draw the cells, with a frame around the `covered` cells of a window and one around the picked cell. */
  draw(covered, picked) {
    if (!covered && picked === this.drawnCell) return; // nothing has changed
    this.drawnCell = covered ? undefined : picked;
    const { pen, side } = this;
    pen.clearRect(0, 0, this.columns * side, this.rows * side);
    pen.drawImage(this.cellsPen.canvas, 0, 0, this.columns * side, this.rows * side);
    if (covered) this.frame(covered, cssColour("--mark"));
    if (picked !== null) this.frame(new Set([picked]), cssColour("--pick"));
  }

  /** Draw a line around cells, without lines between two that touch. */
  frame(cells, colour) {
    const { pen, side } = this;
    const corners = new Set([...cells].map((cell) => this.corner(cell).join(" ")));
    for (const [ink, width] of [["#fff", 4], [colour, 2.5]]) { // white below, so that the line shows on any colour
      pen.strokeStyle = ink;
      pen.lineWidth = Math.min(width, side / 2);
      const edge = pen.lineWidth / 2;
      pen.beginPath();
      for (const cell of cells) {
        const [x, y] = this.corner(cell);
        const isFree = (dx, dy) => !corners.has(`${x + dx} ${y + dy}`);
        const stroke = (x1, y1, x2, y2) => { pen.moveTo(x1, y1); pen.lineTo(x2, y2); };
        if (isFree(0, -side)) stroke(x, y + edge, x + side, y + edge);
        if (isFree(0, side)) stroke(x, y + side - edge, x + side, y + side - edge);
        if (isFree(-side, 0)) stroke(x + edge, y, x + edge, y + side);
        if (isFree(side, 0)) stroke(x + side - edge, y, x + side - edge, y + side);
      }
      pen.stroke();
    }
  }
}

const cssColour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);

/** The views of a value's maps: the first ones and the one with the number `also`, as large as fit into a container. */
function mapViews(value, scale, container, also) {
  const width = container.clientWidth - 8;
  const mostColumns = value.channels <= 2 || NARROW_SCREEN.matches ? 1 : value.channels <= 8 ? 2 : 3;
  const [depth, height, rowLength] = value.volume;
  const smallest = SMALLEST_CELL * Math.max(rowLength, depth * (height + SLICE_GAP)) + 16; // with the gap beside it
  const columns = value.isRow ? 1 : Math.max(1, Math.min(mostColumns, Math.floor(width / smallest)));
  const size = Math.min(480, Math.max(columns > 1 ? 110 : 0, width / columns - 8));
  const maps = [...Array(Math.min(value.channels, MOST_MAPS)).keys()];
  if (also >= maps.length) maps.push(also);
  return maps.map((map) => new MapView(value, map, scale, size));
}

/** The views of a value's maps, and all elements that show them. */
function valueViews(value, container, also = 0) {
  const scale = scaleOf(value.numbers);
  const views = mapViews(value, scale, container, also);
  const elements = [legend(scale), element("div", { className: "maps" }, ...views.map((view) => view.figure))];
  if (value.channels > views.length) elements.push(line(`… ${value.channels - views.length} more maps`));
  return { value, views, elements };
}
