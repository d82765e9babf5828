// What is on the page, and what happens when its reader points, presses keys or lets the window walk.

const WALK_INTERVAL = 700; // milliseconds

const HEADING_HEIGHT = 110; // pixels of a panel above its maps
const SEEN_BEFORE = 60; // pixels of the button before that of the current part, so that there is seen to be one
const PHONE_SHARE = 0.35; // of the height of a narrow screen for the maps, as the working comes below

const state = { part: 0, sample: data.start.sample, map: 0, cell: 0, isPinned: false };
let preview = null; // the map and the cell that the pointer is on, unless the picked ones are pinned
let inputs = []; // of the part: { value, scale, views, elements }
let output = null; // likewise, with `largeView`, a function from a map to its large view

/** The map and the cell that the page shows: those that the pointer is on, else the picked ones. */
const shown = () => preview ?? state;

// ---- show the part and the cell ----

/** Build everything that depends on the part and the sample. */
function showPart() {
  const part = data.parts[state.part];
  const value = valueOf(part.name, state.sample);
  preview = null;
  markCurrentPart();
  find("map").replaceChildren(...value.mapNames.map((name, map) => option(map, name)));
  find("map-label").hidden = value.channels < 2;
  find("position").max = value.cellCount - 1;
  showInputs(part, value);
  showOutput(part, value);
  showCell();
}

/** The pixels that a panel has for maps. */
function roomIn(id) {
  const height = NARROW_SCREEN.matches ? innerHeight * PHONE_SHARE : find("columns").clientHeight - HEADING_HEIGHT;
  return [find(id).clientWidth, Math.max(height, SMALLEST_MAP)];
}

function markCurrentPart() {
  const buttons = find("parts");
  [...buttons.children].forEach((button, index) => {
    if (index === state.part) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  });
  const { offsetLeft, offsetTop } = buttons.children[state.part];
  buttons.scrollTo(offsetLeft - buttons.offsetLeft - SEEN_BEFORE, offsetTop - buttons.offsetTop);
}

function showInputs(part, outputValue) {
  const values = part.inputs.map((name) => valueOf(name, state.sample));
  const hasWindows = part.windows && !values[0].isRow;
  const laidOut = hasWindows ? [layOut(part, values[0], outputValue)] : values;
  const [width, height] = roomIn("input");
  inputs = laidOut.map((value) => valueViews(value, width, height / laidOut.length));
  const heading = ({ value }) => (inputs.length > 1 ? [element("h3", { textContent: value.name })] : []);
  find("input-title").textContent = `Input: ${part.inputs.join(", ")}`;
  find("input").replaceChildren(...inputs.flatMap((input) =>
    [...heading(input), legend(input.scale), ...input.elements]));
}

/** Show a large view of the picked map and, if there are several, small ones of all below it. */
function showOutput(part, value) {
  const [width, height] = roomIn("output");
  const largeHeight = value.channels > 1 ? height * 0.55 : height;
  const largeLayout = layOutMap(value, Math.min(width, LARGEST_MAP), Math.min(largeHeight, LARGEST_MAP));
  output = valueViews(value, width, height - largeHeight);
  const largeViews = new Map();
  output.largeView = (map) => {
    if (!largeViews.has(map)) {
      largeViews.set(map, new MapView(value, map, output.scale, largeLayout));
      listenToPointer(largeViews.get(map));
    }
    return largeViews.get(map);
  };
  output.views.forEach(listenToPointer);
  find("output-title").textContent = `Output: ${part.name}`;
  find("output").replaceChildren(
    element("div", { id: "large" }, legend(output.scale), element("figure")),
    ...(value.channels > 1 ? output.elements : []),
  );
}

/** Show the value of the cell, its working, and where it comes from. */
function showCell() {
  const part = data.parts[state.part];
  const { value } = output;
  const { cell, map } = shown();
  const result = numberAt(value, cell, map);
  const position = positionOf(value, cell).join(",");
  const name = value.isRow ? part.name : `${part.name}: ${value.mapNames[map]}`;
  find("value").textContent = `${name} at ${position} = ${numberText(result)}`;
  find("map").value = map;
  find("position").value = cell;
  find("position").setAttribute("aria-valuetext", position);
  find("previous").disabled = cell === 0;
  find("next").disabled = cell === value.cellCount - 1;
  find("pin").setAttribute("aria-pressed", String(state.isPinned));
  find("pin").textContent = state.isPinned ? "Pinned" : "Pin";
  const working = WORKINGS[part.kind](part, inputs.map((input) => input.value), { output: value, cell, map, result });
  find("working").replaceChildren(...working.elements);
  drawInputs(working, map);
  drawOutput(cell, map);
}

