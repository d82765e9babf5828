// Colours of numbers, on the scales that heatmaps and PNG images have too.

/** The palettes as lists of [red, green, blue]. */
const palettes = Object.fromEntries(Object.entries(data.palettes).map(([name, colours]) =>
  [name, colours.map((colour) => [0, 2, 4].map((start) => parseInt(colour.slice(start, start + 2), 16)))]));

/** The scale of many numbers: from the least to the greatest, or as far to both sides of zero if any is negative. */
const scaleOf = memoized((numbers) => {
  const finite = numbers.filter(Number.isFinite);
  const low = finite.reduce((least, number) => Math.min(least, number), Infinity);
  const high = finite.reduce((greatest, number) => Math.max(greatest, number), -Infinity);
  if (low > high) return { low: 0, high: 0, palette: palettes.sequential };
  if (low >= 0) return { low, high, palette: palettes.sequential };
  return signedScale(Math.max(-low, high));
});

const signedScale = (farthest) => ({ low: -farthest, high: farthest, palette: palettes.diverging });

/** The greatest absolute value of the finite numbers. */
const farthestFromZero = memoized((numbers) =>
  numbers.reduce((farthest, number) => Math.max(farthest, Number.isFinite(number) ? Math.abs(number) : 0), 0));

/** The colour of a number as [red, green, blue]. What is not finite has a colour that is on no scale. */
function colourOf(number, { low, high, palette }) {
  if (Number.isNaN(number)) return [128, 128, 128];
  if (!Number.isFinite(number)) return number > 0 ? [255, 0, 255] : [0, 255, 255];
  const fraction = high > low ? (number - low) / (high - low) : 0;
  const position = fraction * (palette.length - 1);
  const before = Math.min(Math.floor(position), palette.length - 2);
  return palette[before].map((channel, index) =>
    Math.round(channel + (palette[before + 1][index] - channel) * (position - before)));
}

/** How much light a colour of sRGB gives, relative to white: W3C, Web Content Accessibility Guidelines 2.2. */
function relativeLuminance(colour) {
  const [red, green, blue] = colour.map((channel) => channel / 255)
    .map((share) => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** Black or white to write on a colour, whichever has the higher contrast. */
function inkOn(colour) {
  const light = relativeLuminance(colour) + 0.05;
  return light / 0.05 > 1.05 / light ? "#000" : "#fff";
}

const cssText = ([red, green, blue]) => `rgb(${red} ${green} ${blue})`;

/** The CSS colour of a number, and the ink to write on it. */
function cellColours(number, scale) {
  const colour = colourOf(number, scale);
  return [cssText(colour), inkOn(colour)];
}

/** A bar of the scale's colours between its lowest and its highest number. */
function legend(scale) {
  const bar = element("canvas", { width: 64, height: 1 });
  const pen = bar.getContext("2d");
  for (let step = 0; step < 64; step += 1) {
    pen.fillStyle = cssText(colourOf(scale.low + ((scale.high - scale.low) * step) / 63, scale));
    pen.fillRect(step, 0, 1, 1);
  }
  bar.setAttribute("aria-hidden", "true");
  return element("div", { className: "legend" }, numberText(scale.low), bar, numberText(scale.high));
}
