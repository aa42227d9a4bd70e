/** The parts of a CustomResourceDefinition that its reference page shows. */
import { z } from 'zod';

const rule = z.object({ message: z.string().optional() });

export interface FieldSchema {
  readonly type?: string | undefined;
  readonly format?: string | undefined;
  readonly description?: string | undefined;
  readonly default?: unknown;
  readonly enum?: readonly unknown[] | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly maxItems?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly required?: readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, FieldSchema>> | undefined;
  readonly items?: FieldSchema | undefined;
  readonly additionalProperties?: unknown;
  readonly 'x-kubernetes-int-or-string'?: boolean | undefined;
  readonly 'x-kubernetes-validations'?: readonly z.infer<typeof rule>[] | undefined;
}

const fieldSchema: z.ZodType<FieldSchema> = z.lazy(() =>
  z.object({
    type: z.string().optional(),
    format: z.string().optional(),
    description: z.string().optional(),
    default: z.unknown().optional(),
    enum: z.array(z.unknown()).optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    maxItems: z.number().optional(),
    maxLength: z.number().optional(),
    required: z.array(z.string()).optional(),
    properties: z.record(z.string(), fieldSchema).optional(),
    items: fieldSchema.optional(),
    additionalProperties: z.unknown().optional(),
    'x-kubernetes-int-or-string': z.boolean().optional(),
    'x-kubernetes-validations': z.array(rule).optional(),
  }),
);

export const definition = z.object({
  spec: z.object({
    group: z.string(),
    scope: z.string(),
    names: z.object({ kind: z.string(), plural: z.string(), shortNames: z.array(z.string()).default([]) }),
    versions: z
      .array(
        z.object({
          name: z.string(),
          schema: z.object({ openAPIV3Schema: fieldSchema }),
          additionalPrinterColumns: z.array(z.object({ name: z.string(), priority: z.number().default(0) })).default([]),
        }),
      )
      .min(1),
  }),
});
export type Definition = z.infer<typeof definition>;
