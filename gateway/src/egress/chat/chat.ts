/** One chat completion of an agent. */
import { readBody } from '../../server/read-body.ts';
import { boundsOf, withinBounds } from './agent-bounds.ts';
import { askModels, type AskParts, type ModelCall } from './ask-models.ts';
import { chatOperation } from './chat-operation.ts';
import { parseChatRequest } from './request.ts';
import { sentLength } from './sent-length.ts';

export async function chat(call: ModelCall, parts: AskParts): Promise<void> {
  const body = await readBody(call.request, parts.maxBodyBytes);
  const bounds = boundsOf(call.policy, call.agent);
  const asked = withinBounds(parseChatRequest(body), call.agent, bounds);
  await askModels(call, chatOperation(asked, sentLength(body), bounds.maxOutputTokens), parts);
}