/** Frame the cells that the working is about, in the maps that it is about. */
function drawInputs({ covered, channels, winner }, map) {
  inputs.forEach(({ views }, index) => views.forEach((view) => {
    const isSeen = channels ? channels.includes(view.map) : view.map === map || views.length === 1;
    view.figure.classList.toggle("seen", isSeen);
    view.draw(isSeen ? covered[index] : null, isSeen ? winner ?? null : null);
  }));
  revealOneOf([...find("input").querySelectorAll("figure.seen")], find("input").closest("section"));
}

function drawOutput(cell, map) {
  const view = output.largeView(map);
  const before = find("large").querySelector("figure");
  if (before !== view.figure) {
    const hadFocus = before.contains(document.activeElement);
    before.replaceWith(view.figure);
    view.canvas.tabIndex = 0;
    view.canvas.setAttribute("role", "application");
    view.canvas.setAttribute("aria-label", `${view.caption.textContent}: arrow keys move from cell to cell`);
    if (hadFocus) view.canvas.focus({ preventScroll: true });
  }
  view.draw(null, cell);
  output.views.forEach((small) => {
    small.figure.classList.toggle("picked", small.map === map);
    small.draw(null, small.map === map ? cell : null);
  });
}

/** Scroll a panel so that the first of some figures is seen, unless one of them is seen already. */
function revealOneOf(figures, panel) {
  const frame = panel.getBoundingClientRect();
  const isVisible = ({ top, bottom }) => bottom > frame.top && top < frame.bottom;
  const boxes = figures.map((figure) => figure.getBoundingClientRect());
  if (boxes.length && !boxes.some(isVisible)) panel.scrollTop += boxes[0].top - frame.top;
}

// ---- pick a cell ----

/** Pick a cell. It stays picked until another one is, whatever the pointer does. */
function pick(cell, map = state.map) {
  preview = null;
  state.cell = Math.min(Math.max(cell, 0), output.value.cellCount - 1);
  state.map = Math.min(Math.max(map, 0), output.value.channels - 1);
  showCell();
}

/** Pick the cell that is shown, and show no other one when the pointer moves. */
function pin() {
  const { cell, map } = shown();
  state.isPinned = true;
  pick(cell, map);
}

/** Let the pointer show other cells again. */
function free() {
  state.isPinned = false;
  pick(state.cell);
}

/** Show the cell that the pointer is on, as long as it is there; null for none. */
function setPreview(next) {
  if (state.isPinned || (next?.cell === preview?.cell && next?.map === preview?.map)) return;
  preview = next;
  showCell();
}

/** Show the cell of an output map that the pointer is on; pin it at a click. */
function listenToPointer(view) {
  const cellUnder = ({ clientX, clientY }) => {
    const box = view.canvas.getBoundingClientRect();
    return view.cellAt(clientX - box.left, clientY - box.top);
  };
  view.canvas.addEventListener("pointermove", (event) => {
    const cell = cellUnder(event);
    if (event.pointerType !== "touch") setPreview(cell === null ? null : { cell, map: view.map });
  });
  view.canvas.addEventListener("pointerleave", () => setPreview(null));
  view.canvas.addEventListener("click", (event) => {
    const cell = cellUnder(event);
    if (cell === null) return;
    pick(cell, view.map);
    pin();
  });
}

/**
 * Move from cell to cell with the keyboard, pin and free. Left and right work everywhere; the keys that also scroll the
 * page work only when the map has the focus, and Enter only where it presses nothing else.
 */
