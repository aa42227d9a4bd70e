/** What each replica of edge answers: asked from the node, past the Ingress, which leads a request to any of them. */
import { ports } from '@cloister/tenancy';
import { z } from 'zod';
import { runInside } from '../../cluster/index.ts';
import { inside } from '../../cluster/paths.ts';
import { podsOf } from './pods.ts';
import type { LiveTenant } from './tenants.ts';
import type { World } from './world.ts';

const script = `
  import { request } from 'node:http';
  const [host, key, ms, ...replicas] = process.argv.slice(1);
  const end = Date.now() + Number(ms);
  const ask = (replica) => new Promise((resolve, reject) => {
    const headers = { host, authorization: 'Bearer ' + key };
    request({ host: replica, port: ${ports.http}, path: '/v1/models', headers }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode));
    }).once('error', reject).end();
  });
  const answersOf = async (replica) => {
    const statuses = new Set();
    do statuses.add(await ask(replica)); while (Date.now() < end);
    return [...statuses];
  };
  process.stdout.write(JSON.stringify(await Promise.all(replicas.map(answersOf))));`;

/** Asks each replica for the tenant's models with this key, again and again for so many milliseconds. Gives the statuses of its answers. */
export async function askEachEdge(world: World, { host }: LiveTenant, key: string, ms: number): Promise<Set<number>[]> {
  const addresses = (await podsOf(world, 'edge')).map(({ address }) => address);
  const command = [`${inside.node}/node`, '--input-type=module', '-e', script, host, key, String(ms), ...addresses];
  return z
    .array(z.array(z.number()))
    .parse(JSON.parse(await runInside(world.cluster, command)))
    .map((statuses) => new Set(statuses));
}
