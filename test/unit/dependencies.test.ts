import { describe, expect, test } from 'vitest';
import { readManifest, shippedOf, sourcesOf, workspaces } from './sources.ts';

const forEverybody = readManifest('.').devDependencies;
const typesOf = (name: string): string => `@types/${name}`;

describe.each(workspaces)('the package.json of %s', (workspace) => {
  const { name: self, dependencies, devDependencies } = readManifest(workspace);
  const sources = sourcesOf(workspace);
  const shipped = shippedOf(workspace, sources);

  test('names every package that is shipped', () => {
    const missing = shipped.flatMap(({ path, packages }) =>
      packages
        .filter((name) => name !== self && !(name in dependencies) && !(typesOf(name) in dependencies))
        .map((name) => `${path}: ${name}`),
    );
    expect(missing).toEqual([]);
  });

  test('names every package that is needed for development, or the root does', () => {
    const known = { ...forEverybody, ...devDependencies, ...dependencies };
    const missing = sources.flatMap(({ path, packages }) =>
      packages.filter((name) => name !== self && !(name in known)).map((name) => `${path}: ${name}`),
    );
    expect(missing).toEqual([]);
  });

  test('names no package that is not used', () => {
    const used = new Set(sources.flatMap(({ packages }) => [...packages, ...packages.map(typesOf)]));
    expect(Object.keys({ ...dependencies, ...devDependencies }).filter((name) => !used.has(name))).toEqual([]);
  });
});

describe('what Cloister is built on is at its current major version', () => {
  const ranges = new Map(
    ['.', ...workspaces].flatMap((folder) => {
      const { dependencies, devDependencies } = readManifest(folder);
      return [...Object.entries(dependencies), ...Object.entries(devDependencies)];
    }),
  );

  test.each([
    ['@kubernetes/client-node', 2],
    ['express', 5],
    ['pg', 8],
    ['ioredis', 6],
    ['openai', 7],
    ['prom-client', 15],
    ['@opentelemetry/api', 1],
    ['zod', 4],
    ['vitest', 5],
    ['node', 26],
  ])('%s %i', (name, major) => {
    expect(ranges.get(name)).toMatch(new RegExp(`^\\^${major}\\.`));
  });
});
