import { describe, expect, test } from 'vitest';
import { folderOf, sourcesOf, workspaces, type Source } from './sources.ts';

const shared = ['tenancy', 'identity', 'certificates', 'telemetry', 'settings', 'api-errors'];

/** Who may import whom. What is not listed here may not be imported. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  'kube-runtime': [],
  'kube-model': ['kube-runtime'],
  tenancy: [],
  identity: ['tenancy'],
  certificates: [],
  telemetry: [],
  settings: [],
  'api-errors': [],
  operator: ['kube-runtime', ...shared],
  gateway: ['kube-runtime', ...shared],
  'agent-runtime': shared,
  test: workspaces,
};

const sources: ReadonlyMap<string, readonly Source[]> = new Map(workspaces.map((workspace) => [workspace, sourcesOf(workspace)]));
const all: readonly Source[] = [...sources.values(), sourcesOf('scripts')].flat();

test('every workspace says whom it may import', () => {
  expect(Object.keys(arrows).sort()).toEqual([...workspaces].sort());
});

describe.each(workspaces)('%s', (workspace) => {
  const own = sources.get(workspace) ?? [];

  test('imports only the workspaces that it may', () => {
    const allowed = [workspace, ...(arrows[workspace] ?? [])];
    const wrong = own.flatMap(({ path, packages }) =>
      packages.flatMap((name) => {
        const folder = folderOf.get(name);
        return folder === undefined || allowed.includes(folder) ? [] : [`${path} imports ${name}`];
      }),
    );
    expect(wrong).toEqual([]);
  });
});

// Only tests may, which look at things from outside: at the scripts, or at a file that its package does not export.
test.each(workspaces.filter((workspace) => workspace !== 'test'))('%s reaches the others by package name, never by path', (workspace) => {
  const wrong = (sources.get(workspace) ?? []).flatMap(({ path, files }) =>
    files.filter((file) => !file.startsWith(`${workspace}/`)).map((file) => `${path} imports ${file}`),
  );
  expect(wrong).toEqual([]);
});

test('no file is longer than 300 lines', () => {
  const long = all.map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 })).filter(({ lines }) => lines > 300);
  expect(long).toEqual([]);
});

test('nothing is exported by default, so that a thing has one name everywhere', () => {
  expect(all.filter(({ text }) => /^export default /m.test(text)).map(({ path }) => path)).toEqual([]);
});

test('files and folders are named for what they hold', () => {
  const vague = /(^|\/)(utils?|helpers?|common|misc|shared|stuff)(\.[a-z.]+)?(\/|$)/;
  expect(all.filter(({ path }) => vague.test(path)).map(({ path }) => path)).toEqual([]);
});

test('nothing is put off, skipped or silenced', () => {
  // Spelt in two parts, or this file would find itself.
  const marks = ['TO' + 'DO', 'FIX' + 'ME', '@ts-' + 'ignore', '@ts-' + 'nocheck', '.skip' + '(', '.only' + '(', 'as ' + 'any'];
  const wrong = all.flatMap(({ path, text }) => marks.filter((mark) => text.includes(mark)).map((mark) => `${path}: ${mark}`));
  expect(wrong).toEqual([]);
});
