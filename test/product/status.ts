/** How to reach what runs: for people, and as JSON for programs. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { documentKey, namespaceOf, namespaces, parseDocument, tenantObjectName, tenantPolicy, tenantSecrets } from '@cloister/tenancy';
import { z } from 'zod';
import type { Target } from './target.ts';

const list = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) });
const tenant = z.object({ metadata: z.object({ name: z.string() }), status: z.object({ endpoint: z.string().optional() }).optional() });
const agent = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({ model: z.string(), fallbacks: z.array(z.string()).default([]) }),
});

export interface TenantStatus {
  readonly name: string;
  readonly namespace: string;
  /** For OpenAI clients on this machine: the key alone tells which tenant calls. */
  readonly baseURL: string;
  /** The tenant's own host, at which the Ingress answers too. */
  readonly host: string;
  readonly apiKeyFile: string;
  readonly agents: readonly string[];
  /** Models that the tenant's agents may use. */
  readonly models: readonly string[];
}

export interface Status {
  readonly kubeconfig: string;
  readonly tenants: readonly TenantStatus[];
}

export async function statusOf(target: Target): Promise<Status> {
  const tenants = list(tenant).parse(JSON.parse(await target.kubectl(['get', 'tenants', '-o', 'json']))).items;
  return {
    kubeconfig: target.kubeconfig,
    tenants: await Promise.all(tenants.map(({ metadata, status }) => tenantStatus(target, metadata.name, status?.endpoint))),
  };
}

async function tenantStatus(target: Target, name: string, endpoint: string | undefined): Promise<TenantStatus> {
  const namespace = namespaceOf(name);
  const agents = list(agent).parse(JSON.parse(await target.kubectl(['get', 'agentconfigs', '-n', namespace, '-o', 'json']))).items;
  return {
    name,
    namespace,
    baseURL: `${target.ingressURL}/v1`,
    host: endpoint === undefined ? '' : new URL(endpoint).hostname,
    apiKeyFile: await keyFile(target, name),
    agents: agents.map(({ metadata }) => metadata.name),
    models: await allowedModels(target, name),
  };
}

async function allowedModels({ kubectl }: Target, name: string): Promise<string[]> {
  const text = await kubectl(['get', 'configmap', tenantObjectName(name), '-n', namespaces.system, '-o', 'json']);
  const { data } = z.object({ data: z.record(z.string(), z.string()) }).parse(JSON.parse(text));
  return parseDocument(tenantPolicy, `the policy of tenant ${name}`, data[documentKey]).models;
}

/** Writes the tenant's default key where only this user can read it. */
async function keyFile({ kubectl, keysDir }: Target, name: string): Promise<string> {
  const encoded = await kubectl(['get', 'secret', tenantSecrets.apiKey('default'), '-n', namespaceOf(name), '-o', 'jsonpath={.data.key}']);
  await mkdir(keysDir, { recursive: true, mode: 0o700 });
  const file = join(keysDir, name);
  await writeFile(file, Buffer.from(encoded, 'base64'), { mode: 0o600 });
  await chmod(file, 0o600); // the mode above counts only for a new file
  return file;
}

export function statusText({ kubeconfig, tenants }: Status): string {
  const lines = tenants.flatMap(({ name, namespace, baseURL, host, apiKeyFile, agents, models }) => [
    '',
    `tenant ${name}`,
    `  namespace   ${namespace}`,
    `  base URL    ${baseURL}   (or its own host: ${new URL(baseURL).origin.replace(/\/\/[^:/]+/, `//${host}`)}/v1)`,
    `  API key     ${apiKeyFile}`,
    `  agents      ${agents.join(', ')}`,
    `  models      ${models.join(', ')}`,
  ]);
  return [`kubeconfig    ${kubeconfig}`, ...lines].join('\n');
}
