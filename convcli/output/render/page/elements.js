// Elements of the page: lines of text, and grids of numbers.

const MOST_CELLS = 12; // along an axis of a grid of numbers
const MOST_ROWS = 512; // of a table of vectors, which scrolls

const find = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const created = Object.assign(document.createElement(tag), properties);
  created.append(...children);
  return created;
}

const paragraph = (className, content) => element("p", { className, textContent: content });
const line = (content) => paragraph("line", content);
const option = (value, textContent) => element("option", { value, textContent });

/** Grids of numbers side by side, each kept beside the sign before it. */
const sideBySide = (signsAndGrids) => element("div", { className: "grids" }, ...signsAndGrids.map(([sign, grid]) =>
  element("div", { className: "operand" }, ...(sign ? [element("span", { textContent: sign })] : []), grid)));

/** The indices along an axis: all, or the first and last of more than `most`, with null between them. */
function shownIndices(count, most = MOST_CELLS) {
  if (count <= most) return [...Array(count).keys()];
  const ends = Math.floor(most / 3);
  return [...Array(ends).keys(), null, ...Array.from({ length: ends }, (_, index) => count - ends + index)];
}

/**
 * Numbers of the shape `sizes` as a table. The slices of three axes stand one below the other.
 *
 * `covered` are the cells that the numbers come from: those outside the input stand in parentheses, and the cell with
 * the index `winner` is marked.
 */
function numberGrid(sizes, numbers, caption, scale, covered = [], winner = -1) {
  const width = sizes.length ? sizes[sizes.length - 1] : 1;
  const rowCount = numbers.length / width;
  const sliceHeight = sizes.length > 2 ? sizes[sizes.length - 2] : rowCount;
  const gridCell = (row, column) => {
    if (row === null || column === null) return element("td", { textContent: "…" });
    const index = row * width + column;
    const cell = numberCell(numbers[index], scale, covered[index] && !covered[index].inside);
    if (index === winner) cell.className = "winner";
    return cell;
  };
  const rows = shownIndices(rowCount).map((row) => {
    const className = row && row % sliceHeight === 0 ? "slice" : "";
    return element("tr", { className }, ...shownIndices(width).map((column) => gridCell(row, column)));
  });
  return element("table", {}, element("caption", { textContent: caption }), element("tbody", {}, ...rows));
}

/** A cell of a table in the colour of its number, or pale and in parentheses where it is padding. */
function numberCell(number, scale, isPadding) {
  const content = numberText(number);
  if (isPadding) return element("td", { className: "padding", textContent: `(${content})` });
  const cell = element("td", { textContent: content });
  [cell.style.background, cell.style.color] = cellColours(number, scale);
  return cell;
}

/**
 * Vectors of `count` numbers as the columns of a table that scrolls.
 *
 * A column has a title, and numbers with their scale, or texts; or it is a sign between the two beside it.
 */
function vectorTable(columns, count) {
  const columnCell = ({ sign, texts, numbers, scale, isPadding }, row) => {
    if (sign) return element("td", { className: "sign", textContent: row === null ? "" : sign });
    if (row === null) return element("td", { textContent: "…" });
    if (texts) return element("td", { className: "sign", textContent: texts[row] });
    return numberCell(numbers[row], scale, isPadding);
  };
  const rows = shownIndices(count, MOST_ROWS).map((row) =>
    element("tr", {}, ...columns.map((column) => columnCell(column, row))));
  const titles = columns.map(({ title = "" }) => element("th", { textContent: title, scope: "col" }));
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...titles)), element("tbody", {}, ...rows));
  const scroller = element("div", { className: "vectors", tabIndex: 0 }, table);
  scroller.setAttribute("role", "region");
  scroller.setAttribute("aria-label", "Products");
  return scroller;
}
