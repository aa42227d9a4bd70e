import { repeatableChat } from '../cache/repeatable.ts';
import { Meter } from './meter.ts';
import type { Operation } from './operation.ts';
import { outgoing } from './outgoing.ts';
import { passOn } from './pass-on.ts';
import { choicesOf, wantsStream, wantsUsage, type ChatRequest } from './request.ts';
import { fallbacksOf } from './target.ts';
import { toolCallsOnRecord } from './tool-calls.ts';
import { worstCase, type Model } from './worst-case.ts';

/** `bytes` is the length of the body that goes out; `longest` the most output for a choice that the agent may have of any model. */
export function chatOperation(asked: ChatRequest, bytes: number, longest = Infinity): Operation<Model> {
  const stream = wantsStream(asked);
  return {
    name: 'chat',
    model: asked.model,
    stream,
    repeatable: repeatableChat(asked, bytes),
    offers: ({ models }) => models,
    replaceable: true,
    fallbacks: (policy, providers) => fallbacksOf(asked.model, policy, providers),
    worst: (name, model) => worstCase(asked, bytes, name, { ...model, maxOutputTokens: Math.min(model.maxOutputTokens, longest) }),
    begin: (reserved) => {
      const meter = new Meter(asked, reserved);
      return {
        run: async ({ provider, target, response, requestId, time, keep }) => {
          const { provider: document, model, credential, whose } = target;
          const { signal, cut, begun } = time;
          const body = outgoing(asked, document.type, model.name, reserved.outputTokens);
          const answer = await provider.chat({ provider: document, credential, body, stream, requestId, signal });
          const wanted = { choices: choicesOf(asked), usage: wantsUsage(asked) };
          const how = { response, stream, meter, possible: reserved.possible, provider: document, whose, wanted, signal, cut, begun, keep };
          return await passOn(answer, how);
        },
        get reported() {
          return meter.reported;
        },
        used: (failed) => meter.used(failed),
        get toolCalls() {
          return toolCallsOnRecord(asked, meter.calls);
        },
      };
    },
  };
}
