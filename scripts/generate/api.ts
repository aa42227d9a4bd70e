/** The API reference of kube-runtime, from its docstrings: what `index.ts` exports, with the words that stand above it. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

export const apiFolder = join('kube-runtime', 'docs');

/** One export, or one member of it. */
export interface Entry {
  readonly name: string;
  readonly signature: string;
  /** Empty where nobody wrote any. */
  readonly words: string;
  readonly members: readonly Entry[];
}

interface Section {
  readonly title: string;
  readonly entries: readonly Entry[];
}

/** Where an export is explained, by the file that holds it. The first that fits. */
const topics: readonly (readonly [title: string, files: RegExp])[] = [
  ['Connecting', /cluster\/connect\.ts$/],
  ['Kinds and objects', /\/(kind|resource|owners)\.ts$/],
  ['Controllers', /controller\//],
  ['Running', /run\//],
  ['The cluster', /cluster\//],
  ['Caches', /cache\//],
  ['Status, finalizers and Events', /\/(conditions|finalizers)\.ts$|events\//],
  ['Comparing and applying', /apply\//],
  ['Errors', /errors\.ts$/],
  ['Logging', /logger\.ts$/],
];

/** File name → content. `root` is the repository's. Throws when an export is not found or belongs to no topic. */
export function apiPages(root: string): ReadonlyMap<string, string> {
  return new Map([['api.md', page(sectionsOf(root))]]);
}

/** Exports, and methods of exports, that nobody documented: `Cluster.list`. */
export function undocumented(root: string): string[] {
  return sectionsOf(root)
    .flatMap(({ entries }) => entries)
    .flatMap((entry) => [
      ...(entry.words === '' ? [entry.name] : []),
      ...entry.members.filter(({ words, signature }) => words === '' && signature.includes('(')).map(({ name }) => `${entry.name}.${name}`),
    ]);
}

function sectionsOf(root: string): Section[] {
  const found = exportsOf(join(root, 'kube-runtime', 'src', 'index.ts'));
  return topics.map(([title, files], i) => {
    const earlier = topics.slice(0, i).map(([, pattern]) => pattern);
    const own = found.filter(({ file }) => files.test(file) && !earlier.some((pattern) => pattern.test(file)));
    // what is called stands before the types that it takes
    const entries = own.map(({ entry }) => entry).sort((a, b) => Number(isType(a)) - Number(isType(b)));
    return { title, entries };
  });
}

const isType = ({ signature }: Entry): boolean => /^(interface|type) /.test(signature);

function exportsOf(index: string): { file: string; entry: Entry }[] {
  return parse(index).statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement) || !statement.exportClause || !ts.isNamedExports(statement.exportClause)) return [];
    if (!statement.moduleSpecifier || !ts.isStringLiteral(statement.moduleSpecifier)) return [];
    const file = join(dirname(index), statement.moduleSpecifier.text);
    if (!topics.some(([, files]) => files.test(file))) throw new Error(`${file} belongs to no topic; add it to scripts/generate/api.ts`);
    const source = parse(file);
    return statement.exportClause.elements.map(({ name }) => ({ file, entry: entryOf(source, name.text) }));
  });
}

const parse = (file: string): ts.SourceFile => ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);

function entryOf(source: ts.SourceFile, name: string): Entry {
  for (const statement of source.statements) {
    if (ts.isVariableStatement(statement)) {
      const declaration = statement.declarationList.declarations.find((one) => one.name.getText() === name);
      if (declaration) return { name, signature: constant(declaration), words: wordsOf(statement), members: [] };
    } else if (isNamed(statement) && statement.name?.text === name) {
      return { name, signature: signatureOf(statement), words: wordsOf(statement), members: membersOf(statement) };
    }
  }
  throw new Error(`${source.fileName} does not declare ${name}`);
}

type Named = ts.InterfaceDeclaration | ts.TypeAliasDeclaration | ts.FunctionDeclaration | ts.ClassDeclaration;

const isNamed = (statement: ts.Statement): statement is Named =>
  ts.isInterfaceDeclaration(statement) ||
  ts.isTypeAliasDeclaration(statement) ||
  ts.isFunctionDeclaration(statement) ||
  ts.isClassDeclaration(statement);

/** The declaration up to its body. A type that is made of others is shown whole. */
function signatureOf(node: Named): string {
  if (ts.isTypeAliasDeclaration(node)) return tidy(node.getText());
  const body = ts.isFunctionDeclaration(node) ? node.body : node.members;
  const end = body && 'kind' in body ? body.getStart() : (body?.pos ?? node.end) - 1;
  return tidy(node.getSourceFile().text.slice(node.getStart(), end));
}

function constant({ name, type, initializer }: ts.VariableDeclaration): string {
  if (!initializer || !ts.isArrowFunction(initializer)) return tidy(`const ${name.getText()}${type ? `: ${type.getText()}` : ''}`);
  const head = initializer.getText().slice(0, initializer.equalsGreaterThanToken.getStart() - initializer.getStart());
  return tidy(`function ${name.getText()}${head}`);
}

function membersOf(node: Named): Entry[] {
  if (!ts.isInterfaceDeclaration(node) && !ts.isClassDeclaration(node)) return [];
  return [...hiddenBases(node).flatMap(membersOf), ...[...node.members].flatMap(memberOf)];
}

/** What a reader can follow nowhere else: bases that their file keeps to itself. */
function hiddenBases(node: ts.InterfaceDeclaration | ts.ClassDeclaration): Named[] {
  const names = new Set((node.heritageClauses ?? []).flatMap(({ types }) => types.map(({ expression }) => expression.getText())));
  return node
    .getSourceFile()
    .statements.filter(isNamed)
    .filter((base) => base.name && names.has(base.name.text) && !base.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword));
}

