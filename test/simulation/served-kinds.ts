/** Cloister's resources as the model serves them: checked by the very schemas from which their CustomResourceDefinitions are made. */
import type { z } from 'zod';
import { customKind, type FieldError, type ServedKind } from 'kube-model';
import { resources } from '../../operator/src/api/resources.ts';
import type { ResourceDefinition } from '../../operator/src/api/crd.ts';
import * as kinds from '../../operator/src/kinds.ts';

const kindOf = {
  Tenant: kinds.tenants,
  AgentConfig: kinds.agentConfigs,
  TenantClass: kinds.tenantClasses,
  ModelProvider: kinds.modelProviders,
};

export const servedKinds: readonly ServedKind[] = resources.map(servedAs);

/**
 * The annotation of an object that an earlier version has stored, by other rules: what is wrong with it may stay, as on servers that hold
 * changes alone to their rules.
 */
export const byOtherRules = 'simulation/by-other-rules';

const isByOtherRules = ({ metadata }: { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } }): boolean =>
  metadata.annotations?.[byOtherRules] !== undefined;

function servedAs(definition: ResourceDefinition): ServedKind {
  const kind = Object.values(kindOf).find((one) => one.kind === definition.kind);
  if (!kind) throw new Error(`the simulation knows no kind ${definition.kind}; add it to kindOf`);
  return customKind(kind, {
    ...(definition.scale && { scale: definition.scale }),
    validate: (object) => [
      ...(isByOtherRules(object) ? [] : errorsOf('spec', definition.spec, object['spec'])),
      ...errorsOf('status', definition.status, object['status']),
    ],
    defaults: (draft) => {
      if (draft['spec'] === undefined && definition.specDefault) draft['spec'] = definition.specDefault;
    },
  });
}

function errorsOf(field: 'spec' | 'status', schema: ResourceDefinition['spec'], value: unknown): FieldError[] {
  if (field === 'status' && value === undefined) return [];
  const result = schema.safeParse(value);
  return result.success ? [] : result.error.issues.map((issue) => errorOf(field, issue));
}

const errorOf = (field: string, { path, message }: z.core.$ZodIssue): FieldError => ({
  field: [field, ...path.map(String)].join('.'),
  reason: 'FieldValueInvalid',
  message,
});
