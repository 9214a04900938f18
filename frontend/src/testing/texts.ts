import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** All texts that the page passes to `t`, `counted` and `told`, as its catalogues have them. */
export interface Texts {
  plain: ReadonlySet<string>;
  /** The forms for many. */
  counted: ReadonlySet<string>;
  /** Calls whose text cannot be told from the source, by place. */
  unknown: readonly string[];
  /** Words in the markup that no catalogue can reach, by place. */
  bare: readonly string[];
}

/** Attributes of elements and components that a person reads or hears. */
const READ_ATTRIBUTES = /^(title|alt|placeholder|aria-label|aria-description|aria-roledescription|aria-valuetext|label|description|caption|[xy]Label)$/;
const WORD = /\p{L}{2}/u;
/** Units and signs that are the same in every language. */
const NO_WORDS = new Set(['kbd']);

export function textsOf(folder: string): Texts {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !/\.test\.tsx?$/.test(name) && !name.startsWith('testing'))
    .map((name) => join(folder, name));
  const program = ts.createProgram(files, {
    jsx: ts.JsxEmit.ReactJSX,
    jsxImportSource: 'preact',
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    target: ts.ScriptTarget.ES2022,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
  });
  const found = emptyFound();
  for (const file of files) {
    const source = program.getSourceFile(file);
    if (source) collect(source, program.getTypeChecker(), found);
  }
  return found;
}

type Found = ReturnType<typeof emptyFound>;
const emptyFound = () => ({ plain: new Set<string>(), counted: new Set<string>(), unknown: [] as string[], bare: [] as string[] });

function collect(source: ts.SourceFile, checker: ts.TypeChecker, found: Found): void {
  const placeOf = (node: ts.Node): string => `${source.fileName.split('/src/')[1] ?? ''}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
  const take = (node: ts.Node | undefined, into: Set<string>): void => {
    const texts = node && literalsOf(checker.getTypeAtLocation(node));
    if (texts) for (const text of texts) into.add(text);
    else if (node) found.unknown.push(`${placeOf(node)} ${node.getText()}`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && !source.fileName.endsWith('lib/i18n.ts')) {
      if (node.expression.text === 't') take(node.arguments[0], found.plain);
      if (node.expression.text === 'counted') take(node.arguments[2], found.counted);
    }
    const bare = bareText(node);
    if (bare !== null && WORD.test(bare)) found.bare.push(`${placeOf(node)} ${bare}`);
    ts.forEachChild(node, visit);
  };
  visit(source);
}

/** The texts that an expression may be; null where it may be any. */
function literalsOf(type: ts.Type): string[] | null {
  if (type.isStringLiteral()) return [type.value];
  if (!type.isUnion()) return null;
  const all = type.types.map(literalsOf);
  return all.includes(null) ? null : all.flatMap((texts) => texts ?? []);
}

function bareText(node: ts.Node): string | null {
  if (ts.isJsxText(node)) return isIn(node.parent, NO_WORDS) ? null : node.text.trim();
  if (!ts.isJsxAttribute(node) || !READ_ATTRIBUTES.test(node.name.getText())) return null;
  return node.initializer && ts.isStringLiteral(node.initializer) ? node.initializer.text : null;
}

function isIn(parent: ts.Node, tags: ReadonlySet<string>): boolean {
  return ts.isJsxElement(parent) && tags.has(parent.openingElement.tagName.getText());
}

/** What the server sends in English and `told` translates: groups of actions, windows of its own, usual findings. */
export function toldTexts(root: string): Set<string> {
  const read = (path: string): string => readFileSync(join(root, path), 'utf8');
  const actions = JSON.parse(read('annotations/reading_actions.json')) as { group: string }[];
  const windows = [...read('annotations/dicom/windows.py').matchAll(/(?:\bWindow\(|return )"([^"]+)"/g)].map(([, name]) => name ?? '');
  const findings = /COMMON_FINDING_TYPES = \(([^)]*)\)/.exec(read('annotations/models/rubric.py'))?.[1] ?? '';
  return new Set([...actions.map(({ group }) => group), ...windows, ...[...findings.matchAll(/"([^"]+)"/g)].map(([, name]) => name ?? '')]);
}
