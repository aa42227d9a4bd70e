import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { followSecretFile } from './index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'followed-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** As a kubelet does it: the file is a link into a folder that is itself a link. */
function mount(version: string, text: string): string {
  writeFileSync(join(folder, version), text);
  const path = join(folder, 'url');
  rmSync(path, { force: true });
  symlinkSync(join(folder, version), path);
  return path;
}

test('tells of a new content, and of nothing while there is none', async () => {
  const path = mount('1', 'first\n');
  const told: string[] = [];
  const followed = followSecretFile({
    setting: 'X_FILE',
    path,
    everyMs: 5,
    onProblem: () => undefined,
    onChange: (text) => void told.push(text),
  });
  expect(followed.text).toBe('first');
  mount('2', 'second\n');
  await vi.waitFor(() => expect(told).toEqual(['second']));
  mount('3', 'second\n');
  mount('4', 'third');
  await vi.waitFor(() => expect(told).toEqual(['second', 'third']));
  followed.stop();
});

test('keeps what it knows while the file is away, and offers again what was not taken', async () => {
  const path = mount('1', 'first');
  let problems = 0;
  const told: string[] = [];
  const onChange = (text: string) => {
    told.push(text);
    if (told.length === 1) throw new Error('not now');
  };
  const followed = followSecretFile({ setting: 'X_FILE', path, everyMs: 5, onProblem: () => problems++, onChange });
  rmSync(path);
  await vi.waitFor(() => expect(problems).toBeGreaterThan(0));
  mount('2', 'second');
  await vi.waitFor(() => expect(told).toEqual(['second', 'second']));
  followed.stop();
});

test('a problem is told once, however long it lasts, and each new one, be it that nothing stands in the file', async () => {
  const path = mount('1', 'first');
  const problems: string[] = [];
  let looks = 0;
  const onChange = (text: string) => {
    looks++;
    if (text.startsWith('bad')) throw new Error(text);
  };
  const followed = followSecretFile({ setting: 'X_FILE', path, everyMs: 5, onProblem: (error) => problems.push(String(error)), onChange });
  /** Links may be seen between their removal and their return, which is a problem of its own. */
  const told = () => problems.filter((problem) => !problem.includes('ENOENT'));
  const badOne = 'Error: bad one';
  mount('2', 'bad one');
  await vi.waitFor(() => expect(looks).toBeGreaterThan(3));
  expect(told()).toEqual([badOne]);
  mount('3', '\n');
  const empty = expect.stringMatching(/X_FILE: the file .* is empty/) as string;
  await vi.waitFor(() => expect(told()).toEqual([badOne, empty]));
  mount('4', 'good');
  looks = 0;
  await vi.waitFor(() => expect(looks).toBe(1));
  mount('5', 'bad one');
  await vi.waitFor(() => expect(told()).toEqual([badOne, empty, badOne]));
  followed.stop();
});

test('a file that is not there is told at the start, with its setting', () => {
  const nothing = { onChange: () => undefined, onProblem: () => undefined };
  expect(() => followSecretFile({ setting: 'X_FILE', path: join(folder, 'none'), ...nothing })).toThrow(/X_FILE/);
});