function onKey(event) {
  const isIn = (selector) => Boolean(event.target.closest?.(selector));
  if (event.ctrlKey || event.metaKey || event.altKey || isIn("select")) return;
  if (event.key === "Escape") free();
  if (event.key === "Enter" && !isIn("button, input")) pin();
  const isSideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
  if (isIn("input") || (!isSideways && !isIn("#output canvas"))) return;
  const { cell, map } = shown();
  const { columns } = output.largeView(map).layout;
  const targets = {
    ArrowLeft: [cell - 1, map], ArrowRight: [cell + 1, map], ArrowUp: [cell - columns, map],
    ArrowDown: [cell + columns, map], Home: [0, map], End: [output.value.cellCount - 1, map],
    PageUp: [cell, map - 1], PageDown: [cell, map + 1],
  };
  if (!(event.key in targets)) return;
  event.preventDefault();
  const [nextCell, nextMap] = targets[event.key];
  if (nextCell < 0 || nextCell >= output.value.cellCount || nextMap < 0 || nextMap >= output.value.channels) return;
  pick(nextCell, nextMap);
}

// ---- walk ----

let walkTimer = null;

function setWalking(isWalking) {
  clearInterval(walkTimer);
  walkTimer = isWalking ? setInterval(walkOn, WALK_INTERVAL) : null;
  find("walk").setAttribute("aria-pressed", String(isWalking));
  find("walk").textContent = isWalking ? "Stop" : "Walk";
  find("value").setAttribute("aria-live", isWalking ? "off" : "polite"); // a screen reader could not keep up
}

function walkOn() {
  if (state.cell === output.value.cellCount - 1) setWalking(false);
  else pick(state.cell + 1);
}

// ---- start ----

const lastPicked = new Map(); // by part: the cell and the map that were picked when the reader left it

function goToPart(index) {
  setWalking(false);
  lastPicked.set(state.part, [state.cell, state.map]);
  state.part = index;
  state.isPinned = false;
  [state.cell, state.map] = lastPicked.get(index) || greatest(valueOf(data.parts[index].name, state.sample));
  showPart();
}

/** The cell and the map of a value's greatest absolute number, of one map or of all. */
function greatest(value, map = null) {
  let best = map ?? 0;
  const distance = (number) => (Number.isNaN(number) ? -1 : Math.abs(number));
  value.numbers.forEach((number, index) => {
    const isOfMap = map === null || index % value.channels === map;
    if (isOfMap && distance(number) > distance(value.numbers[best])) best = index;
  });
  return [Math.floor(best / value.channels), best % value.channels];
}

function buildControls() {
  find("title").textContent = data.title;
  find("parts").append(...data.parts.map((part, index) => {
    const details = `${part.type} ${data.values[part.name].shape.join("×")}`;
    const button = element("button", { type: "button" }, part.name, element("small", { textContent: details }));
    button.addEventListener("click", () => goToPart(index));
    return button;
  }));
  const sampleCount = Object.values(data.values)[0].samples.length;
  find("sample").append(...Array.from({ length: sampleCount }, (_, sample) => option(sample, sample)));
  find("sample-label").hidden = sampleCount < 2;
  find("sample").value = state.sample;
}

function listenToControls() {
  find("sample").addEventListener("change", () => { state.sample = Number(find("sample").value); showPart(); });
  find("map").addEventListener("change", () => pick(state.cell, Number(find("map").value)));
  find("position").addEventListener("input", () => pick(Number(find("position").value)));
  find("previous").addEventListener("click", () => pick(state.cell - 1));
  find("next").addEventListener("click", () => pick(state.cell + 1));
  find("pin").addEventListener("click", () => (state.isPinned ? free() : pin()));
  find("walk").addEventListener("click", () => {
    if (!walkTimer && state.cell === output.value.cellCount - 1) pick(0);
    setWalking(!walkTimer);
  });
  document.addEventListener("keydown", onKey);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showPart);
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; showPart(); } });
}

/** Open the page at the value that was asked for. */
function openStart() {
  const { name, map, at } = data.start;
  if (name !== null) state.part = data.parts.findIndex((part) => part.name === name);
  const value = valueOf(data.parts[state.part].name, state.sample);
  if (value.isRow && map !== null) state.cell = map; // each map of the layer is a cell of the row
  else if (at) [state.cell, state.map] = [cellOf(value, at), map];
  else [state.cell, state.map] = greatest(value, map);
  showPart();
}

buildControls();
listenToControls();
openStart();
