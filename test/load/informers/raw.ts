/** The least that could be done: one list, one watch, JSON.parse, a Map. Survives nothing. */
import { z } from 'zod';
import { path } from './deployments.ts';
import { Stopwatch } from './stopwatch.ts';

interface Item {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly resourceVersion: string };
}
const item = z.custom<Item>(() => true);
const list = z.object({ items: z.array(item) });
const event = z.custom<{ readonly object: Item }>(() => true);

const server = process.argv[2] ?? '';
const objects = new Map<string, Item>();
const keep = (one: Item): unknown => objects.set(`${one.metadata.namespace}/${one.metadata.name}`, one);

const watch = new Stopwatch();
const listed: unknown = await (await fetch(`${server}${path}`)).json();
list.parse(listed).items.forEach(keep);
watch.listed();
const { body } = await fetch(`${server}${path}?watch=true`);
let rest = '';
for await (const piece of body?.pipeThrough(new TextDecoderStream()) ?? []) {
  const lines = (rest + piece).split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) {
    const { object } = event.parse(JSON.parse(line));
    keep(object);
    watch.event(object.metadata.resourceVersion);
  }
}
