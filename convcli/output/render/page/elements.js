// Elements of the page: lines of text, and grids of numbers.

const MOST_CELLS = 12; // along an axis of a grid of numbers

const find = (id) => document.getElementById(id);

function element(tag, properties = {}, ...children) {
  const created = Object.assign(document.createElement(tag), properties);
  created.append(...children);
  return created;
}

const paragraph = (className, content) => element("p", { className, textContent: content });
const line = (content) => paragraph("line", content);
const option = (value, textContent) => element("option", { value, textContent });
const sideBySide = (children) => element("div", { className: "grids" }, ...children);

/** The indices along an axis that a grid shows: all, or the first and last of many, with null between them. */
const shownIndices = (count) =>
  (count <= MOST_CELLS ? [...Array(count).keys()] : [0, 1, 2, 3, null, count - 3, count - 2, count - 1]);

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
    const content = numberText(numbers[index]);
    if (covered[index] && !covered[index].inside) {
      return element("td", { className: "padding", textContent: `(${content})` });
    }
    const cell = element("td", { className: index === winner ? "winner" : "", textContent: content });
    [cell.style.background, cell.style.color] = cellColours(numbers[index], scale);
    return cell;
  };
  const rows = shownIndices(rowCount).map((row) => {
    const className = row && row % sliceHeight === 0 ? "slice" : "";
    return element("tr", { className }, ...shownIndices(width).map((column) => gridCell(row, column)));
  });
  return element("table", {}, element("caption", { textContent: caption }), element("tbody", {}, ...rows));
}
