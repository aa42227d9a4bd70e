import fc from 'fast-check';
import { cheaper, windows } from './limits.ts';
import { record, some, upTo, type Spec, type Wishes } from './wish.ts';

const models = ['offline/echo', 'offline/other'] as const;

const parts = {
  instructions: some(fc.constantFrom('Be brief.', 'Be kind. {{date}}')),
  parameters: some(
    record({ temperature: some(fc.constantFrom(0, 0.5, 2)), topP: some(fc.constantFrom(0.1, 1)), maxOutputTokens: some(upTo(50)) }),
  ),
  memory: some(record({ maxMessages: some(upTo(50, 0)) })),
  limits: some(record({ requestTimeoutSeconds: some(upTo(60)), maxMessageBytes: some(upTo(65536, 1024)) })),
  budget: some(record({ ...windows, downgradeTo: some(cheaper) })),
  responseCache: some(record({ ttlSeconds: some(upTo(3600)) })),
  allowedTools: some(fc.subarray(['get_weather', 'mcp:search'])),
  settings: some(
    record({
      models: some(fc.subarray([...models], { minLength: 1 })),
      temperature: some(fc.constant({ min: 0, max: 1 })),
      maxOutputTokens: some(fc.constant({ min: 1, max: 50 })),
      additionalInstructions: some(fc.constant({ maxLength: 100 })),
    }),
  ),
  resources: some(
    record({
      requests: some(record({ cpu: some(fc.constantFrom('20m', '100m')), memory: some(fc.constant('64Mi')) })),
      limits: some(record({ cpu: some(fc.constantFrom('500m', 1)), memory: some(fc.constant('256Mi')) })),
    }),
  ),
  image: some(fc.constant('registry.example/agent:2')),
};

const model = fc
  .record({ chosen: fc.constantFrom(...models), fallsBack: fc.boolean() })
  .map(({ chosen, fallsBack }) => ({ model: chosen, ...(fallsBack && { fallbacks: models.filter((other) => other !== chosen) }) }));

const size = fc.oneof(
  fc.constant({}),
  upTo(3, 0).map((replicas) => ({ replicas })),
  record({ min: fc.constant(1), max: upTo(3), targetCPUPercent: some(upTo(100, 10)) }).map((scaling) => ({ scaling })),
);

/** Every field. */
const valid: fc.Arbitrary<Spec> = fc.tuple(record(parts), model, size).map(([spec, named, pods]) => ({ ...spec, ...named, ...pods }));

const unfulfillable: readonly Spec[] = [
  { model: 'nobody/knows' },
  { fallbacks: ['nobody/knows'] },
  { settings: { models: ['offline/echo', 'nobody/knows'] } },
  { budget: { downgradeTo: ['nobody/knows'] } },
  { replicas: 90, scaling: undefined },
];

const refused: readonly Spec[] = [
  { model: 7 },
  { model: 'no-slash' },
  { replicas: -1 },
  { replicas: 1.5 },
  { parameters: { temperature: 3 } },
  { parameters: { topP: 2 } },
  { limits: { requestTimeoutSeconds: 0 } },
  { memory: { maxMessages: 'many' } },
  { responseCache: { ttlSeconds: 0 } },
  { allowedTools: ['two words'] },
  { settings: { additionalInstructions: { maxLength: 0 } } },
  { resources: { limits: { memory: 'plenty' } } },
  { image: 'with space' },
  { scaling: { min: 0, max: 2 } },
];

export const agentWishes: Wishes = { valid, unfulfillable, refused };
