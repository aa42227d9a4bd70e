/**
 * Names into addresses, by the DNS servers of the cluster.
 *
 * The name is asked for as it stands: no search domain is put behind it and no hosts file is read, so that what is allowed is what is asked
 * for. And not by `lookup`, whose few threads would be held by names whose servers never answer: providers' names are looked up there, so a
 * tenant could stop everybody's model calls.
 */
import { Resolver } from 'node:dns/promises';

/** All addresses of a name. Rejects where it has none. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** `servers`: as `host:port`; those of the system when not given. */
export function resolveByDNS(servers?: readonly string[]): Resolve {
  // Servers that answer quickly make it less patient with the next name than it is told to be; more tries make up for that.
  const resolver = new Resolver({ timeout: 2_000, tries: 5 });
  if (servers) resolver.setServers(servers);
  return async (host) => {
    const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (addresses.length > 0) return addresses;
    throw new Error(`no address of ${host}`, { cause: answers.find((answer) => answer.status === 'rejected')?.reason });
  };
}
