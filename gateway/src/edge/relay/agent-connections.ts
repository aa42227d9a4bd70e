/**
 * Connections to agents. An agent is trusted if its certificate stands for the name by which it was called and one of the authorities signed it,
 * so that no tenant's agent, nor anybody who has taken its address, is given what is meant for another's.
 */
import { createSecureContext } from 'node:tls';
import { Agent as Pool, buildConnector } from 'undici';
import { Replaceable } from '../../server/replaceable.ts';

/** Whose word for an agent counts: certificates as PEM, which may change at any time. */
export interface Authorities {
  readonly initial: string;
  readonly onChange: (take: (next: string) => void) => void;
}

export interface RelayTimeouts {
  /** Milliseconds for a connection, its TLS handshake included. */
  readonly connect: number;
  /** Until the answer begins; a model may think for minutes before that. */
  readonly headers: number;
  /** Between two pieces of the answer. */
  readonly idle: number;
}

/** No connection came about: nothing of the request has left this process. */
export class NotConnected extends Error {
  /** Of the system or of TLS, such as ECONNREFUSED or ERR_TLS_CERT_ALTNAME_INVALID. */
  readonly reason: string;

  constructor(cause: Error) {
    super(`no connection: ${cause.message}`, { cause });
    this.name = 'NotConnected';
    this.reason = 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
  }
}

/** Hears of each connection that comes about, by the origin of its agent. */
export type OnConnect = (origin: string) => void;

/** Shorter than an agent's drain, so that a pooled connection is gone before the pod behind it is. */
const keepAlive = 4_000;

/** Connections of before a change of the authorities end with what is under way on them. */
export function agentConnections(authorities: Authorities, timeouts: RelayTimeouts, onConnect: OnConnect): Replaceable<Pool> {
  const connections = new Replaceable(poolOf(authorities.initial, timeouts, onConnect), (old) => old.close());
  authorities.onChange((next) => connections.replace(poolOf(next, timeouts, onConnect)));
  return connections;
}

function poolOf(ca: string, timeouts: RelayTimeouts, onConnect: OnConnect): Pool {
  const secureContext = createSecureContext({ ca, minVersion: 'TLSv1.3' });
  const connect = buildConnector({ secureContext, timeout: timeouts.connect, allowH2: false });
  return new Pool({
    keepAliveTimeout: keepAlive,
    keepAliveMaxTimeout: keepAlive,
    headersTimeout: timeouts.headers,
    bodyTimeout: timeouts.idle,
    connect: (options, told) =>
      connect(options, (...[error, socket]) => {
        if (error) {
          told(new NotConnected(error), null);
          return;
        }
        onConnect(new URL(`${options.protocol}//${options.host ?? options.hostname}`).origin);
        told(null, socket);
      }),
  });
}
