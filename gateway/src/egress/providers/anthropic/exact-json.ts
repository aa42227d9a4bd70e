declare global {
  /** ECMAScript 2026, which Node has and TypeScript's own declarations have not. */
  interface JSON {
    parse(text: string, reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown;
    rawJSON(text: string): object;
    isRawJSON(value: unknown): boolean;
  }
}

/**
 * JSON that is written again as it was: a number that could come out as another one, such as an id of nineteen digits, stands there as its text
 * (`JSON.rawJSON`), which `JSON.stringify` writes as it is. Throws as `JSON.parse` does, and where it is nested too deeply.
 */
export const parseExactly = (text: string): unknown =>
  JSON.parse(text, (_, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined ? JSON.rawJSON(source) : value,
  );
