import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { apiKeyMatches, createApiKey, hashApiKey, parseApiKey } from './api-key.ts';

describe('an API key', () => {
  test('names its tenant and its id', () => {
    const key = createApiKey('acme-2');
    expect(parseApiKey(key)).toEqual({ tenant: 'acme-2', id: key.split('_')[2] });
  });
  test('matches its own hash and no other', () => {
    const [one, two] = [createApiKey('acme'), createApiKey('acme')];
    expect(apiKeyMatches(one, hashApiKey(one))).toBe(true);
    expect(apiKeyMatches(one, hashApiKey(two))).toBe(false);
    expect(apiKeyMatches(one, 'ab')).toBe(false);
  });
});

test('no other text is taken for a key, whatever it is', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((tail) => `ck_${tail}`),
        fc.constant(`ck_a_${'0'.repeat(300)}`),
      ),
      (text) => {
        const parsed = parseApiKey(text);
        expect(parsed === undefined || text.startsWith(`ck_${parsed.tenant}_${parsed.id}_`)).toBe(true);
      },
    ),
  );
});
