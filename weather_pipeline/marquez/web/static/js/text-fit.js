// Cuts names to the width that they have, measured in the page's own font.

import { shorten } from "./format.js";

const context = document.createElement("canvas").getContext("2d");
const cache = new Map();

/** How many texts are remembered: "3 min ago" is another one every minute, and a page may stay open for days. */
const REMEMBERED = 20_000;

/**
 * The form of a name that fits `width` pixels in a CSS font such as "600 13px Arial": whole, else without its middle
 * parts ("weather…observations" for weather.weather.observations), else cut in the middle.
 */
export function fitText(text, width, font) {
  const key = `${font} ${width} ${text}`;
  if (cache.size >= REMEMBERED) cache.clear();
  if (!cache.has(key)) cache.set(key, fit(text, width, font));
  return cache.get(key);
}

function fit(text, width, font) {
  context.font = font;
  const fits = (form) => context.measureText(form).width <= width;
  return [text, ...withoutMiddleParts(text)].find(fits) ?? cut(text, fits);
}

function withoutMiddleParts(text) {
  const parts = text.split(/(?<=[./_-])/);
  const head = parts[0].slice(0, -1);
  return parts.slice(2).map((_, index) => `${head}…${parts.slice(index + 2).join("")}`);
}

function cut(text, fits) {
  let length = text.length;
  while (length > 4 && !fits(shorten(text, length))) length -= 1;
  return shorten(text, length);
}
