import { expect, test } from 'vitest';
import { changesBetween } from './changes.ts';

test.each<[string, unknown, unknown, unknown]>([
  ['nothing', { a: 1, b: [1] }, { b: [1], a: 1 }, []],
  ['a value', { a: { b: 1 } }, { a: { b: 2 } }, [{ field: 'a.b', before: 1, after: 2 }]],
  ['what came', { a: {} }, { a: { b: { c: 1 } } }, [{ field: 'a.b.c', after: 1 }]],
  ['what went', { a: 1, b: 2 }, { a: 1 }, [{ field: 'b', before: 2 }]],
  ['a list as a whole', { a: ['x'] }, { a: ['x', 'y'] }, [{ field: 'a', before: ['x'], after: ['x', 'y'] }]],
  [
    'what is named in a list, by its name, wherever it stands',
    {
      agents: [
        { name: 'x', url: 'u' },
        { name: 'y', budget: 1 },
      ],
    },
    {
      agents: [
        { name: 'y', budget: 2 },
        { name: 'x', url: 'u' },
      ],
    },
    [{ field: 'agents.y.budget', before: 1, after: 2 }],
  ],
  [
    'the last of a list',
    { agents: [{ name: 'x', a: 1 }] },
    { agents: [] },
    [{ field: 'agents', before: [{ name: 'x', a: 1 }], after: [] }],
  ],
  ['a value that became an object', { a: 1 }, { a: { b: 1 } }, [{ field: 'a', before: 1, after: { b: 1 } }]],
  [
    'all of what was not there',
    undefined,
    { a: { b: 1 }, c: [] },
    [
      { field: 'a.b', after: 1 },
      { field: 'c', after: [] },
    ],
  ],
])('%s', (_, before, after, changes) => {
  expect(changesBetween(before, after)).toEqual(changes);
});
