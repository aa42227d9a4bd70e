/**
 * How issuers are asked for their keys: over TLS, by the word of the authorities that Node trusts and of those that the platform names beside them.
 * What an issuer says is bounded, and a redirect is an answer like any other: whom a tenant trusts, nobody else may speak for.
 */
import { createSecureContext, getCACertificates } from 'node:tls';
import { Agent as Pool, buildConnector } from 'undici';
import { Replaceable } from '../../server/replaceable.ts';
import type { Authorities } from '../relay/agent-connections.ts';

/** GET. The answer has come whole. Rejects where there is none. */
export type AskIssuer = (url: string, signal: AbortSignal) => Promise<Response>;

export interface IssuerConnections {
  readonly ask: AskIssuer;
  readonly close: () => Promise<void>;
}

/** Bytes. The documents of large providers have a few thousand. */
const longestAnswer = 1024 * 1024;

/** Connections of before a change of the authorities end with what is under way on them. Without any, those that Node trusts count alone. */
export function issuerConnections(further?: Authorities): IssuerConnections {
  const connections = new Replaceable(poolOf(further?.initial), (old) => old.close());
  further?.onChange((next) => connections.replace(poolOf(next)));
  return {
    ask: (url, signal) =>
      connections.use(async (pool) => {
        const { statusCode, body } = await pool.request({
          ...partsOf(url),
          method: 'GET',
          headers: { accept: 'application/json' },
          signal,
        });
        const text = await body.text();
        return new Response(statusCode === 200 ? text : null, { status: statusCode });
      }),
    close: () => connections.current.close(),
  };
}

function partsOf(url: string): { readonly origin: string; readonly path: string } {
  const { origin, pathname, search } = new URL(url);
  return { origin, path: `${pathname}${search}` };
}

function poolOf(further: string | undefined): Pool {
  const trust = further === undefined ? {} : { secureContext: createSecureContext({ ca: [...getCACertificates('default'), further] }) };
  return new Pool({ maxResponseSize: longestAnswer, connect: buildConnector({ ...trust, allowH2: false }) });
}
