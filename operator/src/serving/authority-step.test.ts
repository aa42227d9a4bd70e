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

/** Edge and agents follow their files within the time to settle, each after a delay of its own; the operator looks when it likes, and may be away. */
test('however time passes and people ask, edge trusts the signer of every certificate that an agent may show', () => {
  const settleSeconds = 300;
  const moves = fc.array(
    fc.record({
      seconds: fc.integer({ min: 1, max: 500 }),
      asks: fc.boolean(),
      publishes: fc.boolean(),
      issues: fc.boolean(),
      loses: fc.integer({ min: 0, max: 20 }),
    }),
    { minLength: 5, maxLength: 60 },
  );
  fc.assert(
    fc.property(moves, (story) => {
      let [made, time, asked] = [0, now.getTime(), 'none'];
      let state = nobody;
      const trust: { readonly at: number; readonly certificates: readonly string[] }[] = [];
      const shown: { readonly at: number; readonly by: string }[] = [];
      const another = (): Authority | undefined => {
        const pair = pairs[made++];
        return pair && { pair, madeAt: new Date(time), request: asked };
      };
      for (const { seconds, asks, publishes, issues, loses } of story) {
        time += seconds * 1000;
        if (asks) asked = `${time}`;
        if (loses === 0) state = nobody;
        const [latest, issued] = [trust.at(-1), shown.at(-1)];
        const signer = state.signer?.pair.certificate;
        const next = stepOf({
          authorities: state,
          published: latest?.certificates ?? [],
          publishedSince: latest && latest.certificates.join() === state.trusted.join() ? new Date(latest.at) : undefined,
          followedSince: () => (issued && issued.by !== signer ? undefined : new Date(issued?.at ?? 0)),
          due: { ...due, request: asked },
          settleSeconds,
          now: new Date(time),
        });
        if (next.does === 'write') state = next.authorities;
        if (next.does === 'make the first' || next.does === 'make the next') {
          const fresh = another();
          if (!fresh) return;
          const trusted = [...next.trusted, fresh.pair.certificate];
          state = next.does === 'make the first' ? { signer: fresh, next: undefined, trusted } : { ...state, next: fresh, trusted };
        }
        if (publishes && state.trusted.length > 0 && state.trusted.join() !== trust.at(-1)?.certificates.join())
          trust.push({ at: time, certificates: state.trusted });
        const by = state.signer?.pair.certificate;
        // no edge is there before it is told for the first time
        if (issues && by !== undefined && by !== shown.at(-1)?.by && trust.length > 0) shown.push({ at: time, by });
        const within = <T extends { readonly at: number }>(versions: readonly T[]) =>
          versions.filter((_, index) => index === versions.length - 1 || (versions[index + 1]?.at ?? 0) > time - settleSeconds * 1000);
        for (const { by: signing } of within(shown))
          for (const { certificates } of within(trust)) expect(certificates.map(nameOf)).toContain(nameOf(signing));
      }
    }),
    { numRuns: 500 },
  );
});

const names = new Map(pairs.map(({ certificate }) => [certificate, readCertificate(certificate)?.subject]));
const nameOf = (certificate: string) => names.get(certificate);
