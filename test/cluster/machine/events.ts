import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { lastLines } from '../command.ts';
import { ClusterError } from '../errors.ts';
import type { Progress } from '../progress.ts';
import type { Component } from './plan.ts';
import { isAlive, type ProcessIdentity } from './process.ts';

const event = z.object({
  component: z.string(),
  state: z.enum(['started', 'ready', 'exited', 'failed', 'stopped']),
  message: z.string().default(''),
});

type Event = z.infer<typeof event>;

/** What a machine has told of its components so far, oldest first. A line still being written counts from the next reading on. */
export async function eventsOf(dir: string): Promise<Event[]> {
  const text = await readFile(join(dir, 'log', 'events.ndjson'), 'utf8').catch(() => '');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => event.parse(JSON.parse(line)));
}

interface Waiting {
  readonly dir: string;
  readonly machine: ProcessIdentity;
  readonly components: readonly Component[];
  readonly progress: Progress;
  /** Milliseconds for all components together. */
  readonly within: number;
}

/**
 * Waits until all components have been ready once, and says so for each. Throws `component_failed`, with the end of its log, for one
 * that ended before that or was not ready in time.
 */
export async function awaitComponents({ dir, machine, components, progress, within }: Waiting): Promise<void> {
  const missing = new Map(components.map((component) => [component.name, component]));
  const deadline = Date.now() + within;
  let seen = 0;
  for (;;) {
    const events = await eventsOf(dir);
    for (const { component, state, message } of events.slice(seen)) {
      if (state === 'ready' && missing.delete(component)) progress.say(`${component} ready`);
      const trouble = troubleOf(state, message, missing.has(component));
      if (trouble !== undefined) throw await failure(dir, missing.get(component) ?? component, trouble);
    }
    seen = events.length;
    const [first] = missing.values();
    if (first === undefined) return;
    if (!(await isAlive(machine))) throw await failure(dir, 'init', 'ended, and the machine with it');
    if (Date.now() > deadline) throw await failure(dir, first, `was not ready within ${within / 1000} s`);
    await sleep(20);
  }
}

/** Waits for one component, silently; how long is up to whoever waits for all of them. */
export async function awaitComponent(dir: string, name: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const events = await eventsOf(dir);
    if (events.some(({ component, state }) => component === name && state === 'ready')) return;
    await sleep(50, undefined, { signal });
  }
}

function troubleOf(state: Event['state'], message: string, missing: boolean): string | undefined {
  if (state === 'failed') return `could not be started: ${message}`;
  return state === 'exited' && missing ? `ended (${message})` : undefined;
}

async function failure(dir: string, component: Component | string, what: string): Promise<ClusterError> {
  const name = typeof component === 'string' ? component : component.name;
  const log = join(dir, 'log', `${name === 'setup' ? 'init' : name}.log`);
  const tail = lastLines(await readFile(log, 'utf8').catch(() => 'there is no log'));
  const remedy = typeof component === 'string' ? 'see the log; the machine needs root and Linux namespaces' : component.remedy;
  return new ClusterError('component_failed', { component: name, what, log, tail, remedy });
}
