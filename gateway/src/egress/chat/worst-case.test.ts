import { expect, test } from 'vitest';
import { model } from '../egress.fixture.ts';
import { worstCase } from './worst-case.ts';

const inputOf = (request: object) =>
  worstCase({ model: 'p/m', messages: [{ role: 'user', content: 'Hi' }], ...request }, 100, 'p/m', model('m')).inputTokens;

test('input has room for what templates add, and for the instructions that come with tools and schemas', () => {
  const plain = inputOf({});
  expect(plain).toBe(100 + 512);
  expect(inputOf({ tools: [] })).toBe(plain + 1024);
  expect(inputOf({ response_format: { type: 'json_schema' } })).toBe(plain + 1024);
});

test('input is never more than fits into the model', () => {
  const small = model('m', { contextWindow: 300, maxOutputTokens: 10 });
  expect(worstCase({ model: 'p/m', messages: [{}], tools: [{ type: 'function' }] }, 1_000_000, 'p/m', small).inputTokens).toBe(300);
});

test.each([[{ type: 'google_search' }], [{ google_search: {} }], [{ type: 'web_search', function: {} }], ['web_search']])(
  'a tool that the provider runs is refused: %o',
  (tool) => {
    expect(() => inputOf({ tools: [{ type: 'function', function: { name: 'f' } }, tool] })).toThrow(/tools changes what a call costs/);
  },
);

test('tools that the agent runs are taken', () => {
  const tools = [{ type: 'function', function: { name: 'f' } }, { function: { name: 'g' } }, { type: 'custom', custom: { name: 'h' } }];
  expect(inputOf({ tools })).toBe(inputOf({ tools: [] }));
});
