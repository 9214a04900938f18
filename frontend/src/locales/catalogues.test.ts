// @vitest-environment node
import { readFileSync, readdirSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { counted, t, told, useCatalogue, type Catalogue, type Forms } from '../lib/i18n';
import { catalogueName } from '../lib/language';
import { textsOf, toldTexts } from '../testing/texts';

const names = readdirSync('src/locales').filter((name) => name.endsWith('.json'));
const texts = textsOf('src');
const plain = new Set([...texts.plain, ...toldTexts('..')]);

const read = (name: string): Catalogue => JSON.parse(readFileSync(`src/locales/${name}`, 'utf8')) as Catalogue;
const formsOf = (translated: string | Forms): string[] => (typeof translated === 'string' ? [translated] : Object.values(translated));
const placeholders = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g))].sort();

afterEach(() => useCatalogue({}));

test('every text of the page can be told from the source', () => expect(texts.unknown).toEqual([]));
test('no words stand in the markup where no catalogue reaches them', () => expect(texts.bare).toEqual([]));
test('German and Chinese are there', () => expect(names).toEqual(expect.arrayContaining(['de.json', 'zh-hans.json'])));

test.each(names)('%s has each text, and no other', (name) => {
  const all = [...plain, ...texts.counted];
  const there = Object.keys(read(name));
  expect({ missing: all.filter((text) => !there.includes(text)), unused: there.filter((text) => !all.includes(text)) }).toEqual({ missing: [], unused: [] });
});

test.each(names)('%s keeps the placeholders and leaves nothing empty', (name) => {
  const wrong = Object.entries(read(name)).filter(([text, translated]) =>
    formsOf(translated).some((form) => form.trim() === '' || String(placeholders(form)) !== String(placeholders(text))),
  );
  expect(wrong).toEqual([]);
});

test.each(names)('%s has the forms that its language counts in', (name) => {
  const needed = [...new Intl.PluralRules(name.replace('.json', '')).resolvedOptions().pluralCategories].sort();
  const catalogue = read(name);
  for (const text of texts.counted) expect(Object.keys(catalogue[text] ?? {}).sort(), text).toEqual(needed);
  for (const text of plain) expect(typeof catalogue[text], text).toBe('string');
});

test('a text without a translation stays English, without the remark for translators', () => {
  expect(t('Home [key]')).toBe('Home');
  useCatalogue({ 'Home [key]': 'Pos1', 'Saved {time}': '{time} gespeichert' }, 'de');
  expect([t('Home [key]'), t('Saved {time}', { time: '14:03' }), t('Window')]).toEqual(['Pos1', '14:03 gespeichert', 'Window']);
  expect([told('constructor'), told('Ward 3 [left]')]).toEqual(['constructor', 'Ward 3 [left]']);
});

test('numbers take the form of their language', () => {
  expect([1, 2].map((count) => counted(count, '{count} file', '{count} files'))).toEqual(['1 file', '2 files']);
  useCatalogue({ '{count} files': { one: '{count} plik', few: '{count} pliki', many: '{count} plików', other: '{count} pliku' } }, 'pl');
  expect([1, 3, 5].map((count) => counted(count, '{count} file', '{count} files'))).toEqual(['1 plik', '3 pliki', '5 plików']);
});

test.each([
  ['de', 'de'],
  ['de-AT', 'de'],
  ['zh', 'zh-hans'],
  ['zh-CN', 'zh-hans'],
  ['zh-Hans', 'zh-hans'],
  ['zh-Hans-CN', 'zh-hans'],
  ['zh-Hant', null],
  ['en', null],
  ['', null],
])('the catalogue of “%s” is %s', (language, name) => {
  expect(catalogueName(language, ['de', 'zh-hans'])).toBe(name);
});
