/** Who connects: the same token as for models, in the header of a proxy. */
import type { IncomingHttpHeaders } from 'node:http';

/**
 * The header with which the same pod would call a model. The token comes as a bearer token or as the password, which is all that many
 * clients can send to a proxy; the user may be anything.
 */
export function credentialOf({ 'proxy-authorization': given }: IncomingHttpHeaders): IncomingHttpHeaders {
  const basic = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(given ?? '')?.[1];
  if (basic === undefined) return { authorization: given };
  const pair = Buffer.from(basic, 'base64').toString('utf8');
  return { authorization: `Bearer ${pair.slice(pair.indexOf(':') + 1)}` };
}
