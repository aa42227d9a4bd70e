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
  expect(worstCase({ model: 'p/m', messages: [{}], tools: [{}] }, 1_000_000, 'p/m', small).inputTokens).toBe(300);
});
