/** Whether two tenants are still strangers to each other. */
import { call } from '../e2e/support/http.ts';
import { agentName, type LiveTenant } from '../e2e/support/tenants.ts';

/** What one could see of the other; empty when they are isolated. */
export async function leaksBetween(one: LiveTenant, other: LiveTenant): Promise<string[]> {
  const body = { model: agentName, messages: [{ role: 'user', content: 'hello' }] };
  const attempts = [
    ['its chat', `${other.url}/v1/chat/completions`, 'POST'],
    ['its models', `${other.url}/v1/models`, 'GET'],
    ['its settings', `${other.url}/api/v1/tenants/${other.name}/settings`, 'GET'],
    ['its settings by its own host', `${one.url}/api/v1/tenants/${other.name}/settings`, 'GET'],
  ] as const;
  const leaks: string[] = [];
  for (const [what, url, method] of attempts) {
    const { status } = await call(url, { method, key: one.key, ...(method === 'POST' && { body }) });
    if (status !== 404) leaks.push(`${one.name} asked ${other.name} for ${what} and got ${status}`);
  }
  const { status } = await call(`${other.url}/v1/models`);
  if (status !== 401) leaks.push(`nobody asked ${other.name} for its models and got ${status}`);
  return leaks;
}
