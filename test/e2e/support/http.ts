/** Callers of the Ingress: tenant hosts resolve to the loopback port that the embedded cluster listens on. */
import OpenAI from 'openai';
import { Agent, request } from 'undici';

/**
 * Connects every host name to 127.0.0.1, as a wildcard DNS entry would. A connection for each request: the Ingress ends those that wait for another
 * whenever tenants come or go, and a request that is just being sent on one would be lost.
 */
const toLoopback = new Agent({
  pipelining: 0,
  connect: { lookup: (_host, _options, found) => found(null, [{ address: '127.0.0.1', family: 4 }]) },
});

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** All of an answer but what differs from one to the next by its nature. */
export function withoutIds({ headers, ...answer }: Answer): Answer {
  const same = Object.entries(headers).filter(([name]) => !['date', 'x-request-id'].includes(name));
  return { ...answer, headers: Object.fromEntries(same) };
}

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export async function call(url: string, { method = 'GET', key, headers = {}, body }: Call = {}): Promise<Answer> {
  const answer = await request(url, {
    method,
    dispatcher: toLoopback,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
}

/** The real OpenAI client, without retries, so that every failed request shows. */
export const openai = (baseURL: string, apiKey: string): OpenAI =>
  new OpenAI({ baseURL, apiKey, maxRetries: 0, fetchOptions: { dispatcher: toLoopback } });
