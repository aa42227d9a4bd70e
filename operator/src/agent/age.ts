import type { Head } from 'kube-runtime';

type Dated = Pick<Head, 'name'> & Partial<Head>;

/** By time of creation, then by name: an order that never changes. */
export function isOlder(one: Dated, other: Dated): boolean {
  const [a, b] = [one.creationTimestamp ?? '', other.creationTimestamp ?? ''];
  return a === b ? one.name < other.name : a < b;
}
