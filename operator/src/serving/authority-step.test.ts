import { makeAuthority, readCertificate } from '@cloister/certificates';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentOf, authoritiesIn, nothingLeft, type Authorities, type Authority } from './authority-secret.ts';
import { stepOf, type Seen } from './authority-step.ts';

const day = 86_400;
const now = new Date('2026-06-30T00:00:00Z');
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000);
const pairs = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((index) => makeAuthority(`a${index}`, { from: ago(400 * day), days: 730 })));
const authority = (index: number, madeAt: Date, request?: string): Authority => {
  const pair = pairs[index];
  if (!pair) throw new Error('no such authority was made');
  return { pair, madeAt, request };
};
const a = authority(0, ago(day));
const b = authority(1, ago(400), 'monday');
const [A, B, C] = pairs.map(({ certificate }) => certificate);
if (!A || !B || !C) throw new Error('three authorities were made');

const due = { maxAgeDays: 365, holder: 'agents-authority', request: undefined };
const nobody: Authorities = { signer: undefined, next: undefined, trusted: [] };
const calm: Authorities = { signer: a, next: undefined, trusted: [A] };
const spreading: Authorities = { signer: a, next: b, trusted: [A, B] };
const ending = (seconds: number): Authorities => ({ signer: { ...b, madeAt: ago(seconds) }, next: undefined, trusted: [A, B] });

const step = (authorities: Authorities, rest: Partial<Seen> = {}) =>
  stepOf({
    authorities,
    published: authorities.trusted,
    publishedSince: ago(300),
    followedSince: () => ago(300),
    due,
    settleSeconds: 300,
    now,
    ...rest,
  });

test.each<[string, Authorities, Partial<Seen>, object]>([
  ['nothing at all', nobody, {}, { does: 'make the first', trusted: [] }],
  ['a Secret that was lost, while edge trusts one of before', nobody, { published: [A] }, { does: 'make the next', trusted: [A] }],
  ['one that is young', calm, {}, { does: 'nothing' }],
  ['one that is old', { ...calm, signer: { ...a, madeAt: ago(366 * day) } }, {}, { does: 'make the next', trusted: [A] }],
  ['one in the last third of its life', calm, { now: new Date('2026-12-31'), due: { ...due, maxAgeDays: 0 } }, { does: 'make the next' }],
  ['one for which somebody asked', calm, { due: { ...due, request: 'monday' } }, { does: 'make the next' }],
  ['a next one of which edge was not told', spreading, { publishedSince: undefined }, { does: 'wait', until: undefined }],
  [
    'a next one that some of edge may not know',
    spreading,
    { publishedSince: ago(299) },
    { does: 'wait', until: new Date(now.getTime() + 1000) },
  ],
  ['a next one that all of edge know', spreading, {}, { does: 'write', authorities: { signer: { ...b, madeAt: now }, trusted: [A, B] } }],
  [
    'one before, while a tenant has a certificate of it',
    ending(900),
    { followedSince: () => undefined },
    { does: 'wait', until: undefined },
  ],
  [
    'one before, whose last agent may not have taken another',
    ending(900),
    { followedSince: () => ago(299) },
    { does: 'wait', until: new Date(now.getTime() + 1000) },
  ],
  ['one before, which nobody shows any more', ending(900), {}, { does: 'write', authorities: { trusted: [B] } }],
  ['another request during a rotation', spreading, { publishedSince: undefined, due: { ...due, request: 'tuesday' } }, { does: 'wait' }],
  ['one that somebody took from the trusted', { ...calm, trusted: [C] }, {}, { does: 'write', authorities: { trusted: [C, A] } }],
])('%s', (_, authorities, rest, expected) => {
  expect(step(authorities, rest)).toMatchObject(expected);
});

describe('the Secret', () => {
  const secretOf = (authorities: Authorities) => ({
    metadata: { name: 'agents-authority', ...contentOf(authorities) },
    ...contentOf(authorities),
  });

  test.each([
    ['calm', calm],
    ['spreading', spreading],
    ['ending', ending(3)],
    ['without a signer', { signer: undefined, next: b, trusted: [A, B] }],
  ] as const)('in a state that is %s is read back', (_, authorities) => {
    expect(authoritiesIn(secretOf(authorities), now)).toEqual(authorities);
  });

  test('loses by the patch that writes a state whatever that state does not have', () => {
    const most = contentOf({ ...spreading, signer: { ...a, request: 'sunday' } });
    const least = contentOf(nobody);
    for (const part of ['annotations', 'data'] as const)
      expect(Object.keys({ ...nothingLeft[part], ...least[part] }).sort()).toEqual(Object.keys(most[part]).sort());
  });

  test('says nothing of authorities that have run out', () => {
    expect(authoritiesIn(secretOf(spreading), new Date('2028-01-01'))).toEqual(nobody);
  });
});

