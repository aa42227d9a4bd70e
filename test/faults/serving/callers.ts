/** Callers that ask a tenant's agent without pause, through the Ingress and edge, and remember every answer that was none. */
import { call } from '../../e2e/support/http.ts';
import { agentName, type LiveTenant } from '../../e2e/support/tenants.ts';

export interface Calls {
  readonly answered: number;
  /** Status and beginning of each answer but 200, and what else went wrong. */
  readonly failures: readonly string[];
}

export interface Callers {
  /** Lets the last requests end, and tells how all of them went. */
  stop(): Promise<Calls>;
  /** So far. */
  readonly calls: Calls;
}

const pauseMs = 50;

/** Asks a tenant's agent once, and says what is wrong with the answer, if anything. */
export type Asking = (tenant: LiveTenant) => Promise<string | undefined>;

export function startCallers(tenants: readonly LiveTenant[], count = 4, asking: Asking = ask): Callers {
  const ending = new AbortController();
  const failures: string[] = [];
  let answered = 0;
  const one = async (index: number): Promise<void> => {
    for (let turn = index; !ending.signal.aborted; turn++) {
      const tenant = tenants[turn % tenants.length];
      if (!tenant) return;
      const failure = await asking(tenant).catch(
        (error: unknown) => `${tenant.name}: ${error instanceof Error ? error.message : String(error)}`,
      );
      if (failure === undefined) answered++;
      else failures.push(`${new Date().toISOString()} ${failure}`);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const running = Promise.all(Array.from({ length: count }, (_, index) => one(index)));
  return {
    get calls() {
      return { answered, failures };
    },
    async stop() {
      ending.abort();
      await running;
      return { answered, failures };
    },
  };
}

/** The answer must also be this very tenant's. */
export const ask: Asking = async ({ name, url, key }) => {
  const body = { model: agentName, messages: [{ role: 'user', content: 'hello' }] };
  const { status, text } = await call(`${url}/v1/chat/completions`, { method: 'POST', key, body });
  if (status !== 200) return `${name}: ${status} ${text.slice(0, 200)}`;
  return text.includes(`You are the agent of ${name}.`) ? undefined : `${name}: not its own answer: ${text.slice(0, 200)}`;
};

/** An answer that streams for seconds, of which every word and the end must come. A word takes 50 ms. */
export const listenTo =
  (words: number): Asking =>
  async ({ name, url, key }) => {
    const body = { model: agentName, stream: true, messages: [{ role: 'user', content: `slowly say ${words} words` }] };
    const { status, text } = await call(`${url}/v1/chat/completions`, { method: 'POST', key, body });
    if (status !== 200) return `${name}: ${status} ${text.slice(0, 200)}`;
    const said = [...text.matchAll(/"content":"([^"]*)"/g)].map(([, piece = '']) => piece).join('');
    const heard = said.trim().split(/\s+/).length;
    if (!text.trimEnd().endsWith('data: [DONE]')) return `${name}: a stream without its end, after ${heard} words: ${text.slice(-200)}`;
    return heard === words ? undefined : `${name}: ${heard} words of ${words}: ${said.slice(0, 200)}`;
  };
