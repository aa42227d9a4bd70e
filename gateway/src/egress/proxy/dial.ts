/**
 * From a domain to a connection.
 *
 * Guarantee: the name is resolved once, and the connection goes to an address of that answer, written as an address, so nobody resolves it
 * again: a name that changes between check and use (DNS rebinding) gains nothing.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fail } from '../errors.ts';
import { isPublic, type Range } from './addresses.ts';
import type { Authority } from './authority.ts';
import type { Resolve } from './resolve.ts';

export type Open = (address: string, port: number) => Socket;

export const openDirectly: Open = (address, port) => connect({ host: address, port, allowHalfOpen: true, autoSelectFamily: false });

/** An answer can hold thousands of addresses, and egress is no scanner. */
const mostTries = 6;

export interface Dialling {
  readonly resolve: Resolve;
  readonly open: Open;
  readonly forbidden: readonly Range[];
  /** For resolving and connecting together. One address gets a third of it. */
  readonly connectMs: number;
}

export interface Dialled {
  readonly socket: Socket;
  readonly address: string;
}

/** The connection is not wanted any more: nobody was found at fault. */
export class Unwanted extends Error {
  readonly why: 'caller_gone' | 'stopped';

  constructor(why: Unwanted['why']) {
    super(`not wanted any more: ${why}`);
    this.name = 'Unwanted';
    this.why = why;
  }
}

/**
 * Rejects with `address_not_public` where a single address of the name is not, with `host_unreachable`, and with the reason of `unwanted` once
 * that aborts.
 */
export async function dial(
  { host, port }: Authority,
  { resolve, open, forbidden, connectMs }: Dialling,
  unwanted: AbortSignal,
): Promise<Dialled> {
  const signal = AbortSignal.any([unwanted, AbortSignal.timeout(connectMs)]);
  const addresses = await before(signal, resolve(host)).catch((error: unknown) => {
    unwanted.throwIfAborted();
    throw unreachable(host, error);
  });
  if (addresses.length === 0) throw unreachable(host);
  // All of them: who answers with a public and a private address has nothing good in mind, or nothing that a tenant should depend on.
  if (!addresses.every((address) => isPublic(address, forbidden))) throw fail('address_not_public', { values: { host } });
  let last: unknown;
  for (const address of addresses.slice(0, mostTries)) {
    if (signal.aborted) break;
    const socket = open(address, port);
    try {
      await once(socket, 'connect', { signal: AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(connectMs / 3))]) });
      return { socket, address };
    } catch (error) {
      socket.on('error', () => undefined).destroy();
      last = error;
    }
  }
  unwanted.throwIfAborted();
  throw unreachable(host, last);
}

const unreachable = (host: string, cause?: unknown) => fail('host_unreachable', { values: { host }, cause });

/** Rejects when the signal aborts first; what comes later is dropped. */
function before<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) => {
    const give = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    if (signal.aborted) give();
    else signal.addEventListener('abort', give, { once: true });
  });
  return Promise.race([promise, late]);
}
