/** Through egress as a whole, with a double of the wire format of Bedrock's endpoints for OpenAI's clients behind it. */
import { describe, expect, test } from 'vitest';
import { model } from '../../egress.fixture.ts';
import { endMark, failure, inTurn, piece, stopChunk, streamed, usageChunk } from '../provider.double.ts';
import { providerUnderTest } from '../provider.fixture.ts';
import * as api from './bedrock-api.double.ts';

const gptOss = 'openai.gpt-oss-20b-1:0';
const answered = api.reasoned('Hm.', 'Hello');
const { provider, key, chat, refusalOf, settled } = await providerUnderTest('Bedrock', { retries: 1, models: [model(gptOss)] }, answered);

test('Bedrock hears an API key of its own as bearer token, no signature, and the maximum by the name that it knows', async () => {
  await (await chat()).text();
  expect(provider.asked[0]).toMatchObject({
    headers: { authorization: `Bearer ${key}` },
    body: { model: gptOss, max_completion_tokens: 1000 },
  });
  expect(Object.keys(provider.asked[0]?.headers ?? {}).join()).not.toMatch(/x-amz/);
});

describe('an answer of Bedrock', () => {
  test('comes as it is, with the reasoning of open models in it, which is output', async () => {
    expect(await (await chat()).text()).toContain('<reasoning>Hm.</reasoning>Hello');
    await settled({ settled: 200, reserved: 0, tokens: 150 });
  });

  test('streams like OpenAI’s', async () => {
    provider.answer = streamed(piece('Hello'), stopChunk, usageChunk(100, 50), endMark);
    expect(await (await chat({ stream: true })).text()).toBe(piece('Hello') + stopChunk + endMark);
    await settled({ settled: 200, reserved: 0 });
  });
});

describe('what Bedrock refuses', () => {
  test('because of the request is told in its words', async () => {
    provider.answer = api.refusal(400, 'ValidationException', 'max_completion_tokens is too high');
    expect(await refusalOf(await chat())).toMatchObject({ status: 400, code: 'provider_rejected', message: /is too high/ });
    provider.answer = failure(400, JSON.stringify({ error: { message: 'in words of OpenAI', param: 'n', code: null } }));
    expect(await refusalOf(await chat())).toMatchObject({ code: 'provider_rejected', param: 'n', message: /in words of OpenAI/ });
    await settled({ settled: 0, reserved: 0 });
  });

  test.each([
    ['before the service', api.keyRefused],
    ['by the service', api.refusal(403, 'AccessDeniedException', 'You do not have access to the model.')],
    ['as if the request were at fault', api.refusal(400, 'AccessDeniedException', 'You do not have access to the model.')],
    ['as no signature', api.refusal(400, 'IncompleteSignatureException', 'not a valid key=value pair in Authorization header')],
    ['as no signature, in short', api.refusal(400, 'IncompleteSignature', 'not a valid key=value pair in Authorization header')],
  ])('because of the key, %s, is the platform’s affair', async (_, answer) => {
    provider.answer = answer;
    expect(await refusalOf(await chat())).toMatchObject({ status: 502, code: 'provider_credentials_rejected' });
  });

  test.each([
    ['for too many at once', api.refusal(429, 'ThrottlingException', 'Too many tokens, please wait before trying again.')],
    ['for the quota of the account', api.refusal(400, 'ServiceQuotaExceededException', 'Quota exceeded.')],
    ['with its kind in the body', failure(400, JSON.stringify({ __type: 'com.amazon#ServiceQuotaExceededException', message: 'x' }))],
  ])('%s is tried again', async (_, refusal) => {
    provider.answer = inTurn(refusal, api.reasoned('Hm.', 'Hello'));
    expect((await chat()).status).toBe(200);
    expect(provider.asked).toHaveLength(2);
  });

  test('is not asked for guardrails, which have a price of their own', async () => {
    const param = 'amazon-bedrock-guardrailConfig';
    expect(await refusalOf(await chat({ [param]: { tagSuffix: 'x' } }))).toMatchObject({
      status: 400,
      code: 'parameter_not_priced',
      param,
    });
    expect(provider.asked).toEqual([]);
  });
});
