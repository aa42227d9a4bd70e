import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { collect } from '../runtime.fixture.ts';
import { completionEvents } from './completion-stream.ts';
import { event } from './egress.double.ts';

const events = (...chunks: readonly unknown[]) => collect(completionEvents(Readable.from([Buffer.from(chunks.map(event).join(''))])));
const end = { choices: [{ delta: { content: ' there' }, finish_reason: 'stop' }] };
const ended = [
  { type: 'text', text: ' there' },
  { type: 'finish', reason: 'stop' },
];

const thinking = { type: 'thinking', thinking: [{ type: 'text', text: 'Hm' }] };
const parts = [thinking, { type: 'text', text: 'H' }, { type: 'text', text: 'i' }];
test.each([
  ['text', { choices: [{ delta: { content: 'Hi' } }] }],
  ['a refusal', { choices: [{ delta: { content: null, refusal: 'Hi' } }] }],
  ['parts, of which some are no text', { choices: [{ delta: { content: parts } }] }],
])('what is said as %s is text', async (_, chunk) => {
  expect(await events(chunk, end)).toEqual([{ type: 'text', text: 'Hi' }, ...ended]);
});

test.each([
  ['content of another kind', { choices: [{ delta: { content: { text: 'Hi' } } }] }],
  ['no delta', { choices: [{ delta: null, finish_reason: null }] }],
  ['no choices', { choices: null }],
  ['usage that counts nothing', { choices: [], usage: { prompt_tokens: null } }],
])('a chunk with %s says nothing, and the answer goes on', async (_, chunk) => {
  expect(await events(chunk, end)).toEqual(ended);
});

test.each([
  ['an error', { error: { message: 'broken' } }],
  ['no chunk', 'Hi'],
])('a stream in which there is %s is no answer', async (_, chunk) => {
  await expect(events(chunk, end)).rejects.toMatchObject({ code: 'model_interrupted' });
});
