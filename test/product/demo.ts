/** The main job, shown: a question to each tenant's agent through the tenant's own host, answered once whole and once as a stream. */
import { readFile } from 'node:fs/promises';
import { request } from 'undici';
import { z } from 'zod';
import type { Status, TenantStatus } from './status.ts';
import type { Target } from './target.ts';

const answer = z.object({ choices: z.array(z.object({ message: z.object({ content: z.string() }) })).min(1) });
const chunk = z.object({ choices: z.array(z.object({ delta: z.object({ content: z.string().nullish() }) })) });

export async function demonstrate(target: Target, status: Status, print: (line: string) => void): Promise<void> {
  for (const tenant of status.tenants) {
    const agent = tenant.agents[0];
    if (agent === undefined) continue;
    print(`\n── ${tenant.name}: POST http://${tenant.host}:${new URL(target.ingressURL).port}/v1/chat/completions, agent "${agent}"`);
    print(`   question  What can you do for me?`);
    print(`   answer    ${await whole(target, tenant, agent, 'What can you do for me?')}`);
    print(`   question  say 12 words`);
    print(`   streamed  ${(await streamed(target, tenant, agent, 'say 12 words')).join('·')}`);
  }
}

async function ask(target: Target, tenant: TenantStatus, body: object) {
  const response = await request(`${target.ingressURL}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      host: tenant.host,
      authorization: `Bearer ${await readFile(tenant.apiKeyFile, 'utf8')}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify(body),
  });
  if (response.statusCode !== 200) throw new Error(`tenant ${tenant.name} answered ${response.statusCode}: ${await response.body.text()}`);
  return response.body;
}

const messages = (content: string) => [{ role: 'user', content }];

async function whole(target: Target, tenant: TenantStatus, model: string, question: string): Promise<string> {
  const body = await ask(target, tenant, { model, messages: messages(question) });
  return answer
    .parse(await body.json())
    .choices.map(({ message }) => message.content)
    .join('');
}

/** The pieces as they came. */
async function streamed(target: Target, tenant: TenantStatus, model: string, question: string): Promise<string[]> {
  const body = await ask(target, tenant, { model, stream: true, messages: messages(question) });
  const events = (await body.text()).split('\n').filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]');
  return events.map((line) => chunk.parse(JSON.parse(line.slice('data: '.length))).choices[0]?.delta.content ?? '').filter(Boolean);
}
