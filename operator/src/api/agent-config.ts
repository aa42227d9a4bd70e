/** AgentConfig: one agent of a tenant, in the tenant's namespace. */
import { longestRequestSeconds } from '@cloister/tenancy';
import { z } from 'zod';
import { conditions, observedGeneration } from './conditions.ts';
import { atomic, imageReference, model, noneTwice, quantity, rules, worded } from './fields.ts';
import { budgetOfAgent, longestKept } from './limits.ts';

const ordered = rules({ rule: 'self.min <= self.max', message: 'min is above max' });
const temperature = z.number().min(0).max(2);
const outputTokens = z.int().min(1).max(1e7);

const resourceList = z.object({
  cpu: quantity().describe('CPU, for example 100m.').optional(),
  memory: quantity().describe('Memory, for example 256Mi.').optional(),
});

/** For what an AgentConfig does not set. */
export const builtInResources = { requests: { cpu: '50m', memory: '128Mi' }, limits: { cpu: '1', memory: '512Mi' } } as const;

const withinLimit = (name: 'cpu' | 'memory') => {
  const value = (part: 'requests' | 'limits') =>
    `quantity(string(has(self.${part}) && has(self.${part}.${name}) ? self.${part}.${name} : '${builtInResources[part][name]}'))`;
  const { requests, limits } = builtInResources;
  return {
    rule: `${value('requests')}.compareTo(${value('limits')}) <= 0`,
    message: `requests.${name} (built in: ${requests[name]}) is above limits.${name} (built in: ${limits[name]}); lower the one or raise the other`,
  };
};

const settings = z.object({
  models: z
    .array(model())
    .max(16)
    .meta({ ...atomic, ...rules(noneTwice) })
    .describe('Models to choose from.')
    .optional(),
  temperature: z
    .object({ min: temperature.describe('Lowest.'), max: temperature.describe('Highest.') })
    .meta(ordered)
    .describe('Bounds of the temperature.')
    .optional(),
  maxOutputTokens: z
    .object({ min: outputTokens.describe('Lowest.'), max: outputTokens.describe('Highest.') })
    .meta(ordered)
    .describe('Bounds of the length of an answer.')
    .optional(),
  additionalInstructions: z
    .object({ maxLength: z.int().min(1).max(32768).describe('In characters.') })
    .describe('Text may be added to the instructions.')
    .optional(),
});

const scaling = z
  .object({
    min: z.int().min(1).max(100).describe('Fewest replicas.'),
    max: z.int().min(1).max(100).describe('Most replicas.'),
    targetCPUPercent: z.int().min(10).max(100).describe('Replicas are added when pods use more of the CPU they request.').default(70),
  })
  .meta(ordered);

/** As providers take them, and with what servers of tools put between parts of a name. */
const toolName = worded(
  /^[A-Za-z0-9_.:-]{1,64}$/,
  64,
  'expected the name of a tool: letters of ASCII, digits, "_", ".", ":" and "-", at most 64, for example get_weather',
);
const mostTools = 64;

/** Of a list that was admitted before names of tools had a form: those that have it. No provider takes the others. */
export const wellNamedTools = (names: readonly string[]): string[] =>
  names.filter((name) => toolName.safeParse(name).success).slice(0, mostTools);

