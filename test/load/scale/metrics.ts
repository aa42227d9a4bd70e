/** What the operator says of itself. */
export interface Sample {
  /** Keys that wait or are worked on, in all controllers. */
  readonly busy: number;
  /** Runs since it began. */
  readonly reconciles: number;
  /** Runs that ended with an error. */
  readonly errors: number;
  /** MiB of live JavaScript, as of the last garbage collection or so. */
  readonly heap: number;
}

export function sampleOf(text: string): Sample {
  const sum = (name: string): number =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
  return {
    busy: sum('workqueue_depth') + sum('controller_runtime_active_workers'),
    reconciles: sum('controller_runtime_reconcile_total'),
    errors: sum('controller_runtime_reconcile_errors_total'),
    heap: sum('nodejs_heap_size_used_bytes') / 2 ** 20,
  };
}
