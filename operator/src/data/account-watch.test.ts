import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { AccountWatch } from './account-watch.ts';

/** A server in memory: accounts with a number that stands for all that can be seen of them. */
class ServerDouble {
  readonly accounts = new Map<string, number>();
  readonly asked: string[][] = [];
  away = false;
  /** Not all of its accounts can be seen. */
  veiled = false;

  readonly look = (accounts: readonly { name: string }[]) => {
    this.asked.push(accounts.map(({ name }) => name));
    if (this.away) return Promise.reject(new Error('connection refused'));
    const looks = accounts.map(({ name }) => {
      const now = this.accounts.get(name);
      return { digest: this.veiled ? undefined : String(now), logins: [name], fits: (wanted: number) => Promise.resolve(wanted === now) };
    });
    return Promise.resolve(looks);
  };
}

let server: ServerDouble;
let told: string[];
let watch: AccountWatch<{ name: string }, number>;
beforeEach(() => {
  vi.useFakeTimers();
  server = new ServerDouble();
  told = [];
  watch = new AccountWatch({ seconds: 300, look: server.look, drifted: (tenant) => told.push(tenant) });
});
afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});

/** As whoever finds it in order does. */
async function find(name: string): Promise<void> {
  server.accounts.set(name, server.accounts.get(name) ?? 1);
  const account = { name };
  const [found] = await Promise.all([watch.look(account), vi.advanceTimersByTimeAsync(5)]);
  watch.believe({ account, tenant: name, inputs: 'wishes', digest: found.digest });
}

const pass = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000);

describe('what was found in order', () => {
  test('is believed for the same wishes, until it is forgotten', async () => {
    await find('a');
    expect(watch.believes('a', 'wishes')).toBe(true);
    expect(watch.believes('a', 'other wishes')).toBe(false);
    watch.forget('a');
    expect(watch.believes('a', 'wishes')).toBe(false);
  });

  test('is looked at within each period, and nobody is told while nothing changes', async () => {
    watch.start();
    await find('a');
    for (let period = 0; period < 5; period++) {
      server.asked.length = 0;
      await pass(300);
      expect(server.asked.flat()).toContain('a');
    }
    expect(told).toEqual([]);
  });

  test('is believed no more once it has changed, which is told once', async () => {
    watch.start();
    await find('a');
    await find('b');
    server.accounts.set('a', 2);
    await pass(900);
    expect(told).toEqual(['a']);
    expect(watch.believes('a', 'wishes')).toBe(false);
    expect(watch.believes('b', 'wishes')).toBe(true);
  });

  test('is told each time where not all of it can be seen', async () => {
    server.veiled = true;
    watch.start();
    await find('a');
    await pass(300);
    expect(told).toEqual(['a']);
    await find('a');
    await pass(300);
    expect(told).toEqual(['a', 'a']);
  });
});

test('whatever comes when: a change of any of 1,000 accounts is told within the period, and no look takes more than 100', async () => {
  watch.start();
  for (let index = 0; index < 1000; index++) {
    server.accounts.set(`t-${index}`, 1);
    watch.believe({ account: { name: `t-${index}` }, tenant: `t-${index}`, inputs: 'wishes', digest: '1' });
    if (index % 100 === 0) await pass(7);
  }
  const changed = ['t-0', 't-555', 't-999'];
  for (const name of changed) server.accounts.set(name, 2);
  await pass(300);
  expect(told.sort()).toEqual(changed);
  expect(Math.max(...server.asked.map(({ length }) => length))).toBe(100);
});

test('what is looked at again in the meantime is not told of what was found before', async () => {
  watch.start();
  await find('a');
  let answer: (() => void) | undefined;
  const slow = new AccountWatch<{ name: string }, number>({
    seconds: 10,
    look: (accounts) => new Promise((resolve) => (answer = () => void server.look(accounts).then(resolve))),
    drifted: (tenant) => told.push(tenant),
  });
  const account = { name: 'a' };
  slow.believe({ account, tenant: 'a', inputs: 'wishes', digest: 'old' });
  slow.start();
  await pass(1);
  slow.believe({ account, tenant: 'a', inputs: 'wishes', digest: '1' });
  answer?.();
  await pass(1);
  slow.stop();
  expect(told).toEqual([]);
  expect(slow.believes('a', 'wishes')).toBe(true);
});

describe('a server that is away', () => {
  test('for a moment is nobody’s business', async () => {
    await find('a');
    server.away = true;
    watch.start();
    await pass(4);
    server.away = false;
    await pass(300);
    expect(told).toEqual([]);
  });

  test('for longer is told for every account, soon after the first one found it', async () => {
    watch.start();
    for (const name of ['a', 'b', 'c']) await find(name);
    await pass(160);
    server.away = true;
    watch.hurry();
    await pass(6);
    expect(told.sort()).toEqual(['a', 'b', 'c']);
    expect(watch.believes('a', 'wishes')).toBe(false);
  });

  test('is asked no more while there is nothing to believe', async () => {
    server.away = true;
    watch.start();
    watch.hurry();
    await pass(900);
    expect(server.asked).toEqual([]);
  });
});

test('looks that are asked for within moments are one', async () => {
  for (const name of ['a', 'b', 'c']) server.accounts.set(name, 1);
  const [looks] = await Promise.all([Promise.all(['a', 'b', 'c'].map((name) => watch.look({ name }))), vi.advanceTimersByTimeAsync(5)]);
  expect(server.asked).toEqual([['a', 'b', 'c']]);
  expect(await Promise.all(looks.map((look) => look.fits(1)))).toEqual([true, true, true]);
});
