/** Who connects: the same token as for models, in the headers of a proxy. */
import type { IncomingHttpHeaders } from 'node:http';

/**
 * The headers with which the same pod would call a model. The token comes as a bearer token or as the password, which is all that many
 * clients can send to a proxy; the user may then be the name of the agent, and may as well be anything else.
 */
export function asCaller({ 'proxy-authorization': given, 'x-cloister-agent': agent }: IncomingHttpHeaders): IncomingHttpHeaders {
  const basic = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(given ?? '')?.[1];
  if (basic === undefined) return { authorization: given, 'x-cloister-agent': agent };
  const pair = Buffer.from(basic, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return { authorization: `Bearer ${pair.slice(colon + 1)}`, 'x-cloister-agent': agent ?? pair.slice(0, Math.max(colon, 0)) };
}
