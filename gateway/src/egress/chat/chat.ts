/** One chat completion of an agent. */
import { readBody } from '../../server/read-body.ts';
import { askModels, type AskParts, type ModelCall } from './ask-models.ts';
import { chatOperation } from './chat-operation.ts';
import { parseChatRequest } from './request.ts';

export async function chat(call: ModelCall, parts: AskParts): Promise<void> {
  const body = await readBody(call.request, parts.maxBodyBytes);
  await askModels(call, chatOperation(parseChatRequest(body), body.length), parts);
}
