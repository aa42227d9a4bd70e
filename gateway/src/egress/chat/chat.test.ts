import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { ask, model } from '../egress.fixture.ts';
import { beginStream, completion, endMark, failure, piece, stopChunk, streamed, usageChunk } from '../providers/provider.double.ts';
import { providerUnderTest } from '../providers/provider.fixture.ts';

const { egress, provider, key, running, offer, become, chat, refusalOf, settled } = await providerUnderTest('OpenAI');
const errorOf = async (answer: Response) => refusalOf(answer).then(({ status, code }) => [status, code]);

const booked = `select input_tokens::int as input, output_tokens::int as output, overrun_tokens::int as overrun
  from cloister_egress.usage join cloister_egress.budget_window using (tenant_uid) where tenant = $1 and kind = 'daily'`;

describe('the provider hears', () => {
  test('its own name of the model, the platform’s key, the reserved maximum, and all else as the agent sent it', async () => {
    await chat({ temperature: 0.3, made_up: { a: [1] }, max_tokens: 7 });
    expect(provider.asked[0]).toMatchObject({
      url: '/v1/chat/completions',
      body: { model: 'm1', temperature: 0.3, made_up: { a: [1] }, max_tokens: 7, messages: [{ role: 'user', content: 'Hi' }] },
      headers: { authorization: `Bearer ${key}` },
    });
  });

  test('no header of the agent, its token least of all', async () => {
    await chat({}, { 'x-of-agent': 'secret', 'openai-organization': 'other' });
    const heard = JSON.stringify(provider.asked[0]?.headers);
    expect(heard).not.toContain(running.token);
    expect(heard).not.toMatch(/x-of-agent|openai-organization|x-cloister/);
  });

  test('a maximum where the agent named none', async () => {
    await chat();
    expect(provider.asked[0]?.body['max_completion_tokens']).toBe(1000);
  });

  test('a new key as soon as the Secret changes', async () => {
    egress.credentials.put('provider-key', { key: 'sk-new' });
    await chat();
    expect(provider.asked[0]?.headers.authorization).toBe('Bearer sk-new');
  });
});

describe('an answer', () => {
  test('comes back byte for byte, and what the provider reports is settled', async () => {
    provider.answer = completion('Grüß Gott', 100, 50);
    const answer = await chat();
    expect(answer.status).toBe(200);
    expect(await answer.text()).toMatch(/^\{"id":"c1".*"model":"real-name".*Grüß Gott.*\}$/);
    await settled({ settled: 200, reserved: 0, tokens: 150 });
  });

  test('is counted by day, model and agent', async () => {
    await (await chat()).text();
    await settled({ tokens: 15 });
    const usage = 'select model, agent, requests::int, input_tokens::int, output_tokens::int from cloister_egress.usage where tenant = $1';
    expect(await egress.sql.query(usage, [running.tenant])).toEqual([
      { model: `${running.tenant}/m1`, agent: 'support', requests: 1, input_tokens: 10, output_tokens: 5 },
    ]);
  });
});

