/** The servers that are compared, each in a process of its own. */
import { openPeers } from '../peers/peers.ts';
import { makeKeys, podHeaders, podToken } from '../servers/keys.ts';
import { startServer, type RunningServer } from '../servers/start.ts';
import { nameOf } from '../servers/tenants.ts';
import type { LoadStores } from './stores.ts';
import { targetAt, type Target } from './target.ts';

export interface Targets {
  /** The direct call first. */
  readonly targets: readonly Target[];
  /** What was on and what was not. */
  readonly notes: readonly string[];
  readonly close: () => Promise<void>;
}

/** The plain pass-through, which the goals are measured against. */
export const baseline = 'express + undici pass-through';
/** What nobody in its place can leave out, by the shortest way; less than it does (test/load/servers). */
export const dutiesOf = (what: 'edge' | 'egress'): string => `${what}'s duties alone`;
export const wholePath = 'edge → agent → egress';

const tenants = 1000;

export async function openTargets(stores: LoadStores): Promise<Targets> {
  const keys = await makeKeys();
  const measured = nameOf(tenants - 1);
  const started: RunningServer[] = [];
  const start = async (...args: Parameters<typeof startServer>): Promise<RunningServer> => {
    const server = await startServer(...args);
    started.push(server);
    return server;
  };
  const targets: Target[] = [];
  const add = (name: string, { said, pid }: RunningServer, behind: readonly RunningServer[] = [], headers = said.headers) =>
    targets.push(targetAt({ name, url: said.url, headers, model: said.model, pids: [pid, ...behind.map((server) => server.pid)] }));

  const stub = await start('stub', { keys });
  const upstream = stub.said.url;
  const common = { keys, stores: stores.setup, tenants };
  add('direct', stub);
  add('node:http pass-through', await start('plain-http', { upstream }));
  add(baseline, await start('pass-through', { upstream }));
  add(dutiesOf('edge'), await start('edge-duties', { ...common, upstream: stub.said.secureURL ?? '' }));
  add('edge', await start('edge', { ...common, upstream: stub.said.secureURL ?? '' }));
  const token = await podToken(keys, measured);
  const duties = await start('egress-duties', { ...common, upstream, podToken: token });
  add(dutiesOf('egress'), duties, [], { authorization: `Bearer ${token}` });
  add('egress', await start('egress', { ...common, upstream }), [], await podHeaders(keys, measured));
  const behind = await start('egress', { ...common, upstream });
  const agent = await start('agent', { ...common, upstream: behind.said.url, podToken: token });
  add(wholePath, await start('edge', { ...common, upstream: agent.said.url }), [agent, behind]);
  const peers = await openPeers(upstream);
  targets.push(...peers.targets);
  return {
    targets,
    notes: [
      `edge: API keys, limits by the minute of tenant and key counted in Redis, caller token, voucher, TLS to the stub, metrics, log lines; ${tenants} tenants with a key each`,
      'egress: pod token, voucher, daily and monthly budgets of tenant, agent and key leased from Postgres, audit chain in Postgres, metrics, log lines',
      `${wholePath}: all of that, and the agent runtime between them`,
      ...peers.notes,
    ],
    close: async () => {
      await Promise.all([...targets.map(({ pool }) => pool.destroy()), peers.close(), ...started.map((server) => server.close())]);
    },
  };
}
