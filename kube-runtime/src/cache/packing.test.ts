import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { kind } from '../kind.ts';
import type { BaseObject } from '../resource.ts';
import { Held } from './held.ts';
import { Packing, restMs } from './packing.ts';
import { Store } from './store.ts';

interface Sign extends BaseObject {
  readonly spec: { readonly text: string };
}
const signs = kind<Sign>('example.dev/v1', 'Sign');
const sign = (name: string, text = `so says ${name}`): Sign => ({
  apiVersion: signs.apiVersion,
  kind: signs.kind,
  metadata: { name, namespace: 'a' },
  spec: { text },
});

let ending: AbortController;
let store: Store<Sign>;
let packing: Packing<Sign>;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  ending = new AbortController();
  store = new Store(() => undefined);
  packing = new Packing(store, ending.signal);
});
afterEach(() => {
  ending.abort();
  vi.useRealTimers();
});

function put(name: string, text?: string): void {
  const object = sign(name, text);
  store.set(new Held(object, signs), object);
  packing.soon();
}
const fill = (count: number) => Array.from({ length: count }, (_, index) => `sign-${index}`).forEach((name) => put(name));
const packed = () => [...store.all()].filter((held) => held.packed).length;

test('what has not changed for a while is packed, and read as it was', async () => {
  fill(300);
  expect(packed()).toBe(0);
  await vi.advanceTimersByTimeAsync(restMs + 1_000);
  expect(packed()).toBe(300);
  expect(store.get({ name: 'sign-7', namespace: 'a' })).toEqual(sign('sign-7'));
  expect(store.list('a')).toHaveLength(300);
});

test('what changes meanwhile is packed once it rests', async () => {
  fill(300);
  await vi.advanceTimersByTimeAsync(restMs - 1_000);
  put('sign-7', 'changed: ünïcödé 猫');
  await vi.advanceTimersByTimeAsync(2_000);
  expect(packed()).toBe(299);
  await vi.advanceTimersByTimeAsync(2 * restMs);
  expect(packed()).toBe(300);
  expect(store.get({ name: 'sign-7', namespace: 'a' })?.spec.text).toBe('changed: ünïcödé 猫');
});

test('what came some seconds after the rest is packed some seconds after it', async () => {
  fill(300);
  await vi.advanceTimersByTimeAsync(8_000);
  put('sign-7', 'changed');
  await vi.advanceTimersByTimeAsync(restMs - 7_000);
  expect(packed()).toBe(299);
  await vi.advanceTimersByTimeAsync(8_000);
  expect(packed()).toBe(300);
});

test('a small cache is left alone, and no timer runs where nothing is to be packed', async () => {
  fill(100);
  expect(vi.getTimerCount()).toBe(0);
  fill(300);
  await vi.advanceTimersByTimeAsync(4 * restMs);
  expect(packed()).toBe(300);
  expect(vi.getTimerCount()).toBe(0);
});

test('an end cuts the sweep short', async () => {
  fill(300);
  ending.abort();
  await vi.advanceTimersByTimeAsync(4 * restMs);
  expect(packed()).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

test('who reads an object again gets the same frozen tree', () => {
  const held = new Held(sign('one'), signs);
  expect(held.read()).toBe(held.read());
  expect(held.readOnce()).not.toBe(held.read());
  expect(Object.isFrozen(held.read().spec)).toBe(true);
  const told = Object.freeze(sign('one'));
  held.reads(told);
  expect(held.read()).toBe(told);
});
