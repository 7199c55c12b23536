// Lays out one graph after another, beside the page.

import { layout } from "./layout.js";

self.addEventListener("message", ({ data }) => self.postMessage(layout(data)));
