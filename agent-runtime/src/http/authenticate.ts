import type { VerifyCaller } from '@cloister/identity';
import type { Scope } from '@cloister/tenancy';
import type { RequestHandler } from 'express';
import type { IncomingMessage } from 'node:http';
import { fail } from '../errors.ts';
import { callerOf, contextOf } from './request-context.ts';

const challenge = { headers: { 'www-authenticate': 'Bearer' } };
const bearer = /^Bearer +([^\s]+)$/i;

/** Notes who calls, who must have edge's token for a caller of this tenant; else it rejects. */
export function authenticate(verify: VerifyCaller, tenant: string): (request: IncomingMessage) => Promise<void> {
  return async (request) => {
    const token = bearer.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) throw fail('caller_token_missing', challenge);
    const caller = await verify(token).catch((cause: unknown) => {
      throw fail('caller_token_invalid', { ...challenge, cause });
    });
    // The audience names the tenant already; the claim is what edge took from the credential. Both must say the same.
    if (caller.tenant !== tenant) throw fail('caller_token_invalid', challenge);
    contextOf(request).caller = caller;
  };
}

/** Throws `scope_missing`. */
export function checkScope(request: IncomingMessage, scope: Scope): void {
  if (!callerOf(request).scopes.includes(scope)) throw fail('scope_missing', { values: { scope } });
}

export function requireScope(scope: Scope): RequestHandler {
  return (request, _response, next) => {
    checkScope(request, scope);
    next();
  };
}
