/** What is on record of a tenant beside its calls of models: who may do what in it, as people change that, and the tools that its agents call. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { exportAudit, verifyOffline } from './support/audit.ts';
import { call, openai } from './support/http.ts';
import { agentName, createTenant, deleteTenant, type LiveTenant } from './support/tenants.ts';
import { until } from './support/until.ts';
import { openWorld, type World } from './support/world.ts';

const name = 'on-record';
const soon = { within: 20_000, every: 500 };

let world: World;
let tenant: LiveTenant;
let uid: string;
beforeAll(async () => {
  world = await openWorld();
  const access = { apiKeys: [{ name: 'default', scopes: ['chat', 'admin'] }] };
  tenant = await createTenant(world, { name, spec: { access, budget: { daily: { usd: 10 } } } });
  uid = (await world.kubectl.get('tenant', name))?.metadata.uid ?? '';
});
afterAll(() => deleteTenant(world, name));

const link = z.object({ record: z.looseObject({ kind: z.string() }) });
type Recorded = z.infer<typeof link>['record'];

/** Once `isThere`: the lines of an export that verifies where there is no network. */
async function exportOnce(isThere: (record: Recorded) => boolean): Promise<string[]> {
  const lines = await until(
    'the record',
    async () => {
      const exported = await exportAudit(world, uid);
      return recordsIn(exported).some(isThere) && exported;
    },
    soon,
  );
  expect(verifyOffline(lines)).toMatchObject({ code: 0, told: expect.stringMatching(/^intact: /m) as string });
  return lines;
}
const recordsIn = (lines: readonly string[]): Recorded[] => lines.slice(1, -1).map((line) => link.parse(JSON.parse(line)).record);

describe('administrative changes', () => {
  test('a budget that somebody edits with kubectl is on record with what it was and what it is, on a chain that holds', async () => {
    const patch = JSON.stringify({ spec: { budget: { daily: { usd: 12 } } } });
    const before = Date.now();
    await world.kubectl.run(['patch', 'tenant', name, '--type', 'merge', '-p', patch]);
    const isIt = ({ kind, object, action }: Recorded) => kind === 'administrative_change' && object === 'policy' && action === 'changed';
    const lines = await exportOnce(isIt);
    const [changed] = recordsIn(lines).filter(isIt).slice(-1);
    expect(changed).toMatchObject({ part: 'operator', changes: [{ field: 'budget.daily.usd', before: 10, after: 12 }] });
    expect(Date.parse(z.string().parse(changed?.['at']))).toBeGreaterThanOrEqual(before - 1_000);

    const forged = lines.map((line) => line.replace('"before":10', '"before":11'));
    expect(forged).not.toEqual(lines);
    expect(verifyOffline(forged)).toMatchObject({ code: 1, told: expect.stringContaining('NOT INTACT') as string });
  });

  test('a key that is issued and revoked is on record with who asked for it, and not with itself', async () => {
    const keys = `${tenant.url}/api/v1/tenants/${name}/keys`;
    const answer = await call(keys, { method: 'POST', key: tenant.key, body: { name: 'website', scopes: ['chat'] } });
    expect(answer.status, answer.text).toBe(201);
    const { id, key } = z.looseObject({ id: z.string(), key: z.string() }).parse(JSON.parse(answer.text));
    expect((await call(`${keys}/${id}`, { method: 'DELETE', key: tenant.key })).status).toBe(204);
    const lines = await exportOnce((record) => record['key'] === id && record['action'] === 'removed');
    const ofKey = recordsIn(lines).filter((record) => record['key'] === id);
    const by = expect.stringMatching(/^key:[0-9a-f]+$/) as string;
    expect(ofKey).toMatchObject([
      { kind: 'administrative_change', part: 'edge', object: 'key', action: 'added', by },
      { kind: 'administrative_change', part: 'edge', object: 'key', action: 'removed', by },
    ]);
    expect(lines.join('\n')).not.toContain(key.slice(-32));
  });
});

test('a call of a tool is on record with the name of the tool, and not with what it was called with', async () => {
  const tools = ['lookup', 'other'].map((tool) => ({ type: 'function' as const, function: { name: tool, parameters: {} } }));
  const messages = [{ role: 'user' as const, content: 'call tool lookup with {"of":"what-nobody-else-may-read"}' }];
  const { choices } = await openai(`${tenant.url}/v1`, tenant.key).chat.completions.create({ model: agentName, messages, tools });
  expect(choices[0]?.message.tool_calls).toHaveLength(1);
  const lines = await exportOnce(({ kind, toolCalls }) => kind === 'model_call' && toolCalls === 'lookup');
  expect(lines.join('\n')).not.toContain('what-nobody-else-may-read');
});
