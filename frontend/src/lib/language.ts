import { useCatalogue, type Catalogue } from './i18n';

/** One file for each language but English; a reader downloads their own alone. */
const files = import.meta.glob<Catalogue>('../locales/*.json', { import: 'default' });

/** The catalogue's name for a language: of `de-AT` that of German, of any Chinese but the traditional one the simplified. */
export function catalogueName(language: string, names: readonly string[]): string | null {
  const tag = language.toLowerCase();
  const parts = tag.split('-').map((_, index, all) => all.slice(0, all.length - index).join('-'));
  if (/^zh(-(cn|sg))?$/.test(tag)) parts.unshift('zh-hans');
  return parts.find((part) => names.includes(part)) ?? null;
}

/** Has the page speak the language of its document; English where there is no catalogue, or none could be fetched. */
export async function useLanguageOfPage(language: string = document.documentElement.lang): Promise<void> {
  const paths = new Map(Object.keys(files).map((path) => [/([^/]+)\.json$/.exec(path)?.[1] ?? '', path]));
  const name = catalogueName(language, [...paths.keys()]);
  const load = name === null ? undefined : files[paths.get(name) ?? ''];
  try {
    if (name !== null && load) useCatalogue(await load(), name);
  } catch {
    // The page is of more use in English than not at all.
  }
}
