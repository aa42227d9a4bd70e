/** What is on record of the tools that an answer calls: their names, never what they are called with. */
import { toolsIn } from './agent-bounds.ts';
import type { ChatRequest } from './request.ts';

/** The form of names that providers take. It holds no sentence. */
const acceptable = /^[A-Za-z0-9_.:-]{1,64}$/;

/** As many as an AgentConfig can allow. */
const most = 64;

/** Stands for all that the request did not offer: a model may have written anything in the place of a name. */
const another = '?';

/** Each once, in the order of their first calls: `lookup, ?`. Undefined where none is called. */
export function toolCallsOnRecord(asked: ChatRequest, called: ReadonlySet<string>): string | undefined {
  if (called.size === 0) return undefined;
  const offered = new Set(toolsIn(asked));
  const named = [...called].map((name) => (offered.has(name) && acceptable.test(name) ? name : another));
  return [...new Set(named)].slice(0, most).join(', ');
}
