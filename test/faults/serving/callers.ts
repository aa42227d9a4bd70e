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

export function startCallers(tenants: readonly LiveTenant[], count = 4): Callers {
  const ending = new AbortController();
  const failures: string[] = [];
  let answered = 0;
  const one = async (index: number): Promise<void> => {
    for (let turn = index; !ending.signal.aborted; turn++) {
      const tenant = tenants[turn % tenants.length];
      if (!tenant) return;
      const failure = await ask(tenant).catch(
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

/** What is wrong with the answer, if anything: it must also be this very tenant's. */
export async function ask({ name, url, key }: LiveTenant): Promise<string | undefined> {
  const body = { model: agentName, messages: [{ role: 'user', content: 'hello' }] };
  const { status, text } = await call(`${url}/v1/chat/completions`, { method: 'POST', key, body });
  if (status !== 200) return `${name}: ${status} ${text.slice(0, 200)}`;
  return text.includes(`You are the agent of ${name}.`) ? undefined : `${name}: not its own answer: ${text.slice(0, 200)}`;
}
