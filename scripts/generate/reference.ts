/** Reference pages of the resources, from their definitions, so that pages and API server never disagree. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { reasonsFile, reasonsPage } from './reasons.ts';
import { definition, type Definition, type FieldSchema } from './definition.ts';
import { rolesPage } from './roles.ts';

export const referenceFolder = join('docs', 'reference');

/** File name → content: one page for each file of `crds/`, one of the roles, one of all reasons. `root` is the repository's. */
export function referencePages(root: string): ReadonlyMap<string, string> {
  const folder = join(root, 'crds');
  const resources = readdirSync(folder).map((name): [string, string] => [
    name.replace(/\.yaml$/, '.md'),
    page(definition.parse(parse(readFileSync(join(folder, name), 'utf8')))),
  ]);
  return new Map([...resources, ['roles.md', rolesPage()], [reasonsFile, reasonsPage()]]);
}

function page({ spec }: Definition): string {
  const { kind, plural, shortNames } = spec.names;
  return spec.versions
    .map(({ name: version, schema: { openAPIV3Schema: schema }, additionalPrinterColumns: columns }) => {
      const shown = columns.map((column) => (column.priority > 0 ? `${column.name} (\`-o wide\`)` : column.name)).join(', ');
      return [
        `<!-- Generated from crds/${plural}.yaml by "npm run generate". -->`,
        `# ${kind}`,
        schema.description ?? '',
        `\`${spec.group}/${version}\`, ${spec.scope === 'Cluster' ? 'cluster-wide' : 'in a namespace'}. ` +
          `\`kubectl get ${[plural, ...shortNames].join('` or `kubectl get ')}\` shows ${shown}.`,
        ...rulesOf(schema),
        '## spec',
        table(schema.properties?.['spec']),
        '## status',
        table(schema.properties?.['status']),
      ].join('\n\n');
    })
    .join('\n\n')
    .concat('\n');
}

const rulesOf = (schema: FieldSchema): string[] =>
  (schema['x-kubernetes-validations'] ?? []).flatMap((rule) => (rule.message === undefined ? [] : [`Rule: ${rule.message}.`]));

function table(schema: FieldSchema | undefined): string {
  const rows = schema === undefined ? [] : fields('', schema);
  return ['| field | type | meaning |', '|---|---|---|', ...rows].join('\n');
}

/** One row for each field, parents before children: `a`, `a.b`, `c[]`, `c[].d`. */
function fields(path: string, schema: FieldSchema): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const own = path === '' ? name : `${path}.${name}`;
    const required = schema.required?.includes(name) === true;
    return [row(own, field, required), ...fields(field.items ? `${own}[]` : own, field.items ?? field)];
  });
}

function row(path: string, field: FieldSchema, required: boolean): string {
  const rules = [...rulesOf(field), ...(field.items ? rulesOf(field.items) : [])];
  const meaning = [field.description ?? '', required ? 'Required.' : '', standard(field), ...rules].filter((text) => text !== '');
  return `| \`${path}\` | ${cell(typeOf(field))} | ${cell(meaning.join(' '))} |`;
}

const standard = ({ default: value }: FieldSchema): string => (value === undefined ? '' : `Default: \`${JSON.stringify(value)}\`.`);

function typeOf(field: FieldSchema): string {
  if (field.enum) return field.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (field['x-kubernetes-int-or-string']) return 'number or text';
  if (field.items) return `list${field.maxItems === undefined ? '' : ` (at most ${field.maxItems})`} of ${typeOf(field.items)}`;
  if (field.additionalProperties !== undefined && field.properties === undefined) return 'map of text to text';
  return `${names[field.type ?? ''] ?? field.format ?? field.type ?? 'any'}${bounds(field)}`;
}

const names: Readonly<Record<string, string>> = { string: 'text', boolean: 'true or false', object: 'object' };

function bounds({ minimum, maximum, maxLength }: FieldSchema): string {
  if (maxLength !== undefined) return ` (at most ${maxLength} characters)`;
  if (minimum === undefined && maximum === undefined) return '';
  return ` (${minimum ?? '…'} to ${maximum ?? '…'})`;
}

/** Within a table `|` would end the cell and a placeholder such as <name> would be taken for HTML. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
