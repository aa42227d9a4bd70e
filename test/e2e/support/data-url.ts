import type { World } from './world.ts';

/** The service names of the data stores resolve inside the cluster alone; from here they are reached by address. */
export function reachable(url: string, { cluster }: World): string {
  const at = new URL(url);
  at.hostname = at.protocol === 'redis:' ? new URL(cluster.redis.url).hostname : cluster.postgres.host;
  return at.href;
}
