import { fail } from '../errors.ts';

/** Of what a caller sent as `param`, or of the whole request. What could be parsed may be too deep to be written again: throws 400 `invalid_request`. */
export function jsonText(value: unknown, param?: string): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw fail('invalid_request', {
      ...(param !== undefined && { param }),
      values: { problem: `${param ?? 'the request'} is nested too deeply` },
    });
  }
}
