import { expect, test } from 'vitest';
import { RecentlyRead } from './recently-read.ts';

const holder = (name: string, gone: string[]) => ({ letGo: () => void gone.push(name) });

test('what is read again stays, what is not goes after two generations of others at most', () => {
  const gone: string[] = [];
  const recently = new RecentlyRead(3);
  const often = holder('often', gone);
  recently.note(holder('once', gone));
  for (let index = 0; index < 12; index++) {
    recently.note(often);
    recently.note(holder(`other ${index}`, gone));
  }
  expect(gone).not.toContain('often');
  expect(gone.slice(0, 3)).toEqual(['once', 'other 0', 'other 1']);
  expect(gone.length).toBeGreaterThan(6);
});

test('nobody is told to let go twice, however often it was noted', () => {
  const gone: string[] = [];
  const recently = new RecentlyRead(2);
  const one = holder('one', gone);
  for (let index = 0; index < 5; index++) recently.note(one);
  for (let index = 0; index < 8; index++) recently.note(holder(`other ${index}`, gone));
  expect(gone.filter((name) => name === 'one')).toEqual(['one']);
});
