import { z } from 'zod';

/** What a credential may do. `chat`: talk to agents and read its own conversations. `settings`: read and change a tenant's settings. */
export const scopes = ['chat', 'settings'] as const;
export const scope = z.enum(scopes);
export type Scope = z.infer<typeof scope>;
