/** Beyond this many entries the oldest are forgotten, so that memory stays bounded whatever happens. */
const remembered = 4_096;

/** Sets an entry as the newest of a map that forgets its oldest. */
export function keepRecent<T>(map: Map<string, T>, id: string, value: T): void {
  map.delete(id);
  map.set(id, value);
  for (const oldest of map.keys()) {
    if (map.size <= remembered) return;
    map.delete(oldest);
  }
}
