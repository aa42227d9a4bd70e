import { describe, expect, test } from 'vitest';
import { testDocument } from '../runtime.fixture.ts';
import { systemPrompt } from './instructions.ts';

const now = new Date('2026-03-01T23:30:00Z');
const promptOf = (instructions: string, additional?: string): string | undefined =>
  systemPrompt(testDocument({ agent: 'helper', instructions }), additional, now);

describe('instructions', () => {
  test.each([
    ['{{agent}} of {{tenant}} on {{date}}', 'helper of acme on 2026-03-01'],
    ['{{ agent }}', 'helper'],
    ['{{agent}}{{agent}}', 'helperhelper'],
    ['{{unknown}} {agent} {{toString}}', '{{unknown}} {agent} {{toString}}'],
  ])('"%s" become "%s"', (instructions, filled) => {
    expect(promptOf(instructions)).toBe(filled);
  });

  test('are followed by what the settings add, taken literally', () => {
    expect(promptOf('Base.', 'Say {{tenant}}.')).toBe('Base.\n\nSay {{tenant}}.');
  });

  test('may be missing on either side', () => {
    expect([promptOf('', 'More.'), promptOf('Base.', '  '), promptOf('', '')]).toEqual(['More.', 'Base.', undefined]);
  });
});
