/**
 * Tenants with a budget and with limits, whose callers keep count: never more is spent or let through than allowed, whatever breaks, and the
 * ledger says what the answers said.
 */
import { z } from 'zod';
import { call } from '../e2e/support/http.ts';
import { agentName, createTenant, tenantManifest, type LiveTenant } from '../e2e/support/tenants.ts';
import { until } from '../e2e/support/until.ts';
import type { World } from '../e2e/support/world.ts';
import { startCallers, type Callers } from '../faults/serving/callers.ts';
import { smallRequests } from '../state/workload.ts';
import { mostWithinAMinute, type Heard, type Span } from './windows.ts';

const perMinute = 120;
/** Tokens by which the small budget is raised in each round, which a round spends. */
const raise = 10_000;
/** What a call may cost that nobody heard the end of. */
const mostTokens = 1_000;
const access = { apiKeys: [{ name: 'default', scopes: ['chat', 'usage'] }] };
const specs = {
  limited: { access, rateLimits: { requestsPerMinute: perMinute, concurrentRequests: 8 }, budget: { daily: { tokens: 1e12 } } },
  poor: { access, budget: { daily: { tokens: raise } } },
} as const;

const usage = z.object({
  total: z.object({ input_tokens: z.int(), output_tokens: z.int() }),
  budget: z.object({ daily: z.object({ tokens: z.object({ spent: z.int(), limit: z.int().nullable() }) }) }),
});
type Usage = z.infer<typeof usage>;

interface Kept {
  readonly tenant: LiveTenant;
  readonly refusals: ReadonlySet<string>;
  readonly heard: Heard[];
  told: number;
  unheard: number;
}

const since = new Date().toISOString().slice(0, 10);

export class Metered {
  readonly #world: World;
  readonly #kept: Readonly<Record<keyof typeof specs, Kept>>;
  readonly #callers: Callers;
  #limit: number = raise;
  #answered = 0;
  #seen = 0;
  /** While Postgres is away, and until all is well again, budgets may refuse for want of it. */
  ledgerAway = false;

  private constructor(world: World, limited: LiveTenant, poor: LiveTenant) {
    this.#world = world;
    const keep = (tenant: LiveTenant, ...refusals: string[]): Kept => ({
      tenant,
      refusals: new Set(refusals),
      heard: [],
      told: 0,
      unheard: 0,
    });
    this.#kept = { limited: keep(limited, 'rate_limit_exceeded'), poor: keep(poor, 'budget_exceeded', 'budget_reserved') };
    this.#callers = startCallers([limited, poor], 4, (tenant) => this.#ask(tenant === limited ? this.#kept.limited : this.#kept.poor));
  }

  static async start(world: World): Promise<Metered> {
    const make = (name: string, spec: object) =>
      createTenant(world, { name, spec: { ...spec }, agent: { replicas: 2, resources: smallRequests } });
    return new Metered(world, await make('soak-limited', specs.limited), await make('soak-poor', specs.poor));
  }

  get answered(): number {
    return this.#answered;
  }

  /** What went wrong since the last look, between rounds: at rest, and with `redisAway` the times at which limits were counted by each replica. */
  async look(redisAway: readonly Span[]): Promise<string[]> {
    const { failures } = this.#callers.calls;
    const wrong = failures.slice(this.#seen).map((failure) => `a metered caller failed: ${failure}`);
    this.#seen = failures.length;
    const { limited, poor } = this.#kept;
    const most = mostWithinAMinute(limited.heard, redisAway);
    if (most > perMinute) wrong.push(`${most} requests were answered within a minute, of ${perMinute}`);
    const spent = await this.#spentOf(poor, (what) => wrong.push(what));
    for (const { tenant, heard } of [limited, poor]) if (heard.length === 0) wrong.push(`${tenant.name} was answered nothing for a round`);
    for (const { heard } of [limited, poor]) heard.splice(0);
    this.#limit = Math.max(this.#limit, spent) + raise;
    await this.#world.kubectl.apply(
      tenantManifest({ name: poor.tenant.name, spec: { ...specs.poor, budget: { daily: { tokens: this.#limit } } } }),
    );
    this.ledgerAway = false;
    return wrong;
  }

  /** Of the small budget. */
  async #spentOf(kept: Kept, violated: (what: string) => void): Promise<number> {
    try {
      const { spent, limit } = (await this.#usageOf(kept)).budget.daily.tokens;
      if (limit === null || spent > limit) violated(`${spent} tokens were spent, of ${limit}`);
      return spent;
    } catch (error) {
      violated(error instanceof Error ? error.message : String(error));
      return 0;
    }
  }

  /** Lets the last requests end, and holds the ledger against what the answers said. */
  async stop(): Promise<string[]> {
    await this.#callers.stop();
    const wrong: string[] = [];
    for (const kept of Object.values(this.#kept)) {
      const { tenant, told, unheard } = kept;
      let used: number | undefined;
      const agrees = async (): Promise<boolean> => {
        used = usedIn(await this.#usageOf(kept));
        return used >= told && used <= told + unheard * mostTokens;
      };
      await until(`${tenant.name}'s usage`, agrees, { within: 20_000, every: 500 }).catch(() =>
        wrong.push(
          `${tenant.name}: the ledger has ${used ?? 'no'} tokens, answers told ${told}, and of ${unheard} calls nobody heard the end`,
        ),
      );
    }
    return wrong;
  }

  /** Whole answers and streams in turn. */
  async #ask(kept: Kept): Promise<string | undefined> {
    const { name, url, key } = kept.tenant;
    const stream = Math.random() < 0.5;
    const started = Date.now();
    const messages = [{ role: 'user', content: stream ? 'slowly say 20 words' : 'say 50 words' }];
    const body = { model: agentName, max_tokens: 100, messages, ...(stream && { stream, stream_options: { include_usage: true } }) };
    kept.unheard++;
    const { status, text } = await call(`${url}/v1/chat/completions`, { method: 'POST', key, body });
    const tokens = Number(/"total_tokens":\s*(\d+)/.exec(text)?.[1]);
    const whole = status === 200 && Number.isFinite(tokens) && (!stream || text.trimEnd().endsWith('data: [DONE]'));
    if (!whole && !this.#isDue(kept, status, text)) return `${name}: ${status} ${text.slice(0, 100)} … ${text.slice(-100)}`;
    kept.unheard--;
    if (!whole) return undefined;
    kept.told += tokens;
    kept.heard.push({ started, ended: Date.now() });
    this.#answered++;
    return undefined;
  }

  #isDue({ refusals }: Kept, status: number, text: string): boolean {
    if (status === 200) return false;
    const code = /"code":\s*"(\w+)"/.exec(text)?.[1] ?? '';
    return refusals.has(code) || (code === 'budget_unavailable' && this.ledgerAway);
  }

  async #usageOf({ tenant: { url, key } }: Kept): Promise<Usage> {
    const { status, text } = await call(`${url}/v1/usage?from=${since}`, { key });
    if (status !== 200) throw new Error(`usage: ${status} ${text.slice(0, 200)}`);
    return usage.parse(JSON.parse(text));
  }
}

const usedIn = ({ total }: Usage): number => total.input_tokens + total.output_tokens;
