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
  const [host, key, path, ms, ...replicas] = process.argv.slice(1);
  const end = Date.now() + Number(ms);
  const ask = (replica) => new Promise((resolve, reject) => {
    const headers = { host, authorization: 'Bearer ' + key };
    request({ host: replica, port: ${ports.http}, path, headers }, async (response) => {
      response.once('error', reject);
      resolve({ status: response.statusCode, text: (await response.setEncoding('utf8').toArray()).join('') });
    }).once('error', reject).end();
  });
  const answersOf = async (replica) => {
    const statuses = new Set();
    let last;
    do statuses.add((last = await ask(replica)).status); while (Date.now() < end);
    return { statuses: [...statuses], text: last.text };
  };
  process.stdout.write(JSON.stringify(await Promise.all(replicas.map(answersOf))));`;

const answers = z.array(z.object({ statuses: z.array(z.number()), text: z.string() }));

async function ask(world: World, { host }: LiveTenant, key: string, path: string, ms: number): Promise<z.infer<typeof answers>> {
  const addresses = (await podsOf(world, 'edge')).map(({ address }) => address);
  const command = [`${inside.node}/node`, '--input-type=module', '-e', script, host, key, path, String(ms), ...addresses];
  return answers.parse(JSON.parse(await runInside(world.cluster, command)));
}

/** Asks each replica for the tenant's models with this key, again and again for so many milliseconds. Gives the statuses of its answers. */
export const askEachEdge = async (world: World, tenant: LiveTenant, key: string, ms: number): Promise<Set<number>[]> =>
  (await ask(world, tenant, key, '/v1/models', ms)).map(({ statuses }) => new Set(statuses));

/** What each replica answers there, once. */
export const toldByEachEdge = async (world: World, tenant: LiveTenant, key: string, path: string): Promise<string[]> =>
  (await ask(world, tenant, key, path, 0)).map(({ text }) => text);
