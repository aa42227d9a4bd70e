import { createHash } from 'node:crypto';
import { keepRecent } from '../recent.ts';

/**
 * Remembers writes after which the object still looked different from what was asked: the server, or a webhook, turned our value into
 * another spelling that the comparison does not know. Asking again would change nothing, so it is left alone until either side changes.
 *
 * This is what makes "a converged system writes nothing" hold for schemas nobody taught us.
 */
export class Unsettled {
  readonly #asked = new Map<string, string>();

  note(target: string, version: string | undefined, body: unknown): void {
    keepRecent(this.#asked, target, print(version, body));
  }

  settle(target: string): void {
    this.#asked.delete(target);
  }

  /** True when this very body was applied already and gave this very version. */
  knows(target: string, version: string | undefined, body: unknown): boolean {
    const asked = this.#asked.get(target);
    return asked !== undefined && asked === print(version, body);
  }
}

const print = (version: string | undefined, body: unknown): string =>
  `${version ?? ''}:${createHash('sha256').update(JSON.stringify(body)).digest('base64')}`;
