import { describe, expect, test } from 'vitest';
import { modelAllow, modelMatches, modelName, parseModel } from './models.ts';

describe('a model name', () => {
  test('splits at its first slash, so that a provider may have slashes in its own names', () => {
    expect(parseModel('openrouter/meta/llama-4:free')).toEqual({ provider: 'openrouter', model: 'meta/llama-4:free' });
  });
  test.each(['gpt-5', '/gpt-5', 'openai/', 'Open AI/x', 'openai/*', 'openai/x y'])('is refused: %j', (text) => {
    expect(parseModel(text)).toBeUndefined();
    expect(modelName.safeParse(text).success).toBe(false);
  });
});

describe('an allow pattern', () => {
  test.each([
    ['openai/*', 'openai/gpt-5', true],
    ['openai/gpt-5*', 'openai/gpt-5-mini', true],
    ['openai/gpt-5', 'openai/gpt-5-mini', false],
    ['openai/*', 'openai-evil/gpt-5', false],
  ])('%s against %s: %s', (pattern, name, expected) => {
    expect(modelMatches(pattern, name)).toBe(expected);
  });
  test('cannot span providers', () => {
    expect(modelAllow.safeParse('*').success).toBe(false);
    expect(modelAllow.safeParse('open*/x').success).toBe(false);
  });
});
