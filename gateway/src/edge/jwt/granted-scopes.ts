import type { ClaimScopes, Scope } from '@cloister/tenancy';
import type { JWTPayload } from 'jose';

export interface Grant {
  /** For every bearer of such a token. */
  readonly scopes: readonly Scope[];
  /** Beyond that, by a claim. */
  readonly roles?: ClaimScopes | undefined;
}

/** What the bearer of a verified token may do. */
export function grantedScopes({ scopes, roles }: Grant, claims: JWTPayload): readonly Scope[] {
  if (!roles) return scopes;
  const held = new Set(textsOf(read(claims, roles.claim)));
  const more = roles.values.filter(({ value }) => held.has(value)).flatMap((entry) => entry.scopes);
  return [...new Set([...scopes, ...more])];
}

/** The claim of exactly that name (which may hold dots, as in a URL), else what its parts lead to: Keycloak has `realm_access.roles`. */
function read(claims: JWTPayload, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = Reflect.get(value, part);
  }
  return value;
}

/** Only what is text counts: a claim that holds something else gives nothing. */
const textsOf = (value: unknown): string[] => [value].flat().filter((one) => typeof one === 'string');
