/** The health checks of `charts/cloister/files/health`, in the form in which Argo CD and Flux take them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';

export const healthFolder = join('examples', 'gitops', 'health');

const group = 'cloister.dev';
const version = 'v1alpha1';
const expressions = z.strictObject({ inProgress: z.string(), failed: z.string(), current: z.string() });
const kinds = ['Tenant', 'AgentConfig', 'TenantClass', 'ModelProvider'] as const;

/** File name → content. `root` is the repository's. */
export function healthFiles(root: string): ReadonlyMap<string, string> {
  const source = (name: string): string => readFileSync(join(root, 'charts', 'cloister', 'files', 'health', name), 'utf8');
  return new Map([
    ['argocd-cm.yaml', argo(source('argocd.lua'))],
    ['flux.yaml', flux(expressions.parse(parse(source('flux.yaml'))))],
  ]);
}

const header = (use: string): string => `# Generated from charts/cloister/files/health by "npm run generate". ${use}\n`;

/** One key for each kind: they stand beside whatever else the ConfigMap holds, where resource.customizations would replace it. */
function argo(script: string): string {
  const data = Object.fromEntries(kinds.map((kind) => [`resource.customizations.health.${group}_${kind}`, script]));
  return header('A patch of the ConfigMap argocd-cm.') + stringify({ data }, { aliasDuplicateObjects: false, lineWidth: 0 });
}

function flux(asked: z.infer<typeof expressions>): string {
  const healthCheckExprs = kinds.map((kind) => ({ apiVersion: `${group}/${version}`, kind, ...asked }));
  return header('A patch of a Kustomization or HelmRelease.') + stringify({ spec: { healthCheckExprs } }, { lineWidth: 140 });
}
