// What is on the page, and what happens when its reader points, presses keys or lets the window walk.

const WALK_INTERVAL = 700; // milliseconds

const state = { part: 0, sample: data.start.sample, map: data.start.map, cell: 0 };
let inputs = []; // of the part: { value, views, elements }
let output = null; // likewise

// ---- show the part and the cell ----

/** Build everything that depends on the part and the sample. */
function showPart() {
  const part = data.parts[state.part];
  const value = valueOf(part.name, state.sample);
  state.map = Math.min(state.map, value.channels - 1);
  state.cell = Math.min(state.cell, value.cellCount - 1);
  markCurrentPart();
  find("map").replaceChildren(...value.mapNames.map((name, map) => option(map, name)));
  find("map-label").hidden = value.channels < 2;
  find("position").max = value.cellCount - 1;
  showInputs(part, value);
  output = valueViews(value, find("output"), state.map);
  find("output-title").textContent = `Output: ${part.name}`;
  find("output").replaceChildren(...output.elements);
  output.views.forEach(listenToPointer);
  showCell();
}

function markCurrentPart() {
  [...find("parts").children].forEach((button, index) => {
    if (index === state.part) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  });
}

function showInputs(part, outputValue) {
  const values = part.inputs.map((name) => valueOf(name, state.sample));
  const hasWindows = part.windows && !values[0].isRow;
  const shown = hasWindows ? [layOut(part, values[0], outputValue)] : values;
  inputs = shown.map((value) => valueViews(value, find("input")));
  const heading = ({ value }) => (inputs.length > 1 ? [element("h3", { textContent: value.name })] : []);
  find("input-title").textContent = `Input: ${part.inputs.join(", ")}`;
  find("input").replaceChildren(...inputs.flatMap((input) => [...heading(input), ...input.elements]));
}

/** Show the value of the picked cell, its working, and where it comes from. */
function showCell() {
  const part = data.parts[state.part];
  const { value } = output;
  const result = numberAt(value, state.cell, state.map);
  const position = positionOf(value, state.cell).join(",");
  const name = value.isRow ? part.name : `${part.name}: ${value.mapNames[state.map]}`;
  find("value").textContent = `${name} at ${position} = ${numberText(result)}`;
  find("map").value = state.map;
  find("position").value = state.cell;
  find("position").setAttribute("aria-valuetext", position);
  find("previous").disabled = state.cell === 0;
  find("next").disabled = state.cell === value.cellCount - 1;
  const picked = { output: value, cell: state.cell, map: state.map, result };
  const working = WORKINGS[part.kind](part, inputs.map((input) => input.value), picked);
  find("working").replaceChildren(...working.elements);
  drawInputs(working);
  drawOutput();
}

/** Frame the cells that the working is about, in the maps that it is about. */
function drawInputs({ covered, channels, winner }) {
  inputs.forEach(({ views }, index) => views.forEach((view) => {
    const isSeen = channels ? channels.includes(view.map) : view.map === state.map || views.length === 1;
    view.figure.classList.toggle("seen", isSeen);
    view.draw(isSeen ? covered[index] : null, isSeen ? winner ?? null : null);
  }));
}

function drawOutput() {
  output.views.forEach((view) => {
    const isPicked = view.map === state.map;
    view.figure.classList.toggle("picked", isPicked);
    view.canvas.tabIndex = isPicked ? 0 : -1;
    view.draw(null, isPicked ? state.cell : null);
  });
}

// ---- pick a cell ----

const viewOf = (map) => output.views.find((view) => view.map === map);

function pick(cell, map = state.map) {
  if (cell === null || (cell === state.cell && map === state.map)) return;
  state.cell = Math.min(Math.max(cell, 0), output.value.cellCount - 1);
  state.map = Math.min(Math.max(map, 0), output.value.channels - 1);
  if (viewOf(state.map)) showCell();
  else showPart(); // which draws this map too
}

/** Pick the cell of an output map that the pointer is on. */
function listenToPointer(view) {
  const { canvas } = view;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", `${view.caption.textContent}: arrow keys move from cell to cell`);
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    pick(view.cellAt(event.clientX - box.left, event.clientY - box.top), view.map);
  };
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerdown", point);
}

/**
 * Move from cell to cell with the keyboard. Left and right work everywhere; the keys that also scroll the page work
 * only when the map has the focus.
 */
function onKey(event) {
  const isSideways = event.key === "ArrowLeft" || event.key === "ArrowRight";
  if (!isSideways && !event.target.closest?.("#output canvas")) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("select, input")) return;
  const { cell, map } = state;
  const { columns } = output.views[0];
  const targets = {
    ArrowLeft: [cell - 1, map], ArrowRight: [cell + 1, map], ArrowUp: [cell - columns, map],
    ArrowDown: [cell + columns, map], Home: [0, map], End: [output.value.cellCount - 1, map],
    PageUp: [cell, map - 1], PageDown: [cell, map + 1],
  };
  if (!(event.key in targets)) return;
  event.preventDefault();
  const [nextCell, nextMap] = targets[event.key];
  if (nextCell < 0 || nextCell >= output.value.cellCount || nextMap < 0 || nextMap >= output.value.channels) return;
  const hadFocus = output.views.some((view) => view.canvas === document.activeElement);
  pick(nextCell, nextMap);
  if (hadFocus) viewOf(state.map).canvas.focus();
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
  [state.cell, state.map] = lastPicked.get(index) || [0, 0];
  state.part = index;
  showPart();
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
  if (value.isRow) [state.cell, state.map] = [map, 0]; // each map of the layer is a cell of the row
  else if (at) state.cell = cellOf(value, at);
  showPart();
}

buildControls();
listenToControls();
openStart();
