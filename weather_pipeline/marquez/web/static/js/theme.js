// Light, dark, or as the system says: the reader's choice, kept in the browser.

const KEY = "lineage-theme";
const THEMES = { system: "Colours: as the system", light: "Colours: light", dark: "Colours: dark" };

/** Let a button go through the themes; `changed` is called after each change, the system's too. */
export function themeButton(button, changed) {
  const names = Object.keys(THEMES);
  let theme = names.includes(stored()) ? stored() : "system";
  const show = () => {
    document.documentElement.dataset.theme = theme;
    button.title = THEMES[theme];
    button.setAttribute("aria-label", THEMES[theme]);
  };
  button.addEventListener("click", () => {
    theme = names[(names.indexOf(theme) + 1) % names.length];
    store(theme);
    show();
    changed();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  show();
}

// A browser may forbid storage: then the choice lasts as long as the page.
function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function store(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Nothing is lost but the memory of it.
  }
}
