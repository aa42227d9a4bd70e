/**
 * Building blocks of the resource schemas. Each is a zod schema that carries what Kubernetes needs to know beyond JSON Schema:
 * CEL rules, list types, int-or-string. Rules are worded for the person whose `kubectl apply` was refused: field, value, remedy.
 */
import { domainPatternPattern, modelAllowPattern, modelNamePattern } from '@cloister/tenancy';
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
/** As the API server takes it in an Ingress: no address, and no single label, which would be a shared host such as localhost. */
export const hostName = (): z.ZodString =>
  worded(
    /^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/,
    253,
    'expected a host name with a dot, without port or wildcard and no address, for example agents.example.com',
  );
export const namespaceName = (): z.ZodString => worded(dnsLabel, 63, 'expected the name of a namespace');

/** A domain of the internet, or all below one. */
export const domain = (): z.ZodString =>
  worded(
    domainPatternPattern,
    253,
    'expected a domain in lower case, without scheme, port or dot at its end, and no address: api.example.com, or *.example.com for all below it; other letters are written as xn--…',
  );

/** Host and port of a URL as browsers read it: a last label of digits would be taken for an address. */
const octet = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
const urlHost = `(([A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?\\.)*[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?|${octet}(\\.${octet}){3})`;
const urlPort = '(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})';
const urlOf = (scheme: string, path: string): RegExp => new RegExp(`^${scheme}://${urlHost}(:${urlPort})?${path}$`);

export const baseURL = (): z.ZodString =>
  worded(
    urlOf('https?', '(/[^\\s?#]*[^\\s?#/])?'),
    512,
    'expected an http(s) URL without user, query and slash at its end, for example https://api.openai.com/v1',
  );
/** Some issuers end with a slash, and it counts. */
export const issuerURL = (): z.ZodString =>
  worded(urlOf('https', '(/[^\\s?#]*)?'), 512, 'expected an https:// URL without query, for example https://id.example.com/realms/acme');

/** Registry, repository, tag and digest, as container runtimes read them: what they could not is refused here and not in a pod. */
export const imageReference = (): z.ZodString =>
  worded(
    /^([A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*(:[0-9]{1,5})?\/)?[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*(:[A-Za-z0-9_][-A-Za-z0-9_.]{0,127})?(@sha256:[0-9a-f]{64})?$/,
    512,
    'expected an image reference, for example registry.example.com/agents/support:1.2',
  );

/** For lists of text in which an entry more than once is a mistake. */
export const noneTwice: CelRule = {
  rule: 'self.all(one, self.exists_one(other, other == one))',
  message: 'an entry is there twice; remove one of them',
};
export const label = (): z.ZodString =>
  worded(dnsLabel, 40, 'expected lower-case letters, digits and "-", at most 40, for example "support"');
/** A Service carries the name, and names of Services begin with a letter. */
export const agentNamePattern = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
export const agentName = (): z.ZodString =>
  worded(
    agentNamePattern,
    40,
    'expected the name of an AgentConfig: a lower-case letter, then lower-case letters, digits and "-", at most 40',
  );
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
        // Beyond 2^53 a number is not the same to everybody who reads it as JSON.
        rule: "type(self) == int ? self > 0 && self <= 9007199254740991 : type(self) == string && isQuantity(self) && quantity(self).isGreaterThan(quantity('0'))",
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
        rule: `type(self) == int ? self > 0 && self <= 9999999 : type(self) == string && self.matches(r'${countOrSharePattern.source}')`,
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
