/** What a program answers at /metrics. */

/** Name of a series, as PromQL asks for it → the labels that it has here; none are known of a metric of which nothing was counted yet. */
export type Exported = ReadonlyMap<string, ReadonlySet<string>>;

const suffixes: Readonly<Record<string, readonly string[]>> = { histogram: ['_bucket', '_sum', '_count'], summary: ['', '_sum', '_count'] };

export function exportedIn(text: string): Exported {
  const found = new Map<string, Set<string>>();
  for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (\S+) (\w+)$/gm))
    for (const suffix of suffixes[type] ?? ['']) found.set(`${name}${suffix}`, new Set());
  for (const [, name = '', labels = ''] of text.matchAll(/^([a-zA-Z_:][\w:]*)\{(.*)\} \S+$/gm))
    for (const [, label = ''] of labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) found.get(name)?.add(label);
  return found;
}

/** What a PodMonitor adds to each series. */
export const addedByPrometheus: ReadonlySet<string> = new Set(['namespace', 'pod', 'container']);
