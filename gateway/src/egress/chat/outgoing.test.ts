import { expect, test } from 'vitest';
import { outgoing } from './outgoing.ts';

const maximaOf = (type: Parameters<typeof outgoing>[1], named: object) => {
  const { max_tokens, max_completion_tokens } = outgoing({ model: 'p/m', messages: [{}], ...named }, type, 'm', 100);
  return { max_tokens, max_completion_tokens };
};
const bothNames = [
  {},
  { max_tokens: 300 },
  { max_completion_tokens: 300 },
  { max_tokens: 300, max_completion_tokens: 200 },
  { max_tokens: null },
];

// many compatible servers know no other name, so by another one the maximum would be none
test.each(['OpenAICompatible', 'Anthropic', 'Gemini', 'Offline'] as const)(
  'the maximum goes to %s as max_tokens and as nothing else',
  (type) => {
    for (const named of bothNames) expect(maximaOf(type, named)).toEqual({ max_tokens: 100, max_completion_tokens: undefined });
  },
);

test.each(['OpenAI', 'AzureOpenAI', 'Bedrock'] as const)(
  'the maximum goes to %s by the name that the caller gave it, or by the newer one',
  (type) => {
    expect(maximaOf(type, {})).toEqual({ max_tokens: undefined, max_completion_tokens: 100 });
    expect(maximaOf(type, { max_completion_tokens: 300 })).toEqual({ max_tokens: undefined, max_completion_tokens: 100 });
    expect(maximaOf(type, { max_tokens: 300 })).toEqual({ max_tokens: 100, max_completion_tokens: undefined });
  },
);

test('of several choices each has its part of the maximum', () => {
  expect(maximaOf('OpenAICompatible', { n: 4 })).toMatchObject({ max_tokens: 25 });
});

test('the tier is the plain one where it would be what the project behind the key is set to', () => {
  const tierOf = (type: Parameters<typeof outgoing>[1], named: object) =>
    outgoing({ model: 'p/m', messages: [{}], ...named }, type, 'm', 100)['service_tier'];
  for (const named of [{}, { service_tier: null }, { service_tier: 'auto' }, { service_tier: 'default' }])
    expect(tierOf('OpenAI', named), JSON.stringify(named)).toBe('default');
  expect(tierOf('OpenAI', { service_tier: 'flex' })).toBe('flex');
  expect([tierOf('AzureOpenAI', {}), tierOf('AzureOpenAI', { service_tier: 'auto' })]).toEqual([undefined, 'default']);
  expect([tierOf('OpenAICompatible', {}), tierOf('OpenAICompatible', { service_tier: 'auto' })]).toEqual([undefined, 'auto']);
});
