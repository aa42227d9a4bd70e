/** Turns a zod schema into a CustomResourceDefinition whose schema is structural, as the API server requires. */
import { group, version } from '@cloister/tenancy';
import { z } from 'zod';
import { unobserved } from './conditions.ts';
import type { CelRule } from './fields.ts';

export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'date';
  readonly jsonPath: string;
  /** 0 shows always, 1 only with `-o wide`. */
  readonly priority?: number;
  readonly description?: string;
}

export interface ResourceDefinition {
  readonly kind: string;
  readonly plural: string;
  readonly shortName: string;
  readonly namespaced: boolean;
  readonly description: string;
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
  /** On the whole object: the only place from which `metadata.name` can be seen. */
  readonly rules: readonly CelRule[];
  readonly columns: readonly PrinterColumn[];
  readonly scale?: { readonly specReplicasPath: string; readonly statusReplicasPath: string; readonly labelSelectorPath: string };
  /** Set where the spec may be left out altogether. */
  readonly specDefault?: object;
}

export interface CustomResourceDefinition {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: object;
}

export function customResourceDefinition(definition: ResourceDefinition): CustomResourceDefinition {
  const { kind, plural, shortName, namespaced, columns, scale } = definition;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, labels: { 'app.kubernetes.io/name': 'cloister' } },
    spec: {
      group,
      scope: namespaced ? 'Namespaced' : 'Cluster',
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase(), shortNames: [shortName], categories: ['cloister'] },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: rootSchema(definition) },
          subresources: { status: {}, ...(scale ? { scale } : {}) },
          additionalPrinterColumns: columns,
        },
      ],
    },
  };
}

function rootSchema({ description, spec, status, rules, specDefault }: ResourceDefinition): object {
  return {
    description,
    type: 'object',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: {
        description: 'What is wanted.',
        ...structural(spec),
        ...(specDefault ? { default: specDefault } : {}),
      },
      status: {
        description: 'What was found. Written by the operator.',
        ...structural(status),
        default: { observedGeneration: unobserved },
      },
    },
    ...(rules.length > 0 ? { 'x-kubernetes-validations': rules } : {}),
  };
}

/** Schema of the spec alone. */
export const specSchema = ({ spec }: ResourceDefinition): object => structural(spec);

/** JSON Schema of the input, without what a structural schema may not hold. */
function structural(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    override: ({ jsonSchema }) => {
      // zod bounds every integer to what JavaScript can count; that is noise in a schema.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.format === 'date-time' || jsonSchema.format === 'date') delete jsonSchema.pattern; // the format alone is checked by the API server
      if (jsonSchema['x-kubernetes-int-or-string'] === true) jsonSchema.anyOf = [{ type: 'integer' }, { type: 'string' }];
    },
  });
  return rest;
}