const names = new Map(pairs.map(({ certificate }) => [certificate, readCertificate(certificate)?.subject]));
const nameOf = (certificate: string) => names.get(certificate);

interface Moment {
  readonly seconds: number;
  readonly asks: boolean;
  readonly publishes: boolean;
  readonly issues: boolean;
  readonly loses: boolean;
}
interface Version<T> {
  readonly at: number;
  readonly is: T;
}
const settleSeconds = 300;

/** Edge and agents follow their files within the time to settle, each after a delay of its own; the operator looks when it likes, and may be away. */
class Life {
  #made = 0;
  #time = now.getTime();
  #asked = 'none';
  #state = nobody;
  /** What edge was told, and who signed what a tenant was given. */
  readonly #trust: Version<readonly string[]>[] = [];
  readonly #shown: Version<string>[] = [];

  /** False once all the authorities that were made for the test are used up. */
  pass({ seconds, asks, publishes, issues, loses }: Moment): boolean {
    this.#time += seconds * 1000;
    if (asks) this.#asked = `${this.#time}`;
    if (loses) this.#state = nobody;
    if (!this.#step()) return false;
    if (publishes) this.#publish();
    if (issues) this.#issue();
    return true;
  }

  /** Each pair of what some agent may still show, and what some edge may still know. */
  *meetings(): Generator<[string | undefined, (string | undefined)[]]> {
    for (const { is: by } of this.#within(this.#shown))
      for (const { is: certificates } of this.#within(this.#trust)) yield [nameOf(by), certificates.map(nameOf)];
  }

  #within<T>(versions: readonly Version<T>[]): Version<T>[] {
    return versions.filter((_, index) => (versions[index + 1]?.at ?? Infinity) > this.#time - settleSeconds * 1000);
  }

  #publish(): void {
    const { trusted } = this.#state;
    if (trusted.length > 0 && trusted.join() !== this.#trust.at(-1)?.is.join()) this.#trust.push({ at: this.#time, is: trusted });
  }

  /** No edge is there before it is told for the first time. */
  #issue(): void {
    const by = this.#state.signer?.pair.certificate;
    if (by !== undefined && by !== this.#shown.at(-1)?.is && this.#trust.length > 0) this.#shown.push({ at: this.#time, is: by });
  }

  #step(): boolean {
    const next = stepOf(this.#seen());
    if (next.does === 'write') this.#state = next.authorities;
    if (next.does === 'nothing' || next.does === 'wait' || next.does === 'write') return true;
    const pair = pairs[this.#made++];
    if (!pair) return false;
    const fresh = { pair, madeAt: new Date(this.#time), request: this.#asked };
    const trusted = [...next.trusted, pair.certificate];
    const first = next.does === 'make the first';
    this.#state = first ? { signer: fresh, next: undefined, trusted } : { ...this.#state, next: fresh, trusted };
    return true;
  }

  #seen(): Seen {
    const { trusted, signer } = this.#state;
    const [told, issued] = [this.#trust.at(-1), this.#shown.at(-1)];
    return {
      authorities: this.#state,
      published: told?.is ?? [],
      publishedSince: told && told.is.join() === trusted.join() ? new Date(told.at) : undefined,
      followedSince: () => (issued && issued.is !== signer?.pair.certificate ? undefined : new Date(issued?.at ?? 0)),
      due: { ...due, request: this.#asked },
      settleSeconds,
      now: new Date(this.#time),
    };
  }
}

test('however time passes and people ask, edge trusts the signer of every certificate that an agent may show', () => {
  const seconds = fc.integer({ min: 1, max: 500 });
  const loses = fc.integer({ min: 0, max: 20 }).map((number) => number === 0);
  const moment = fc.record({ seconds, asks: fc.boolean(), publishes: fc.boolean(), issues: fc.boolean(), loses });
  fc.assert(
    fc.property(fc.array(moment, { minLength: 5, maxLength: 60 }), (story) => {
      const life = new Life();
      for (const one of story) {
        if (!life.pass(one)) return;
        for (const [signer, known] of life.meetings()) expect(known).toContain(signer);
      }
    }),
    { numRuns: 500 },
  );
});