function memberOf(member: ts.TypeElement | ts.ClassElement): Entry[] {
  if (member.name && ts.isPrivateIdentifier(member.name)) return [];
  const isConstructor = ts.isConstructorDeclaration(member);
  const name = isConstructor ? 'constructor' : (member.name?.getText() ?? '');
  const body = 'body' in member && member.body !== undefined ? member.getText().indexOf(' {\n') : -1;
  const signature = tidy(body < 0 ? member.getText() : member.getText().slice(0, body)).replace(/;$/, '');
  return [{ name, signature, words: wordsOf(member), members: [] }];
}

const tidy = (text: string): string =>
  text
    .replace(/\/\*\*[\s\S]*?\*\//g, '')
    .replace(/^export /, '')
    .replace(/\breadonly /g, '')
    .replace(/\s+/g, ' ')
    .replace(/\( /g, '(')
    .replace(/,? \)/g, ')')
    .trim();

/** The docstring right above, as Markdown. */
function wordsOf(node: ts.Node): string {
  const docs = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  return docs.length === 0 ? '' : plain(docs.at(-1)?.getText() ?? '');
}

const plain = (comment: string): string =>
  comment
    .replace(/^\/\*\*/, '')
    .replace(/\*\/$/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .replace(/^@throws (\w+)/gm, '**Throws** `$1`:')
    .replace(/^(Flow|Guarantees|Errors|Limits|Assumptions|Caveats): /gm, '\n**$1.** ')
    .replace(/\n{3,}/g, '\n\n')
    .trim();

function page(sections: readonly Section[]): string {
  const anchorOf = anchors();
  const contents = sections.map(({ title, entries }) => {
    anchorOf(title.toLowerCase().replaceAll(',', '').replaceAll(' ', '-'));
    return `- ${title}: ${entries.map(({ name }) => `[\`${name}\`](#${anchorOf(name.toLowerCase())})`).join(', ')}`;
  });
  return [
    '<!-- Generated from the docstrings of kube-runtime/src by "npm run generate". -->',
    '# kube-runtime: API',
    'Everything that `import … from "kube-runtime"` can name. Times are in milliseconds, objects are plain JSON. All fields are read-only.',
    contents.join('\n'),
    ...sections.flatMap(({ title, entries }) => [`## ${title}`, ...entries.map(chapter)]),
  ]
    .join('\n\n')
    .concat('\n');
}

/** As web pages number headings of the same letters: `kind` and `Kind` are `kind` and `kind-1`. */
function anchors(): (slug: string) => string {
  const seen = new Map<string, number>();
  return (slug) => {
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  };
}

function chapter({ name, signature, words, members }: Entry): string {
  const rows = members.map(
    (member) => `- \`${member.signature}\`${member.words === '' ? '' : `: ${member.words.replace(/\s*\n\s*/g, ' ')}`}`,
  );
  return [`### ${name}`, `\`\`\`ts\n${signature}\n\`\`\``, words, rows.join('\n')].filter((part) => part !== '').join('\n\n');
}
