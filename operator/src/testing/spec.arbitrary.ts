/** Specs as their schema would have them, and a little beyond, for fast-check: made from the schema that the API server is given. */
import fc from 'fast-check';
import { z } from 'zod';
import { specSchema, type ResourceDefinition } from '../api/crd.ts';

interface Schema {
  readonly type?: string | undefined;
  readonly enum?: readonly unknown[] | undefined;
  readonly format?: string | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly minItems?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly items?: Schema | undefined;
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly additionalProperties?: Schema | boolean | undefined;
  readonly 'x-kubernetes-int-or-string'?: boolean | undefined;
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string }[] | undefined;
}
const schema: z.ZodType<Schema> = z.lazy(() =>
  z.looseObject({
    type: z.string().optional(),
    enum: z.array(z.unknown()).optional(),
    format: z.string().optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    minItems: z.number().optional(),
    maxLength: z.number().optional(),
    items: schema.optional(),
    properties: z.record(z.string(), schema).optional(),
    required: z.array(z.string()).optional(),
    additionalProperties: z.union([z.boolean(), schema]).optional(),
    'x-kubernetes-int-or-string': z.boolean().optional(),
    'x-kubernetes-validations': z.array(z.looseObject({ rule: z.string() })).optional(),
  }),
);

export const specOf = (resource: ResourceDefinition): fc.Arbitrary<unknown> => valueOf(schema.parse(specSchema(resource)));

/** Now and then what is wrong: a spec of many fields would never be admitted otherwise. */
const mostly = <T>(right: fc.Arbitrary<T>, wrong: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 30, arbitrary: right }, { weight: 1, arbitrary: wrong });

/** Plain ones, the same in other spelling, and such that some part of Kubernetes may stumble over. */
const quantities = mostly<string | number>(
  fc.constantFrom('1', 2, '500m', '50m', '64Mi', '1Gi', '4Gi', '1e3', '0.5', '1.5Gi', '.5', '1n', '8E', '128974848000m'),
  fc.constantFrom(9007199254740992, 0, '-1', 'lots', '10%'),
);
const countsOrShares = mostly<string | number>(fc.constantFrom('10%', '100%', 1, '7'), fc.constantFrom(9007199254740992, 0, '0%', '7m'));
const days = mostly(
  fc.date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true }).map((day) => day.toISOString().slice(0, 10)),
  fc.constantFrom('2026-02-29', '2026-3-31', 'today', ''),
);
const times = mostly(
  fc.constantFrom('2026-01-01T00:00:00Z', '2030-02-28T23:59:59.123+02:00'),
  fc.constantFrom('2026-01-01t00:00:00z', '2026-12-31T23:59:60Z', '2026-01-01', 'soon'),
);
/** What people write where no form is asked for. */
const texts = ['', 'a', 'A b', 'example.com/pool', 'a/b/c', '-', 'x'.repeat(64), 'ü', 'a\nb', '10.0.0.1', 'Europe/Vienna', 'Local', 'UTC'];

const byType: Readonly<Record<string, (one: Schema) => fc.Arbitrary<unknown>>> = {
  boolean: () => fc.boolean(),
  integer,
  number,
  array: ({ items = {}, minItems = 0 }) => fc.array(valueOf(items), { minLength: minItems, maxLength: Math.max(minItems, 3) }),
  object,
};

const rulesOf = (one: Schema): string[] => (one['x-kubernetes-validations'] ?? []).map(({ rule }) => rule);

function valueOf(one: Schema): fc.Arbitrary<unknown> {
  if (one['x-kubernetes-int-or-string']) return rulesOf(one).some((rule) => rule.includes('%')) ? countsOrShares : quantities;
  if (one.enum) return fc.constantFrom(...one.enum);
  return (byType[one.type ?? ''] ?? text)(one);
}

/** Mostly small ones, often the same: of two at random one is as likely above the other as not, where only one of these may be. */
function number({ minimum = 0, maximum = 1e9 }: Schema): fc.Arbitrary<number> {
  const some = fc.double({ min: minimum, max: maximum, noNaN: true });
  return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(minimum, Math.min(minimum + 1, maximum)) }, { weight: 1, arbitrary: some });
}

/** Small ones mostly: large ones alone would never agree with each other. */
function integer({ minimum = 0, maximum = 1e9 }: Schema): fc.Arbitrary<number> {
  return fc.oneof(
    fc.integer({ min: minimum, max: Math.min(minimum + 10, maximum) }),
    fc.integer({ min: minimum, max: Math.min(maximum, 2 ** 31 - 1) }),
  );
}

function text(one: Schema): fc.Arbitrary<string> {
  if (one.format === 'date-time') return times;
  if (one.format === 'date') return days;
  const pattern = rulesOf(one)
    .map((rule) => /^self\.matches\(r?'(.*?)'\)/.exec(rule)?.[1])
    .find((found) => found !== undefined);
  const fitting = pattern === undefined ? fc.string({ maxLength: 20 }) : fc.stringMatching(new RegExp(pattern), { size: 'small' });
  const short = fitting.filter((value) => value.length <= (one.maxLength ?? Infinity));
  const anyText = fc.constantFrom(...texts);
  return pattern === undefined ? fc.oneof(short, anyText) : mostly(short, anyText);
}

function object({ properties, required = [], additionalProperties }: Schema): fc.Arbitrary<unknown> {
  if (!properties)
    return fc.dictionary(
      fc.constantFrom(...texts, 'pool', 'example.com/zone'),
      valueOf(typeof additionalProperties === 'object' ? additionalProperties : {}),
      { maxKeys: 2 },
    );
  const fields = Object.entries(properties).map(([name, field]) => {
    const value = valueOf(field);
    return [name, required.includes(name) ? value : fc.option(value, { nil: undefined, freq: 2 })] as const;
  });
  return fc
    .record(Object.fromEntries(fields))
    .map((whole) => Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined)));
}
