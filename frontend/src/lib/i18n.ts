/** Texts of the page by their English original; what a catalogue lacks stays English. */
export type Catalogue = Readonly<Record<string, string>>;

let catalogue: Catalogue = {};

export function useCatalogue(chosen: Catalogue): void {
  catalogue = chosen;
}

/** The text in the page's language; `{name}` stands for a value. */
export function t(text: string, values: Readonly<Record<string, string | number>> = {}): string {
  const translated = catalogue[text] ?? text;
  return translated.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