describe('a stream', () => {
  const whole = [piece('Hel'), piece('lo'), stopChunk, usageChunk(10, 5), endMark];

  test('comes as the provider sent it, its usage too where the agent asked for it', async () => {
    provider.answer = streamed(...whole);
    expect(await (await chat({ stream: true, stream_options: { include_usage: true } })).text()).toBe(whole.join(''));
  });

  test('comes without the usage that only egress asked for, and is settled all the same', async () => {
    provider.answer = streamed(...whole);
    const answer = await (await chat({ stream: true })).text();
    expect(answer).toBe([piece('Hel'), piece('lo'), stopChunk, endMark].join(''));
    expect(provider.asked[0]?.body['stream_options']).toEqual({ include_usage: true });
    await settled({ tokens: 15, reserved: 0 });
  });

  test('arrives piece by piece, long before the provider ends', async () => {
    let finish = () => {};
    provider.answer = (response) => {
      beginStream(response).write(piece('one'));
      finish = () => response.end(piece('two') + stopChunk + endMark);
    };
    const pieces: string[] = [];
    for await (const bytes of (await chat({ stream: true })).body ?? []) {
      pieces.push(Buffer.from(bytes).toString());
      finish();
    }
    expect(pieces[0]).toBe(piece('one'));
    expect(pieces.join('')).toBe([piece('one'), piece('two'), stopChunk, endMark].join(''));
  });

  test('survives events and letters that are cut apart between packets', async () => {
    provider.answer = (response) => {
      const bytes = Buffer.from(piece('Grüße ☂') + stopChunk + usageChunk(1, 1) + endMark);
      beginStream(response);
      void (async () => {
        for (let at = 0; at < bytes.length; at += 13) {
          response.write(bytes.subarray(at, at + 13));
          await sleep(1);
        }
        response.end();
      })();
    };
    expect(await (await chat({ stream: true })).text()).toBe(piece('Grüße ☂') + stopChunk + endMark);
  });

  test('that the agent leaves ends at the provider too, and is billed for what was produced', async () => {
    const closed = Promise.withResolvers<undefined>();
    provider.answer = (response) => {
      beginStream(response).write(piece('one two three four five six seven eight'));
      response.once('close', () => closed.resolve(undefined));
    };
    const leave = new AbortController();
    const answer = await chat({ stream: true }, {}, leave.signal);
    await answer.body?.getReader().read();
    leave.abort();
    await closed.promise; // the provider itself would go on for ever
    await vi.waitFor(async () => expect((await egress.standing(running.tenant)).tokens).toBeGreaterThanOrEqual(8), 3000);
    expect((await egress.standing(running.tenant)).tokens).toBeLessThan(1000);
  });

  test('that goes on beyond its reservation is cut there, with an end that clients understand, and what was delivered is booked', async () => {
    const stopped = Promise.withResolvers<undefined>();
    provider.answer = (response) => {
      beginStream(response);
      const timer = setInterval(() => response.write(piece(' word')), 1);
      response.once('close', () => {
        clearInterval(timer);
        stopped.resolve(undefined);
      });
    };
    await become({ budget: { timeZone: 'UTC', daily: { usd: 1 } } });
    const answer = await (await chat({ stream: true, max_tokens: 20, stream_options: { include_usage: true } })).text();
    expect(answer).toMatch(/"finish_reason":"length".*\n\n.*"completion_tokens":\d+.*\n\ndata: \[DONE\]\n\n$/);
    const words = answer.match(/ word/g)?.length ?? NaN;
    expect(words).toBeLessThan(100);
    await stopped.promise;
    const used = z.tuple([z.object({ input: z.int(), output: z.int(), overrun: z.int() })]);
    const [{ input, output, overrun }] = await vi.waitFor(async () => used.parse(await egress.sql.query(booked, [running.tenant])), 3_000);
    expect(answer, 'the agent is told what is booked').toContain(`"prompt_tokens":${input},"completion_tokens":${output},`);
    expect(output, 'all that was delivered, by its bytes').toBe(' word'.length * words);
    expect(overrun, 'what is more than was reserved is owed').toBe(output - 20);
  });

  test('that the provider breaks off ends with an error event, not as if it were whole', async () => {
    provider.answer = (response) => {
      beginStream(response).write(piece('one'));
      setTimeout(() => response.destroy(), 20);
    };
    expect(await (await chat({ stream: true })).text()).toMatch(/one.*\n\ndata: \{"error":\{.*"code":"provider_unreachable"\}\}\n\n$/);
    await vi.waitFor(async () => expect(await egress.standing(running.tenant)).toMatchObject({ reserved: 0 }), 3000);
  });

  test('that falls silent ends with an error event once the provider has been silent for too long', async () => {
    provider.answer = (response) => void beginStream(response).write(piece('one'));
    expect(await (await chat({ stream: true })).text()).toMatch(/"code":"provider_timeout"/);
  });
});

describe('a provider that', () => {
  test.each([
    [
      'rejects our key',
      failure(401, '{"error":{"message":"Incorrect API key provided: sk-of-***"}}'),
      502,
      'provider_credentials_rejected',
    ],
    ['forbids us', failure(403, ''), 502, 'provider_credentials_rejected'],
    ['limits our rate', failure(429, '{}', { 'retry-after': '7' }), 429, 'provider_rate_limited'],
    ['fails', failure(500, '{"error":{"message":"stack trace"}}'), 502, 'provider_failed'],
    ['answers in HTML', failure(200, '<html>'), 502, 'provider_failed'],
    ['finds the request wrong', failure(400, '{"error":{"message":"bad tool","param":"tools"}}'), 400, 'provider_rejected'],
    ['hangs up', (response: { destroy: () => unknown }) => void response.destroy(), 502, 'provider_unreachable'],
  ])('%s gives its own answer', async (_, answer, status, code) => {
    provider.answer = answer;
    expect(await errorOf(await chat())).toEqual([status, code]);
  });

  test('limits our rate passes on when to try again', async () => {
    provider.answer = failure(429, '{}', { 'retry-after': '7' });
    expect((await chat()).headers.get('retry-after')).toBe('7');
  });

  test('is not there gives 502, and nothing is billed', async () => {
    offer({ baseURL: 'http://127.0.0.1:1/v1' });
    await become({ budget: { timeZone: 'UTC', daily: { usd: 1 } } });
    expect(await errorOf(await chat())).toEqual([502, 'provider_unreachable']);
    await settled({ settled: 0, reserved: 0 });
  });

  test('takes longer than its ModelProvider allows gives 504', async () => {
    provider.answer = () => undefined;
    offer({ timeoutSeconds: 1 });
    expect(await errorOf(await chat())).toEqual([504, 'provider_timeout']);
  });

  test.each([401, 400])('quotes our key with status %i gives an error and a log without it', async (status) => {
    provider.answer = failure(status, `{"error":{"message":"not valid: Authorization=Bearer ${key}","param":"${key}"}}`);
    expect(await (await chat()).text()).not.toContain(key);
    expect(egress.lines.join('')).not.toContain(key);
  });
});

