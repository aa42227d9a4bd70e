/** Bodies of every make: each is refused in a documented way, or has a bound and goes out in the words of every provider. */
import { ApiError } from '@cloister/api-errors';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { model } from '../egress.fixture.ts';
import { mostInput, parseEmbeddingsRequest } from '../embeddings/request.ts';
import { messagesRequest } from '../providers/anthropic/request.ts';
import { NeverSent } from '../providers/provider.ts';
import { Meter } from './meter.ts';
import { outgoing } from './outgoing.ts';
import { parseChatRequest } from './request.ts';
import { worstCase } from './worst-case.ts';

const odd = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom<unknown>(null, -1, 0, 1.5, 1e300, '', [], {}, true, 'auto'));
const part = fc.oneof(
  fc.record(
    {
      type: fc.constantFrom('text', 'refusal', 'image_url', 'input_audio', 'file', '__proto__'),
      text: fc.string(),
      image_url: odd,
      file: odd,
    },
    { requiredKeys: [] },
  ),
  odd,
);
const message = fc.oneof(
  fc.record(
    {
      role: fc.constantFrom('system', 'developer', 'user', 'assistant', 'tool', 'function', ''),
      content: fc.oneof(fc.string(), fc.array(part, { maxLength: 3 }), odd),
      tool_calls: odd,
      tool_call_id: odd,
      refusal: odd,
    },
    { requiredKeys: [] },
  ),
  odd,
);
const tool = fc.oneof(fc.record({ type: fc.constantFrom('function', 'custom', 'web_search'), function: odd }, { requiredKeys: [] }), odd);
/** Most fields are as they should be, or hardly any request would be looked at beyond its first mistake. */
const mostly = <T>(good: fc.Arbitrary<T>) => fc.oneof({ weight: 12, arbitrary: good }, { weight: 1, arbitrary: odd });
const count = mostly(fc.integer({ min: 1, max: 128 }));
const chat = fc.record(
  {
    model: mostly(fc.constant('p/m')),
    messages: mostly(fc.array(message, { minLength: 1, maxLength: 4 })),
    stream: mostly(fc.boolean()),
    stream_options: mostly(fc.record({ include_usage: fc.boolean() })),
    max_tokens: count,
    max_completion_tokens: count,
    n: count,
    tools: mostly(fc.array(tool, { maxLength: 2 })),
    tool_choice: odd,
    response_format: odd,
    service_tier: mostly(fc.constant('auto')),
    modalities: mostly(fc.constant(['text'])),
    extra_body: mostly(fc.constant(null)),
    google: mostly(fc.constant(null)),
    temperature: odd,
    stop: odd,
  },
  { requiredKeys: ['model', 'messages'] },
);
const texts = fc.record(
  {
    model: mostly(fc.constant('p/v')),
    input: fc.oneof(odd, fc.array(fc.string()), fc.array(fc.integer())),
    dimensions: count,
    encoding_format: mostly(fc.constant('float')),
    user: mostly(fc.string()),
  },
  { requiredKeys: ['model', 'input'] },
);

/** As it was meant, or with its bytes spoilt. */
const bodyOf = (request: fc.Arbitrary<object>): fc.Arbitrary<Buffer> =>
  fc.oneof(
    { weight: 4, arbitrary: request.map((value) => Buffer.from(JSON.stringify(value))) },
    {
      weight: 1,
      arbitrary: fc.tuple(request, fc.nat(), fc.uint8Array({ maxLength: 3 })).map(([value, at, bytes]) => {
        const text = Buffer.from(JSON.stringify(value));
        return Buffer.concat([text.subarray(0, at % text.length), Buffer.from(bytes), text.subarray(at % text.length)]);
      }),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)) },
  );

/** Undefined where the request is refused as it should be. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof NeverSent) expect(error.cause).toMatchObject({ status: 400 });
    else if (error instanceof ApiError)
      expect(['invalid_json', 'invalid_request', 'parameter_too_large', 'parameter_not_priced']).toContain(error.code);
    else throw error;
    return undefined;
  }
}

test('a chat completion is refused or bounded, whatever is in it, and can be billed', { timeout: 30_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(bodyOf(chat), async (body) => {
      const request = attempt(() => parseChatRequest(body));
      const worst = request && attempt(() => worstCase(request, body.length, 'p/m', model('m')));
      if (!request || !worst) return;
      for (const tokens of [worst.inputTokens, worst.outputTokens])
        expect(Number.isSafeInteger(tokens) && tokens > 0, String(tokens)).toBe(true);
      expect(worst.inputTokens).toBeLessThanOrEqual(worst.possible.inputTokens);
      expect(worst.outputTokens).toBeLessThanOrEqual(worst.possible.outputTokens);
      const out = outgoing(request, 'OpenAICompatible', 'm', worst.outputTokens);
      expect(JSON.parse(JSON.stringify(out))).toMatchObject({ model: 'm' });
      expect(out['max_tokens'] ?? out['max_completion_tokens']).toBeGreaterThan(0);
      attempt(() => messagesRequest(out));
      const { inputTokens } = await new Meter(request, worst).used();
      expect(inputTokens).toBeLessThanOrEqual(worst.inputTokens);
    }),
    { numRuns: 500 },
  );
});

test('a request for embeddings is refused or bounded, whatever is in it', { timeout: 30_000 }, () => {
  fc.assert(
    fc.property(bodyOf(texts), (body) => {
      const request = attempt(() => parseEmbeddingsRequest(body));
      if (!request) return;
      const most = mostInput(request, 20);
      expect(most > 0 && most <= 20 * request.input.texts.length, String(most)).toBe(true);
    }),
    { numRuns: 500 },
  );
});
