/** A text with a number in it, by the plural rule of the language; `other` is always there. */
export type Forms = Readonly<Partial<Record<Intl.LDMLPluralRule, string>>> & { readonly other: string };
/** Texts of the page by their English original; what a catalogue lacks stays English. */
export type Catalogue = Readonly<Record<string, string | Forms>>;
export type Values = Readonly<Record<string, string | number>>;

/** A text that stands in the source, so that the catalogues can be held against it; a mere `string` is none. */
type Literal<Text extends string> = string extends Text ? never : Text;

let catalogue: Catalogue = {};
let rules = new Intl.PluralRules('en');

export function useCatalogue(chosen: Catalogue, language = 'en'): void {
  catalogue = chosen;
  rules = new Intl.PluralRules(language);
}

/** The text in the page's language; `{name}` stands for a value. A remark in square brackets at the end is for translators. */
export function t<const Text extends string>(text: Literal<Text>, values: Values = {}): string {
  return filled(formOf(text) ?? text.replace(/ \[[^\]]*\]$/, ''), values);
}

/** A text that the server sent: in the page's language where its catalogue has it, else as it came. */
export function told(text: string): string {
  return formOf(text) ?? text;
}

/** "1 file", "3 files": the catalogues have the text for many, in as many forms as their language has. */
export function counted<const One extends string, const Many extends string>(
  count: number,
  one: Literal<One>,
  many: Literal<Many>,
  values: Values = {},
): string {
  const translated = catalogue[many];
  if (translated === undefined) return filled(count === 1 ? one : many, { count, ...values });
  return filled(typeof translated === 'string' ? translated : (translated[rules.select(count)] ?? translated.other), { count, ...values });
}

function formOf(text: string): string | undefined {
  const translated = Object.hasOwn(catalogue, text) ? catalogue[text] : undefined;
  return typeof translated === 'object' ? translated.other : translated;
}

function filled(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