describe('a request is refused', () => {
  test.each([
    ['when it is no JSON', 'not json', 400, 'invalid_json'],
    ['when it is in no UTF-8', Buffer.from('{"model":"own/m1","messages":[{"content":"\xff"}]}', 'latin1'), 400, 'invalid_request'],
    ['when it has no messages', '{"model":"own/m1"}', 400, 'invalid_request'],
    ['when the tenant may not use the model', '{"model":"own/other","messages":[{}]}', 403, 'model_not_allowed'],
    ['when it asks for more than the model can', '{"model":"own/m1","messages":[{}],"max_tokens":1001}', 400, 'parameter_too_large'],
    ['when its price cannot be bounded', '{"model":"own/m1","messages":[{}],"service_tier":"priority"}', 400, 'parameter_not_priced'],
    ['when another model could answer', '{"model":"own/m1","messages":[{}],"fallbacks":["dear"]}', 400, 'parameter_not_priced'],
  ])('%s', async (_, body, status, code) => {
    const answer = await fetch(`${egress.url}/v1/chat/completions`, {
      ...ask(running.token, {}),
      body: typeof body === 'string' ? body.replace('own/', `${running.tenant}/`) : body,
    });
    expect(await errorOf(answer)).toEqual([status, code]);
    expect(provider.asked).toEqual([]);
  });

  test('when the credential is not there', async () => {
    egress.credentials.remove('provider-key');
    expect(await errorOf(await chat())).toEqual([503, 'provider_credentials_missing']);
  });

  test('when the provider is not there', async () => {
    egress.providers.remove(`provider-${running.tenant}`);
    expect(await errorOf(await chat())).toEqual([503, 'provider_not_configured']);
  });
});

describe('a budget', () => {
  const limited = async (usd: number) => {
    await become({ budget: { timeZone: 'UTC', daily: { usd } } });
  };

  test('that is spent refuses before the provider is asked, and says when it renews', async () => {
    await limited(0.000_5);
    const answer = await chat();
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await answer.json()).toMatchObject({ error: { type: 'insufficient_quota', code: 'budget_exceeded' } });
    expect(provider.asked).toEqual([]);
  });

  test('that is nearly spent lowers the maximum to what it allows', async () => {
    await limited(0.002);
    await chat();
    expect(provider.asked[0]?.body['max_completion_tokens']).toBe(500);
  });

  test('holds when fifty calls come at once', async () => {
    await limited(0.01);
    provider.answer = completion('x', 500, 100);
    const answers = await Promise.all(Array.from({ length: 50 }, () => chat({ max_tokens: 100 })));
    const admitted = answers.filter(({ status }) => status === 200).length;
    await settled({ reserved: 0 });
    const { settled: spent } = await egress.standing(running.tenant);
    expect(spent).toBe(admitted * 700);
    expect(spent).toBeLessThanOrEqual(10_000);
    expect(admitted).toBeGreaterThanOrEqual(10);
  });

  test('of input is bounded by the context window where a picture is in the request', async () => {
    await limited(0.1);
    offer({ models: [model('m1', { contextWindow: 200_000 })] });
    const content = [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }];
    expect(await errorOf(await chat({ messages: [{ role: 'user', content }] }))).toEqual([429, 'budget_exceeded']);
  });
});

test('nothing that was said is in the log', async () => {
  await chat({ messages: [{ role: 'user', content: 'my deepest secret' }] });
  await vi.waitFor(() => expect(egress.lines.join('')).toContain('"tenant":"' + running.tenant));
  expect(egress.lines.join('')).not.toContain('deepest secret');
});
