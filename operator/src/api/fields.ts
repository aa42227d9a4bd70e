/**
 * Building blocks of the resource schemas. Each is a zod schema that carries what Kubernetes needs to know beyond JSON Schema:
 * CEL rules, list types, int-or-string. Rules are worded for the person whose `kubectl apply` was refused: field, value, remedy.
 */
import { modelAllowPattern, modelNamePattern } from '@cloister/tenancy';
import { z } from 'zod';

export interface CelRule {
  readonly rule: string;
  readonly message?: string;
  /** CEL that yields the message, where it should show a value. */
  readonly messageExpression?: string;
  readonly reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired';
}

export const rules = (...list: readonly CelRule[]): { 'x-kubernetes-validations': readonly CelRule[] } => ({
  'x-kubernetes-validations': list,
});

/** Entries are told apart by these fields, so that server-side apply merges lists written by several people. */
export const listMap = (...keys: readonly string[]): Readonly<Record<string, unknown>> => ({
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
});
export const listSet: Readonly<Record<string, unknown>> = { 'x-kubernetes-list-type': 'set' };
export const atomic: Readonly<Record<string, unknown>> = { 'x-kubernetes-list-type': 'atomic' };

/**
 * Text of a certain form. The pattern goes to the API server as a CEL rule, not as `pattern`: a failed pattern is reported as
 * "should match '^…$'", a failed rule says in words what was expected.
 */
export function worded(pattern: RegExp, maxLength: number, expected: string): z.ZodString {
  return z
    .string()
    .max(maxLength)
    .refine((text) => pattern.test(text), expected)
    .meta(rules({ rule: `self.matches(r'${pattern.source.replaceAll('\\/', '/')}')`, message: expected }));
}

export const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const dnsName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Name of another Kubernetes object. */
export const objectName = (): z.ZodString =>
  worded(dnsName, 253, 'expected the name of an object: lower-case letters, digits, "-" and "."');
export const hostName = (): z.ZodString =>
  worded(dnsName, 253, 'expected a host name without port or wildcard, for example agents.example.com');
export const label = (): z.ZodString =>
  worded(dnsLabel, 40, 'expected lower-case letters, digits and "-", at most 40, for example "support"');
export const model = (): z.ZodString => worded(modelNamePattern, 200, 'expected <provider>/<model>, for example openai/gpt-5-mini');
export const modelPattern = (): z.ZodString =>
  worded(modelAllowPattern, 200, 'expected <provider>/<model> or <provider>/<prefix>*, for example openai/*');

/** A Kubernetes quantity above zero, written as number or text (`2`, `500m`, `4Gi`); read as text. */
export const quantity = (): z.ZodType<string, string | number> =>
  z
    .union([z.int(), z.string()])
    .transform(String)
    .refine((text) => /^\+?[0-9.]+([eE][-+]?[0-9]+|[numkKMGTPE]i?)?$/.test(text), 'expected a quantity')
    .meta({
      'x-kubernetes-int-or-string': true,
      maxLength: 32,
      ...rules({
        rule: "type(self) == int ? self > 0 : type(self) == string && isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))",
        message: 'expected a quantity above zero, for example 500m (CPU) or 4Gi (memory)',
      }),
    });

/** How many of something: a number from 1, or a share such as 25%. Read as text. */
export const countOrShare = (): z.ZodType<string, string | number> =>
  z
    .union([z.int(), z.string()])
    .transform(String)
    .refine((text) => countOrSharePattern.test(text), 'expected a count or a share')
    .meta({
      'x-kubernetes-int-or-string': true,
      maxLength: 16,
      ...rules({
        rule: `type(self) == int ? self > 0 : type(self) == string && self.matches(r'${countOrSharePattern.source}')`,
        message: 'expected a number from 1, or a share from 1% to 100%',
      }),
    });
const countOrSharePattern = /^([1-9][0-9]{0,6}|([1-9][0-9]?|100)%)$/;

/** A LabelSelector that selects something in particular: an empty one would select everything. */
export const labelSelector = () =>
  z
    .object({
      matchLabels: z.record(z.string(), z.string().max(63)).describe('All of these labels must be there.').optional(),
      matchExpressions: z
        .array(
          z.object({
            key: z.string().min(1).max(316).describe('Key of the label.'),
            operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']).describe('How its value is compared.'),
            values: z.array(z.string().max(63)).max(64).meta(atomic).describe('For In and NotIn.').optional(),
          }),
        )
        .max(16)
        .meta(atomic)
        .describe('All of these must hold.')
        .optional(),
    })
    .meta(
      rules({
        rule: '(has(self.matchLabels) && size(self.matchLabels) > 0) || (has(self.matchExpressions) && size(self.matchExpressions) > 0)',
        message: 'an empty selector would select every tenant; set matchLabels or matchExpressions',
      }),
    );
export type LabelSelector = z.infer<ReturnType<typeof labelSelector>>;

export const secretRef = (where: string): z.ZodObject<{ name: z.ZodString; key: z.ZodString }> =>
  z.object({
    name: objectName().describe(`Name of a Secret ${where}.`),
    key: worded(/^[-._a-zA-Z0-9]+$/, 253, 'expected a key of the Secret').describe('Key within that Secret.'),
  });