export const agentConfigSpec = z
  .object({
    model: model().describe('The model that answers, as <provider>/<model>.'),
    fallbacks: z
      .array(model())
      .max(5)
      .meta({ ...atomic, ...rules(noneTwice) })
      .describe('Tried in order when the model before cannot be reached.')
      .default([]),
    parameters: z
      .object({
        temperature: temperature.describe('0: always the likeliest word. 2: wild.').optional(),
        topP: z.number().min(0).max(1).describe('Choose among the words that make up this share of the probability.').optional(),
        maxOutputTokens: outputTokens.describe('Longest answer.').optional(),
      })
      .describe('What is sent along to the model.')
      .prefault({}),
    instructions: z
      .string()
      .max(32768)
      .describe('System prompt. {{tenant}}, {{agent}} and {{date}} are filled in.')
      .default('You are a helpful assistant.'),
    memory: z
      .object({
        maxMessages: z.int().min(0).max(1000).describe('How many earlier messages of a conversation go to the model.').default(20),
      })
      .describe('What the agent remembers.')
      .prefault({}),
    limits: z
      .object({
        requestTimeoutSeconds: z
          .int()
          .min(1)
          .max(longestRequestSeconds)
          .describe('How long one request may take. Where its pod is replaced meanwhile, it has a minute to end.')
          .default(120),
        maxMessageBytes: z.int().min(1024).max(10485760).describe('Longest message of a user.').default(65536),
      })
      .describe('Bounds of one request.')
      .prefault({}),
    budget: budgetOfAgent
      .describe(
        "What this agent may spend of the tenant's budget, in the tenant's days and months. A call must fit into both. Not set, or more than the tenant's: all of it. What the agent has spent before counts.",
      )
      .optional(),
    responseCache: z
      .object({
        ttlSeconds: z.int().min(1).max(longestKept).describe("For how long; no longer than the tenant's responseCache says.").default(300),
      })
      .describe(
        'Give an answer again where the agent asks a model for exactly the same, with temperature 0 or a seed, or for embeddings. ' +
          "It costs nothing. Not set: every request is asked anew. How much is kept is the tenant's to say.",
      )
      .optional(),
    allowedTools: z
      .array(toolName)
      .max(mostTools)
      .meta({ ...atomic, ...rules(noneTwice) })
      .describe('Names of the tools that models may be offered, whatever the agent or its callers send. Empty: none. Not set: any.')
      .optional(),
    settings: settings.describe('What the settings API may change, and how far. What is not set here cannot be changed.').prefault({}),
    replicas: z
      .int()
      .min(0)
      .max(100)
      .describe('How many pods; 1 when neither this nor scaling is set. Also set by "kubectl scale".')
      .optional(),
    scaling: scaling.describe('Let a HorizontalPodAutoscaler choose the number of pods.').optional(),
    resources: z
      .object({
        requests: resourceList.describe('Set aside for each pod. Built in: 50m CPU, 128Mi.').prefault({}),
        limits: resourceList.describe('More a pod cannot use. Built in: 1 CPU, 512Mi.').prefault({}),
      })
      .meta(rules(withinLimit('cpu'), withinLimit('memory')))
      .describe('Of each pod.')
      .prefault({}),
    image: imageReference()
      .describe(
        "Runs instead of Cloister's own agent runtime. Tell edge what an answer has cost in its header or trailer x-cloister-tokens. " +
          'It serves TLS at port 8080 and answers GET /healthz within 100 seconds of its start, GET /readyz when it can be asked. ' +
          'Pulled for each pod, unless images.pullPolicy of the chart is Never.',
      )
      .optional(),
  })
  .meta(
    rules(
      {
        rule: '!(has(self.replicas) && has(self.scaling))',
        message: 'replicas and scaling exclude each other; remove one of them',
      },
      {
        rule: '!has(self.fallbacks) || !(self.model in self.fallbacks)',
        message: 'fallbacks has spec.model itself; it has been tried already, so remove it there',
      },
    ),
  );
export type AgentConfigSpec = z.infer<typeof agentConfigSpec>;

export const agentConfigStatus = z.object({
  observedGeneration,
  endpoint: z.string().describe('Base URL of this agent, for OpenAI clients with /v1 after it.').optional(),
  revision: z.string().describe('The configuration that is wanted.').optional(),
  classRevision: z.string().describe("The revision of the tenant's class that this agent was judged by.").optional(),
  lastGoodRevision: z.string().describe('The configuration that last became Ready.').optional(),
  replicas: z.int().min(0).describe('Pods that exist.').optional(),
  readyReplicas: z.int().min(0).describe('Pods that serve.').optional(),
  selector: z.string().describe('Label selector of the pods.').optional(),
  conditions,
});
export type AgentConfigStatus = z.infer<typeof agentConfigStatus>;
